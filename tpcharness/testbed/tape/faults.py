"""What a tape service can do wrong: each with what the harness must find, and with where it was seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.reason import Reason


class TapeFault(StrEnum):
    """The names. They are for tests and users of the testbed; no code outside it knows them."""

    # the discovery document
    NOT_DISCOVERED = "not_discovered"
    EXAMPLE_DOCUMENT = "example_document"
    PAGE_FOR_DOCUMENT = "page_for_document"
    DEAD_URI = "dead_uri"
    ONLY_OLD_VERSION = "only_old_version"
    # every request
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a fault, not a secret
    NOT_ALLOWED = "not_allowed"
    OVERLOADED = "overloaded"
    UNREACHABLE_BULK = "unreachable_bulk"
    PAGE_FOR_ANSWER = "page_for_answer"
    # archiveinfo
    DROPS_PATHS = "drops_paths"
    NULL_ERRORS = "null_errors"
    FILE_LOST = "file_lost"
    FILE_UNAVAILABLE = "file_unavailable"
    SEES_EVERYTHING = "sees_everything"
    # stage and poll
    STAGE_FAILS = "stage_fails"
    TOO_MANY_TARGETS = "too_many_targets"
    NO_RECEIPT = "no_receipt"
    POLL_FORGETS = "poll_forgets"
    POLL_DROPS_PATH = "poll_drops_path"
    POLL_OTHER_ID = "poll_other_id"
    POLL_HICCUPS = "poll_hiccups"
    NEVER_ENDS = "never_ends"
    RECALL_FAILS = "recall_fails"
    CANCELS_ITSELF = "cancels_itself"
    NOT_READABLE = "not_readable"
    STAGES_HALF = "stages_half"
    EVICTS_EARLY = "evicts_early"
    # what is written for tape
    NEVER_MIGRATES = "never_migrates"
    MIGRATION_FAILS = "migration_fails"
    CLAIMS_TAPE = "claims_tape"
    # release and delete
    RELEASE_FAILS = "release_fails"
    NOTHING_ENDS = "nothing_ends"


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: what each of the two probes of an endpoint must conclude, and where the behaviour comes from."""

    fault: TapeFault
    sentence: str
    info: Reason
    stage: Reason
    source: str


# fmt: off
def _rows() -> tuple[Row, ...]:
    f, r, row = TapeFault, Reason, Row
    return (
        row(f.NOT_DISCOVERED, "has no discovery document", r.TAPE_UNSUPPORTED, r.TAPE_UNSUPPORTED,
            "xrootd#2248: 404; StoRM without the file"),
        row(f.EXAMPLE_DOCUMENT, "shows the example that came with the package", r.TAPE_INVALID, r.TAPE_INVALID,
            "tape-rest 6: dCache's file is edited by hand"),
        row(f.PAGE_FOR_DOCUMENT, "shows a web page for the document", r.TAPE_INVALID, r.TAPE_INVALID,
            "a portal that answers every path with 200"),
        row(f.DEAD_URI, "names a port where nobody listens", r.CONNECTION_REFUSED, r.CONNECTION_REFUSED,
            "tape-rest 1: dCache's frontend is another service"),
        row(f.ONLY_OLD_VERSION, "publishes v0.1 only", r.OK, r.TAPE_UNSUPPORTED,
            "tape-rest 1: EOS before staging is switched on"),
        row(f.TOKEN_REFUSED, "does not accept our token", r.UNAUTHENTICATED, r.UNAUTHENTICATED, "tape-rest 6: 401"),
        row(f.NOT_ALLOWED, "does not let us ask", r.FORBIDDEN, r.FORBIDDEN,
            "tape-rest 6: 403, or EOS's error for each path"),
        row(f.OVERLOADED, "has too many requests of ours", r.OVERLOADED, r.OVERLOADED, "tape-rest 6: dCache's 429"),
        row(f.UNREACHABLE_BULK, "cannot reach its own bulk service", r.SERVER_ERROR, r.SERVER_ERROR,
            "tape-rest 6 and dCache#7508: 500 with an opaque text"),
        row(f.PAGE_FOR_ANSWER, "answers with a web page", r.TAPE_INVALID, r.TAPE_INVALID, "a proxy before StoRM's"),
        row(f.DROPS_PATHS, "leaves paths out", r.TAPE_INVALID, r.TAPE_INVALID, "tape-rest 6: dCache cuts in silence"),
        row(f.NULL_ERRORS, "writes an error that is null", r.OK, r.OK, "gfal2 2.23.3"),
        row(f.FILE_LOST, "says that the file is lost", r.TAPE_FILE_UNAVAILABLE, r.TAPE_FILE_UNAVAILABLE,
            "tape-rest 5: LOST"),
        row(f.FILE_UNAVAILABLE, "says that the file is unavailable", r.TAPE_FILE_UNAVAILABLE, r.TAPE_FILE_UNAVAILABLE,
            "tape-rest 6: a library that is off"),
        row(f.SEES_EVERYTHING, "gives a locality to a file that is not there", r.TAPE_INVALID, r.OK,
            "specification of ARCHIVEINFO: no locality, an error"),
        row(f.STAGE_FAILS, "fails to take a request", r.OK, r.SERVER_ERROR, "tape-rest 6: EOS's 500 of the prepare"),
        row(f.TOO_MANY_TARGETS, "calls the request too large", r.OK, r.BAD_REQUEST, "dCache#7997, its 413"),
        row(f.NO_RECEIPT, "accepts and does not say under which name", r.OK, r.TAPE_INVALID, "specification of STAGE"),
        row(f.POLL_FORGETS, "does not know the request that it took", r.OK, r.TAPE_INVALID, "dCache#6894"),
        row(f.POLL_DROPS_PATH, "leaves the file out of its answer", r.OK, r.TAPE_INVALID, "dCache#6894, #7585"),
        row(f.POLL_OTHER_ID, "answers with another request", r.OK, r.TAPE_INVALID, "gfal2 compares the ids"),
        row(f.POLL_HICCUPS, "fails once when it is polled", r.OK, r.OK, "tape-rest 7: FTS polls again"),
        row(f.NEVER_ENDS, "stages for ever", r.OK, r.STAGE_TIMEOUT, "dCache#7744"),
        row(f.RECALL_FAILS, "cannot read the tape", r.OK, r.STAGE_FAILED, "tape-rest 4: FAILED"),
        row(f.CANCELS_ITSELF, "cancels what we did not cancel", r.OK, r.STAGE_FAILED, "an admin, or a restart"),
        row(f.NOT_READABLE, "says that it is done, but nothing can be read", r.OK, r.STAGED_UNREADABLE, "dCache#7607"),
        row(f.STAGES_HALF, "brings half of a file to the disk", r.OK, r.OK, "dCache#7607: a copy that is not whole"),
        row(f.EVICTS_EARLY, "takes a file from the disk that we hold there", r.OK, r.OK,
            "tape-rest 6: EOS evicts by path, whoever wants it"),
        row(f.NEVER_MIGRATES, "writes nothing to tape", r.OK, r.OK, "tape-rest 9: DISK for ever"),
        row(f.MIGRATION_FAILS, "cannot write to tape", r.OK, r.OK, "specification of ARCHIVEINFO: an error"),
        row(f.CLAIMS_TAPE, "calls every file archived, there or not", r.TAPE_INVALID, r.OK,
            "dCache#7805: localities made up"),
        row(f.RELEASE_FAILS, "fails to release", r.OK, r.OK, "tape-rest 6: EOS's 500; the delete ends it"),
        row(f.NOTHING_ENDS, "neither releases nor deletes", r.OK, r.TAPE_REQUEST_LEFT, "dCache#7516"),
    )
# fmt: on


CATALOGUE: tuple[Row, ...] = _rows()
