"""Who answers what at a tape service: requests in, answers out, nothing awaited."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from tpcharness.testbed.authorisation import Operation, Refused, Rights, Verifier
from tpcharness.testbed.files import Directory
from tpcharness.testbed.stream import Request
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.tape.library import Library, StageRequest, Step, Wish
from tpcharness.testbed.tape.manner import Manner
from tpcharness.testbed.tape.paper import Paper, RefusalError, problem, sheet

_DURATION = re.compile(r"PT(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?")
_KEYS = frozenset({"files"})
_FILE_KEYS = frozenset({"path", "diskLifetime", "targetedMetadata"})
_DENIED = "USER ERROR: you don't have prepare permission"
_PAGE = Paper(200, b"<!DOCTYPE html><title>Please log in</title>", "text/html")
_BLIND = frozenset({TapeFault.FILE_LOST, TapeFault.FILE_UNAVAILABLE})
_NO_MIGRATION = frozenset({TapeFault.NEVER_MIGRATES, TapeFault.MIGRATION_FAILS})
_WRITE_ERROR = "the file cannot be written to tape: tape write error"


@dataclass(slots=True)
class Desk:
    """Everything a tape service says. `own_uri` is where it is, whatever its discovery document claims."""

    library: Library
    verifier: Verifier
    manner: Manner
    faults: set[TapeFault]
    own_uri: Callable[[], str]
    _hiccups: set[str] = field(default_factory=set)
    _dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - an order, not a secret

    def answer(self, request: Request, body: bytes) -> Paper:
        """The answer to one request."""
        now = time.time()
        ends = TapeFault.NEVER_ENDS not in self.faults
        self.library.advance(now, ends=ends)
        if not _NO_MIGRATION & self.faults:
            self.library.migrate(now)
        try:
            return self._route(request, body, now)
        except RefusalError as error:
            return error.paper

    def _has(self, fault: TapeFault) -> bool:
        return fault in self.faults

    def _refuse(self, status: int, title: str, detail: str = "", *fields: tuple[str, str]) -> RefusalError:
        return RefusalError(problem(self.manner, status, title, detail, *fields))

    def _route(self, request: Request, body: bytes, now: float) -> Paper:
        if self._has(TapeFault.OVERLOADED):
            raise self._refuse(429, "Too Many Requests", "too many open requests", ("Retry-After", "1"))
        if self._has(TapeFault.UNREACHABLE_BULK):
            raise self._refuse(500, "Internal Server Error", "Bulk service is unreachable")
        rights = self.verifier.check(request.token)
        if isinstance(rights, Refused) or self._has(TapeFault.TOKEN_REFUSED):
            raise self._refuse(401, "Unauthorized")
        if self._has(TapeFault.PAGE_FOR_ANSWER):
            return _PAGE
        base, _, rest = request.path.partition(self.manner.base + "/")
        words = [unquote(word) for word in rest.rstrip("/").split("/")] if not base else []
        match request.method, words:
            case "POST", ["archiveinfo"]:
                return self._archive_info(self._paths(body), rights)
            case "POST", ["stage"]:
                return self._stage(body, rights, now)
            case "GET", ["stage", name]:
                return self._poll(self._request(name), now)
            case "POST", ["stage", name, "cancel"]:
                return self._cancel(self._request(name), self._paths(body), now)
            case "DELETE", ["stage", name]:
                return self._delete(self._request(name), now)
            case "POST", ["release", name]:
                return self._release(name, self._paths(body), rights)
        raise self._refuse(404, "Not Found")

    # what was asked

    def _object(self, body: bytes) -> dict[str, object]:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise self._refuse(400, "JSON Validation error" if self.manner.name == "eos" else "Invalid JSON")
        return document

    def _paths(self, body: bytes) -> list[str]:
        paths = self._object(body).get("paths")
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
            raise self._refuse(400, "Bad Request", "no paths")
        return paths

    def _request(self, name: str) -> StageRequest:
        found = self.library.requests.get(name)
        if found is None:
            raise self._refuse(404, "Not Found", f"no such request: {name}")
        return found

    def _may(self, rights: Rights, operation: Operation, path: str) -> bool:
        return not self._has(TapeFault.NOT_ALLOWED) and rights.may(operation, quote(_plain(path)))

    # what is answered

    def _archive_info(self, paths: list[str], rights: Rights) -> Paper:
        if self.manner.max_infos:
            paths = paths[: self.manner.max_infos]
        if self._has(TapeFault.DROPS_PATHS):
            paths = paths[:0]
        items = [self._info(path, rights) for path in dict.fromkeys(paths)]
        self._dice.shuffle(items)
        return sheet(200, items)

    def _info(self, path: str, rights: Rights) -> dict[str, object]:
        if not self._may(rights, Operation.POLL, path):
            if not self.manner.errors_per_path:
                raise self._refuse(403, "Forbidden", "Permission denied")
            return {"path": path, "error": _DENIED}
        node = self.library.files.find(_plain(path))
        content = self.library.content(_plain(path))
        more: dict[str, object] = {"error": None} if self._has(TapeFault.NULL_ERRORS) else {}
        if self._has(TapeFault.CLAIMS_TAPE):
            return {"path": path, "locality": "TAPE", **more}
        if node is None:
            if self._has(TapeFault.SEES_EVERYTHING):
                return {"path": path, "locality": "NONE"}
            return {"path": path, "error": "No such file or directory"}
        if isinstance(node, Directory):
            return {"path": path, "error": "Is a directory"}
        if content is None and self._has(TapeFault.MIGRATION_FAILS) and self.library.is_for_tape(_plain(path)):
            where = {"locality": "DISK"} if self.manner.error_with_locality else {}
            return {"path": path, "error": _WRITE_ERROR, **where}
        if content is None:
            locality = "NONE" if node.size == 0 and self.manner.name == "storm" else "DISK"
        elif faults := _BLIND & self.faults:
            locality = "LOST" if TapeFault.FILE_LOST in faults and self.manner.says_lost else "UNAVAILABLE"
        else:
            locality = "DISK_AND_TAPE" if content.online else "TAPE"
        return {"path": path, "locality": locality, **more}

    def _stage(self, body: bytes, rights: Rights, now: float) -> Paper:
        document = self._object(body)
        items = document.get("files")
        if not isinstance(items, list) or not items:
            raise self._refuse(400, "Bad Request", "no files")
        self._check_keys(document, items)
        if self._has(TapeFault.STAGE_FAILS):
            raise self._refuse(500, "Internal Server Error", "the prepare failed")
        limit = 0 if self._has(TapeFault.TOO_MANY_TARGETS) else self.manner.max_targets
        if len(items) > limit and (limit or self._has(TapeFault.TOO_MANY_TARGETS)):
            raise self._refuse(413, "Content Too Large", f"{len(items)} targets exceed the maximum of {limit}")
        wanted: dict[str, str] = {}
        lifetimes: list[float] = []
        for item in items:
            path = item.get("path") if isinstance(item, dict) else None
            if not isinstance(path, str) or not path:
                raise self._refuse(400, "Bad Request", "no path")
            wanted[_plain(path)] = self._objection(_plain(path), rights)
            lifetimes.append(self._lifetime(item.get("diskLifetime")))
        lifetime = min(lifetimes) if self.manner.reads_lifetime else None
        taken = self.library.stage(wanted, lifetime, now)
        self.library.advance(now, ends=False)
        document = {} if self._has(TapeFault.NO_RECEIPT) else {"requestId": taken.request_id}
        return sheet(201, document, ("Location", f"{self.own_uri()}/stage/{taken.request_id}"))

    def _check_keys(self, document: dict[str, object], items: list[object]) -> None:
        known = all(not isinstance(item, dict) or item.keys() <= _FILE_KEYS for item in items)
        if self.manner.strict and not (document.keys() <= _KEYS and known):
            raise self._refuse(400, "Bad Request", "unrecognized field")

    def _lifetime(self, value: object) -> float:
        """Seconds; dCache's default is two days."""
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            if value is not None and self.manner.strict:
                raise self._refuse(400, "Bad Request", "invalid duration")
            return 2 * 86400.0
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return hours * 3600.0 + minutes * 60.0 + seconds

    def _objection(self, path: str, rights: Rights) -> str:
        """Why a file of a request fails; empty when it is staged. Raises RefusalError where the whole request does."""
        if not self._may(rights, Operation.STAGE, path):
            if not self.manner.errors_per_path:
                raise self._refuse(403, "Forbidden", "Permission denied")
            return _DENIED
        node = self.library.files.find(path)
        if node is None:
            return "No such file or directory"
        if isinstance(node, Directory):
            return "Not a regular file."
        return "" if self.library.content(path) else self.manner.not_on_tape

    def _poll(self, request: StageRequest, now: float) -> Paper:
        name = request.request_id
        if self._has(TapeFault.POLL_FORGETS):
            raise self._refuse(404, "Not Found")
        if self._has(TapeFault.POLL_HICCUPS) and name not in self._hiccups:
            self._hiccups.add(name)
            return Paper(503)
        for wish in request.wishes.values():
            self._spoil(request, wish, now)
        wishes = list(request.wishes.values())
        self._dice.shuffle(wishes)
        if self.manner.sorted_by_state:
            wishes.sort(key=lambda wish: wish.step)
        items = [] if self._has(TapeFault.POLL_DROPS_PATH) else [self._file(wish) for wish in wishes]
        scale = 1000 if self.manner.milliseconds else 1
        ended = [wish.ended for wish in wishes if wish.ended is not None]
        document: dict[str, object] = {
            "id": "another" if self._has(TapeFault.POLL_OTHER_ID) else name,
            "createdAt": int(request.created * scale),
            "startedAt": 0 if self.manner.name == "storm" else int(request.created * scale),
            "files": items,
        }
        if self.manner.name == "storm" or (ended and len(ended) == len(wishes)):
            document["completedAt"] = int(max(ended) * scale) if len(ended) == len(wishes) and ended else 0
        return sheet(200, document)

    def _spoil(self, request: StageRequest, wish: Wish, now: float) -> None:
        """What faults make of a file that is staged."""
        content = self.library.content(wish.path)
        if self._has(TapeFault.RECALL_FAILS) and wish.step is not Step.FAILED:
            wish.step, wish.error, wish.ended, wish.pinned = Step.FAILED, "tape read error", now, False
        elif self._has(TapeFault.CANCELS_ITSELF) and not wish.step.ended:
            self.library.cancel(request, [wish.path], now)
        elif self._has(TapeFault.NEVER_ENDS) and wish.step is Step.SUBMITTED:
            wish.step = Step.STARTED
        elif self._has(TapeFault.NOT_READABLE) and content is not None and wish.step is Step.COMPLETED:
            content.online = False
        if content is not None and wish.step is Step.COMPLETED:
            content.readable = content.size // 2 if self._has(TapeFault.STAGES_HALF) else None
            content.reads_left = 1 if self._has(TapeFault.EVICTS_EARLY) else None

    def _file(self, wish: Wish) -> dict[str, object]:
        error: dict[str, object] = {"error": wish.error} if wish.error else {}
        if self._has(TapeFault.NULL_ERRORS) and not error:
            error = {"error": None}
        if not self.manner.states:
            if wish.error == _DENIED:
                return {"path": wish.path, **error}
            if wish.step is Step.CANCELLED:
                error = {"error": "USER ERROR: the request was cancelled"}
            return {"path": wish.path, "onDisk": wish.step is Step.COMPLETED, **error}
        item: dict[str, object] = {"path": wish.path, "state": wish.step.value}
        if self.manner.name == "storm":
            return item
        item["startedAt"] = int(wish.begun * 1000)
        if wish.ended is not None:
            item["finishedAt"] = int(wish.ended * 1000)
        return item | error

    def _cancel(self, request: StageRequest, paths: list[str], now: float) -> Paper:
        plain = [_plain(path) for path in paths]
        foreign = [path for path in plain if path not in request.wishes]
        if foreign:
            title, detail = "File missing from stage request", f"{foreign[0]} does not belong to the request"
            if self.manner.problem_in_headers:
                return Paper(400, fields=(("title", title), ("detail", detail)))
            raise self._refuse(400, title, detail)
        if self.manner.cancel_stops:
            self.library.cancel(request, plain, now)
        return Paper(200)

    def _delete(self, request: StageRequest, now: float) -> Paper:
        if self._has(TapeFault.NOTHING_ENDS):
            raise self._refuse(500, "Internal Server Error")
        self.library.delete(request, now)
        return Paper(200)

    def _release(self, name: str, paths: list[str], rights: Rights) -> Paper:
        if {TapeFault.NOTHING_ENDS, TapeFault.RELEASE_FAILS} & self.faults:
            raise self._refuse(500, "Internal Server Error", "the release failed")
        plain = [_plain(path) for path in paths]
        if self.manner.release_by_path:
            if not all(self._may(rights, Operation.STAGE, path) for path in plain):
                raise self._refuse(403, "Forbidden", _DENIED)
            for path in plain:
                self.library.evict(path)
            return Paper(200)
        if self.manner.release_asks:
            request = self._request(name)
            if any(path not in request.wishes for path in plain):
                raise self._refuse(400, "File missing from stage request")
        if self.manner.release_acts and name in self.library.requests:
            self.library.release(self.library.requests[name], plain)
        return Paper(200)


def _plain(path: str) -> str:
    """As a server must read it: doubled slashes are one."""
    return "/" + "/".join(part for part in path.split("/") if part)
