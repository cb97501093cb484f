"""What a whole matrix means: a few sentences in place of n x n cells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant


class FindingKind(StrEnum):
    """The shapes that a cause leaves in a matrix."""

    ENDPOINT_DOWN = "endpoint_down"
    BAD_AS_SOURCE = "bad_as_source"
    BAD_AS_DESTINATION = "bad_as_destination"
    SINGLE_LINK = "single_link"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause and the cells that it explains, worst first in a list of findings.

    `culprits` holds one endpoint name, or source and destination of a single link. `cells` counts the failing
    (link, variant) cells explained, `of` those that were tried there. `probe_id` is one typical result.
    """

    kind: FindingKind
    culprits: tuple[str, ...]
    reason: Reason
    blame: Blame
    cells: int
    of: int
    sentence: str
    variants: tuple[Variant, ...] = ()
    probe_id: str = ""
