"""Requests for staging: what is sent, the receipt, and how they go on, in the two styles that servers have."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote, unquote, urlsplit

from tpcharness.wire.errors import WireError
from tpcharness.wire.tape.discovery import TapeService
from tpcharness.wire.tape.reading import Oddities, plain_path, read_items, read_object, text_of

_REQUEST_ID = re.compile(r"[!-~]{1,200}")


class FileState(StrEnum):
    """How far a file is. UNKNOWN is a word that the specification does not have."""

    SUBMITTED = "SUBMITTED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"

    @property
    def terminal(self) -> bool:
        return self in (FileState.COMPLETED, FileState.FAILED, FileState.CANCELLED)


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One file of a request. `state` is worked out where the server says `onDisk` instead (EOS, CTA)."""

    path: str
    state: FileState
    on_disk: bool | None = None
    error: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a server calls the request that it took. Not `sound`: only its Location says so, and FTS looks there not."""

    request_id: str
    sound: bool = True
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One look at a request; `files` in the order of the server, each path once."""

    request_id: str
    files: tuple[StagedFile, ...]
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deviations: tuple[str, ...] = ()

    def of(self, path: str) -> StagedFile | None:
        """What it says of a path, however it writes the slashes; None when the path is missing."""
        wanted = plain_path(path)
        return next((file for file in self.files if plain_path(file.path) == wanted), None)


def stage_body(paths: Sequence[str], disk_lifetime_seconds: int, activity: str = "") -> bytes:
    """The body of a STAGE. The lifetime is always said: dCache's own default is two days.

    `activity` goes under the name "default", which stands for any site (EOS-6201, rucio#7451).
    """
    if not paths or disk_lifetime_seconds < 1:
        raise ValueError("a request for staging needs a path, and a lifetime of a second at least")
    more = {"targetedMetadata": {"default": {"activity": activity}}} if activity else {}
    lifetime = f"PT{disk_lifetime_seconds}S"
    return _json({"files": [{"path": path, "diskLifetime": lifetime, **more} for path in paths]})


def paths_body(paths: Sequence[str]) -> bytes:
    """The body of a cancel, a release and an archiveinfo."""
    return _json({"paths": list(paths)})


def request_url(service: TapeService, request_id: str) -> str:
    """Where a request is polled and deleted; its id is one component of the path, whatever stands in it."""
    return f"{service.stage_url}/{quote(request_id, safe='')}"


def cancel_url(service: TapeService, request_id: str) -> str:
    return f"{request_url(service, request_id)}/cancel"


def release_url(service: TapeService, request_id: str) -> str:
    return f"{service.uri}/release/{quote(request_id, safe='')}"


def parse_receipt(body: bytes, status: int, location: str, service: TapeService) -> Receipt:
    """The answer to a STAGE. Raises WireError when nothing in it names the request, so that we could never end it.

    gfal2 takes nothing but 201; `Location` has to be where the request is.
    """
    odd = Oddities()
    if status != 201:
        odd.note(f"a request was accepted with status {status} in place of 201")
    named = _last_component(location)
    try:
        request_id = text_of(read_object(body, "the receipt").get("requestId"))
    except WireError:
        request_id = ""
    if not _usable(request_id):
        if not _usable(named):
            raise WireError("the receipt names no requestId")
        odd.note("the receipt names no requestId")
        return Receipt(named, False, tuple(odd.texts))
    if not location:
        odd.note("the receipt has no Location")
    elif named != request_id:
        odd.note("Location and requestId of the receipt differ")
    return Receipt(request_id, True, tuple(odd.texts))


def parse_status(body: bytes, request_id: str) -> StageStatus:
    """One poll. Raises WireError for what is no such document, or is about another request."""
    document = read_object(body, "the answer to a poll")
    odd = Oddities()
    found = text_of(document.get("id"))
    if found != request_id:
        raise WireError("the answer to a poll is about another request" if found else "the answer to a poll has no id")
    files: dict[str, StagedFile] = {}
    for item in read_items(document.get("files"), "`files` of the answer to a poll"):
        file = _file(item, odd)
        if plain_path(file.path) in files:
            odd.note("a path twice in one answer")
            continue
        files[plain_path(file.path)] = file
    created = odd.moment(document, "createdAt")
    if created is None:
        odd.note("createdAt is missing")
    return StageStatus(
        request_id,
        tuple(files.values()),
        created,
        odd.moment(document, "startedAt"),
        odd.moment(document, "completedAt"),
        tuple(odd.texts),
    )


def _file(item: object, odd: Oddities) -> StagedFile:
    if not isinstance(item, dict):
        raise WireError("an item of `files` is no object")
    path = text_of(item.get("path"))
    if not path:
        raise WireError("an item of `files` has no path")
    error = odd.error(item)
    on_disk = item.get("onDisk")
    if on_disk is not None and not isinstance(on_disk, bool):
        odd.note("onDisk is neither true nor false")
        on_disk = None
    if "state" in item:
        if on_disk is not None:
            odd.note("both state and onDisk of a file")
        state = _state(text_of(item["state"]), odd)
    elif on_disk is not None:
        state = FileState.COMPLETED if on_disk else FileState.SUBMITTED
    else:
        state = FileState.UNKNOWN
        if not error:
            odd.note("neither state nor onDisk of a file")
    if error and state is not FileState.FAILED and state is not FileState.CANCELLED:
        # An error is the end, whatever stands beside it: so gfal2 reads it, and EOS without permission says no more.
        if "state" in item:
            odd.note("a file with an error that has not failed")
        state = FileState.FAILED
    return StagedFile(path, state, on_disk, error, odd.moment(item, "startedAt"), odd.moment(item, "finishedAt"))


def _state(word: str, odd: Oddities) -> FileState:
    if word == "CANCELED":
        odd.note("the state CANCELED, which is spelled CANCELLED")
        return FileState.CANCELLED
    try:
        return FileState(word)
    except ValueError:
        odd.note("a state that the specification does not have")
        return FileState.UNKNOWN


def _usable(request_id: str) -> bool:
    return _REQUEST_ID.fullmatch(request_id) is not None and request_id not in (".", "..")


def _last_component(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "strict")
