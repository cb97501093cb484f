"""A storage's, an issuer's or our own misbehaviour as a value.

Above `net` nothing raises for what a peer did (design 3): functions return what was asked for, or a Failure.
"""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step did not come about.

    `blame` None means that the step itself cannot know which party it was talking to; the caller, who does,
    fills it in. `detail` is text for people: redacted, at most a few hundred characters. `perhaps_ours` says that
    our own side may as well be the cause, and nobody can tell from here.
    """

    reason: Reason
    detail: str = ""
    blame: Blame | None = None
    perhaps_ours: bool = False
