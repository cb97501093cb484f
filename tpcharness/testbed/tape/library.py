"""What is on disk and what is on tape, and the recalls from one to the other; time is given in."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from enum import StrEnum

from tpcharness.testbed.files import Content, File, FileStore, MemoryContent


class TapeContent:
    """The bytes of a file that may be on tape only: then whoever reads them gets none.

    `reads_left` is after how many reads it goes from the disk, `readable` how many of its bytes came to the disk.
    """

    blocks = True

    def __init__(self, inner: Content) -> None:
        self._inner = inner
        self.size = inner.size
        self.online = False
        self.reads_left: int | None = None
        self.readable: int | None = None

    async def append(self, data: bytes) -> None:
        await self._inner.append(data)
        self.size = self._inner.size

    def read(self, offset: int, length: int) -> bytes:
        if not self.online:
            raise FileNotFoundError
        if self.reads_left is not None:
            self.reads_left -= 1
            self.online = self.reads_left > 0
        if self.readable is not None:
            length = max(0, min(length, self.readable - offset))
        return self._inner.read(offset, length)

    def discard(self) -> None:
        self._inner.discard()


class Step(StrEnum):
    """How far one file of a request is."""

    SUBMITTED = "SUBMITTED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self not in (Step.SUBMITTED, Step.STARTED)


@dataclass(slots=True)
class Wish:
    """One file that one request wants on disk. `pinned`: the request holds it there."""

    path: str
    step: Step
    begun: float
    error: str = ""
    ended: float | None = None
    pinned: bool = False


@dataclass(slots=True)
class StageRequest:
    """What one STAGE asked for. `lifetime_seconds` is the shortest that was said, None where none was."""

    request_id: str
    created: float
    lifetime_seconds: float | None
    wishes: dict[str, Wish] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it still makes the storage do or hold anything."""
        return any(wish.pinned or not wish.step.ended for wish in self.wishes.values())


@dataclass(slots=True)
class Library:
    """A tape system with the disk of a storage before it. Every `now` is Unix time in seconds.

    A recall takes `recall_seconds`, in the first half of which it waits for a drive. What is written below the
    directory `archive` (none if empty) is on tape after `migrate_seconds`, and then no more on disk if `frees_disk`.
    """

    files: FileStore
    recall_seconds: float = 0.2
    requests: dict[str, StageRequest] = field(default_factory=dict)
    recalls: int = 0
    archive: str = ""
    migrate_seconds: float = 0.2
    frees_disk: bool = False
    _count: int = 0

    def add(self, path: str, data: bytes, *, online: bool = False) -> None:
        """A file that is on tape, and on disk too if `online`."""
        content = TapeContent(MemoryContent(data))
        content.online = online
        file = self.files.add(path, content)
        file.sums["adler32"] = zlib.adler32(data).to_bytes(4, "big")

    @property
    def open_requests(self) -> list[str]:
        """Ids of requests that still cost the storage anything."""
        return [request.request_id for request in self.requests.values() if request.open]

    def content(self, path: str) -> TapeContent | None:
        """The file's bytes if it is a file of the tape system."""
        node = self.files.find(path)
        return node.content if isinstance(node, File) and isinstance(node.content, TapeContent) else None

    def stage(self, paths: dict[str, str], lifetime_seconds: float | None, now: float) -> StageRequest:
        """A new request; `paths` are plain paths with what is wrong with each, or nothing."""
        self._count += 1
        digits = hashlib.sha256(f"{self._count} {now}".encode()).hexdigest()
        name = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
        request = StageRequest(name, now, lifetime_seconds)
        for path, error in paths.items():
            if error:
                request.wishes[path] = Wish(path, Step.FAILED, now, error, now)
                continue
            content = self.content(path)
            self.recalls += content is not None and not content.online
            request.wishes[path] = Wish(path, Step.SUBMITTED, now, pinned=True)
        self.requests[name] = request
        return request

    def is_for_tape(self, path: str) -> bool:
        """Whether what is written there goes to tape."""
        return bool(self.archive) and path.startswith(f"{self.archive}/")

    def migrate(self, now: float) -> None:
        """Everything that was written long enough ago is on tape now; an empty file never is."""
        for path in filter(self.is_for_tape, self.files.paths()):
            node = self.files.find(path)
            if not isinstance(node, File) or isinstance(node.content, TapeContent) or not node.complete:
                continue
            if node.size and now >= node.modified + self.migrate_seconds:
                node.content = TapeContent(node.content)
                node.content.online = not self.frees_disk

    def advance(self, now: float, *, ends: bool = True) -> None:
        """How far all requests have come by then. Without `ends` no recall comes to its end."""
        for request in self.requests.values():
            for wish in request.wishes.values():
                content = self.content(wish.path)
                if wish.step.ended or content is None:
                    continue
                age = now - wish.begun
                if content.online or (ends and age >= self.recall_seconds):
                    content.online = True
                    wish.step, wish.ended = Step.COMPLETED, now
                elif age >= self.recall_seconds / 2:
                    wish.step = Step.STARTED
            if request.lifetime_seconds is not None and now >= request.created + request.lifetime_seconds:
                self._unpin(request, list(request.wishes))

    def cancel(self, request: StageRequest, paths: list[str], now: float) -> None:
        """Stops what has not ended; copies that are there stay."""
        for path in paths:
            wish = request.wishes[path]
            if not wish.step.ended:
                wish.step, wish.ended = Step.CANCELLED, now
                wish.pinned = False

    def release(self, request: StageRequest, paths: list[str]) -> None:
        """The request needs these on disk no more; what nobody needs goes from the disk."""
        self._unpin(request, paths)

    def evict(self, path: str) -> None:
        """From the disk, whoever wants it there (EOS, whose release looks at no request)."""
        for request in self.requests.values():
            if path in request.wishes:
                request.wishes[path].pinned = False
        if (content := self.content(path)) is not None:
            content.online = False

    def delete(self, request: StageRequest, now: float) -> None:
        """Cancels it and forgets it; its pins go with it."""
        self.cancel(request, list(request.wishes), now)
        self._unpin(request, list(request.wishes))
        del self.requests[request.request_id]

    def _unpin(self, request: StageRequest, paths: list[str]) -> None:
        for path in paths:
            wish = request.wishes.get(path)
            if wish is None or not wish.pinned:
                continue
            wish.pinned = False
            held = any(other.wishes[path].pinned for other in self.requests.values() if path in other.wishes)
            content = self.content(path)
            if content is not None and not held:
                content.online = False
