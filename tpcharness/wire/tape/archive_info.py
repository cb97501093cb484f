"""Where files are: the answer to ARCHIVEINFO."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.wire.errors import WireError
from tpcharness.wire.tape.reading import Oddities, plain_path, read_items, read_json, text_of


class Locality(StrEnum):
    """Where the bytes of a file are, in the words of the specification."""

    DISK = "DISK"
    TAPE = "TAPE"
    DISK_AND_TAPE = "DISK_AND_TAPE"
    LOST = "LOST"
    NONE = "NONE"
    UNAVAILABLE = "UNAVAILABLE"

    @property
    def on_disk(self) -> bool:
        return self in (Locality.DISK, Locality.DISK_AND_TAPE)

    @property
    def on_tape(self) -> bool:
        return self in (Locality.TAPE, Locality.DISK_AND_TAPE)


@dataclass(frozen=True, slots=True)
class FileInfo:
    """One file. Without a locality there should be an error; EOS may have both."""

    path: str
    locality: Locality | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveInfo:
    """An answer, in the order of the server. It may have fewer files than were asked for (specification)."""

    files: tuple[FileInfo, ...]
    deviations: tuple[str, ...] = ()

    def of(self, path: str) -> FileInfo | None:
        """What it says of a path, however it writes the slashes; None when the path is missing."""
        wanted = plain_path(path)
        return next((file for file in self.files if plain_path(file.path) == wanted), None)


def parse_archive_info(body: bytes) -> ArchiveInfo:
    """Raises WireError for what is no such list."""
    odd = Oddities()
    files: dict[str, FileInfo] = {}
    for item in read_items(read_json(body, "the answer to archiveinfo"), "the answer to archiveinfo"):
        if not isinstance(item, dict):
            raise WireError("an item of the answer to archiveinfo is no object")
        path = text_of(item.get("path"))
        if not path:
            raise WireError("an item of the answer to archiveinfo has no path")
        locality = _locality(item, odd)
        error = odd.error(item)
        if locality is None and not error:
            odd.note("a file with neither locality nor error")
        if files.setdefault(plain_path(path), info := FileInfo(path, locality, error)) is not info:
            odd.note("a path twice in one answer")
    return ArchiveInfo(tuple(files.values()), tuple(odd.texts))


def _locality(item: dict[str, object], odd: Oddities) -> Locality | None:
    if "locality" not in item:
        return None
    try:
        return Locality(text_of(item["locality"]))
    except ValueError:
        odd.note("a locality that the specification does not have")
        return None
