"""A body of ours on its way to a storage, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.net.messages import Answer
from tpcharness.payload.content import Content


@dataclass(slots=True)
class Upload:
    """A body that `net` can send, for `PayloadStore.remove_upload` in a probe's `finally`, wherever that was left.

    `begun` says that some of it may have gone. `answer` is what came of the request; None until then.
    """

    content: Content
    begun: bool = False
    answer: Answer | Failure | None = None

    @property
    def length(self) -> int:
        return self.content.size

    def chunks(self) -> Iterator[bytes]:
        """As `Content.chunks`."""
        self.begun = True
        yield from self.content.chunks()

    @property
    def failure(self) -> Failure | None:
        """Why the request failed, as far as that is known."""
        return self.answer if isinstance(self.answer, Failure) else None

    @property
    def may_come_late(self) -> bool:
        """Whether the storage may make a file of it yet: it has some or all, and has not told us what became of it."""
        silent = self.failure is not None and self.failure.reason is Reason.NO_RESPONSE
        return self.begun and (self.answer is None or silent)
