"""What the answers of a tape service mean. The blame of every failure here is the storage's that was asked."""

from __future__ import annotations

import re
from enum import StrEnum

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import redact
from tpcharness.wire.tape.archive_info import FileInfo, Locality
from tpcharness.wire.tape.stage import FileState, StagedFile

_MAX_SHOWN = 200


class Operation(StrEnum):
    """What a tape service was asked for, in words for people."""

    DISCOVERY = "the discovery document"
    ARCHIVE_INFO = "archiveinfo"
    STAGE = "stage"
    POLL = "the poll"
    CANCEL = "cancel"
    DELETE = "delete"
    RELEASE = "release"


_STATUS = {
    400: Reason.BAD_REQUEST,
    401: Reason.UNAUTHENTICATED,
    403: Reason.FORBIDDEN,
    413: Reason.BAD_REQUEST,  # too many files in one request: dCache since 10.2 and 11.2 (tape-rest 6)
    429: Reason.OVERLOADED,
    501: Reason.TAPE_UNSUPPORTED,  # EOS before staging is switched on (tape-rest 6)
    503: Reason.OVERLOADED,
}

# "USER ERROR: you don't have prepare permission" of EOS comes with status 200, file by file (tape-rest 6).
_DENIED = re.compile(r"permission|not authori[sz]ed|unauthori[sz]ed|forbidden|access denied", re.IGNORECASE)


def judge_answer(operation: Operation, status: int | None, text: str, failure: Failure | None) -> Failure | None:
    """Why a request to a tape service failed; None for any 2xx. `text` is what its error says, if it says anything."""
    if failure is not None:
        return failure
    if status is None:
        return Failure(Reason.NO_RESPONSE)
    if 200 <= status < 300:
        return None
    said = f"{operation} was answered {status}" + (f": {_shown(text)}" if text.strip() else "")
    if status in (404, 410):
        return _not_found(operation, said)
    return Failure(_STATUS.get(status) or (Reason.SERVER_ERROR if status >= 500 else Reason.BAD_REQUEST), said)


def _not_found(operation: Operation, said: str) -> Failure:
    match operation:
        case Operation.DISCOVERY:
            return Failure(Reason.TAPE_UNSUPPORTED, said)
        case Operation.ARCHIVE_INFO | Operation.STAGE:
            return Failure(Reason.TAPE_INVALID, f"{said}: the discovery document leads to where no service is")
        case _:
            return Failure(Reason.TAPE_INVALID, f"{said}: it does not know the request that it took itself")


def judge_info(path: str, info: FileInfo | None) -> Failure | None:
    """Why archiveinfo's word on a registered file is bad; None where the file can be staged or is on disk."""
    if info is None:
        return Failure(Reason.TAPE_INVALID, f"archiveinfo was asked for {path} and leaves it out")
    match info.locality:
        case None if _DENIED.search(info.error):
            return Failure(Reason.FORBIDDEN, f"archiveinfo of {path}: {_shown(info.error)}")
        case None if info.error:
            return Failure(Reason.TAPE_FILE_UNAVAILABLE, f"archiveinfo of {path}: {_shown(info.error)}")
        case None:
            return Failure(Reason.TAPE_INVALID, f"archiveinfo of {path} says neither locality nor error")
        case Locality.LOST | Locality.UNAVAILABLE | Locality.NONE:
            more = f": {_shown(info.error)}" if info.error else ""
            return Failure(Reason.TAPE_FILE_UNAVAILABLE, f"archiveinfo of {path}: {info.locality}{more}")
        case _:
            return None


def remark_on_info(path: str, info: FileInfo) -> str | None:
    """What is noteworthy about a good answer, without a server's text; None for nothing."""
    if info.locality is Locality.DISK:
        return f"{path} is registered as a file on tape, but it is on disk only"
    if info.locality is not None and info.error:
        return f"{path} has both a locality and an error: FTS takes it for a failure"
    return None


def judge_missing(path: str, info: FileInfo | None) -> Failure | None:
    """Whether archiveinfo tells a file that cannot exist from one that does; None when it does."""
    if info is not None and info.locality is not None:
        return Failure(Reason.TAPE_INVALID, f"archiveinfo of {path}, which does not exist: {info.locality}")
    return None


def judge_new_name(path: str, info: FileInfo | None) -> Failure | None:
    """Whether archiveinfo can be believed about a file that we have not written yet; None when it can.

    What is called on tape before it exists would be called on tape for ever.
    """
    if info is None:
        return Failure(Reason.TAPE_INVALID, f"archiveinfo was asked for {path} and leaves it out")
    if info.locality is None and _DENIED.search(info.error):
        return Failure(Reason.FORBIDDEN, f"archiveinfo of {path}: {_shown(info.error)}")
    return judge_missing(path, info)


def judge_archiving(path: str, info: FileInfo | None) -> Failure | None:
    """Why a file that was written does not get to tape; None as long as it may, and when it is there.

    An error says that it will not (specification of ARCHIVEINFO), also beside a locality, as EOS has it.
    """
    if info is None:
        return Failure(Reason.TAPE_INVALID, f"archiveinfo was asked for {path} and leaves it out")
    if info.locality is not None and info.locality.on_tape:
        return None
    if info.error:
        reason = Reason.FORBIDDEN if _DENIED.search(info.error) else Reason.ARCHIVE_FAILED
        return Failure(reason, f"archiveinfo of {path}: {_shown(info.error)}")
    match info.locality:
        case None:
            return Failure(Reason.TAPE_INVALID, f"archiveinfo of {path} says neither locality nor error")
        case Locality.DISK:
            return None
        case _:
            return Failure(Reason.ARCHIVE_FAILED, f"archiveinfo of {path}: {info.locality}")


def archiving_may_mend(info: FileInfo | None) -> bool:
    """Whether a bad word on a file that was written may be a matter of a moment: EOS says UNAVAILABLE between its
    disk and its tape, and a file that is not closed yet can be NONE.
    """
    return info is not None and not info.error and info.locality in (Locality.UNAVAILABLE, Locality.NONE)


def judge_file(path: str, file: StagedFile | None) -> Failure | None:
    """Why a file of a request will not come; None as long as it may, and when it is there."""
    if file is None:
        return Failure(Reason.TAPE_INVALID, f"the poll leaves {path} out: FTS takes that for a failure")
    if file.state is FileState.CANCELLED:
        return Failure(Reason.STAGE_FAILED, f"{path} was cancelled, but not by us")
    if file.state is not FileState.FAILED:
        return None
    reason = Reason.FORBIDDEN if _DENIED.search(file.error) else Reason.STAGE_FAILED
    return Failure(reason, f"{path}: {_shown(file.error) if file.error else 'failed, and it does not say why'}")


def _shown(text: str) -> str:
    return redact(" ".join(text.split()))[:_MAX_SHOWN]
