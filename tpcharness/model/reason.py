"""The reasons: one frozen, append-only table of everything that a probe can end with.

A reason says *what* went wrong and in which one phase it shows; the blame beside it in a result says *who* has to
act. `code` joins both into one number for metrics. Numbers, names and phases are public: never changed, never
reused, only added (design 5, rule 8).

Words: "active" is the storage that got our COPY and moves the bytes, "passive" the other one. A passive party's
refusal is always a matter of the `transfer` phase, whether the active one relays it as the status of our COPY
(XRootD 6 pull) or as the last line of a stream (everybody else): the same cause must get the same name everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.reason_rows import ROWS
from tpcharness.model.variant import Blame, Phase


class Reason(StrEnum):
    """What a probe ended with. `ok` is a reason too, so that every result has one."""

    OK = "ok"
    # not tried
    ENDPOINT_DOWN = "endpoint_down"
    NOT_REACHED = "not_reached"
    SEED_LOST = "seed_lost"
    # our own
    INTERNAL = "internal"
    CANCELLED = "cancelled"
    STATE_UNWRITABLE = "state_unwritable"
    WORKER_UNAVAILABLE = "worker_unavailable"
    WORKER_LOST = "worker_lost"
    # token
    TOKEN_SOURCE_FAILED = "token_source_failed"
    ISSUER_UNREACHABLE = "issuer_unreachable"
    ISSUER_REFUSED = "issuer_refused"
    TOKEN_REDUCED = "token_reduced"
    TOKEN_EXPIRED = "token_expired"
    ISSUER_INVALID = "issuer_invalid"
    # resolve, connect, tls: our own connection
    DNS_FAILURE = "dns_failure"
    NO_ADDRESS_IN_FAMILY = "no_address_in_family"
    CONNECTION_REFUSED = "connection_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    UNREACHABLE = "unreachable"
    LOCAL_NETWORK = "local_network"
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_EXPIRED = "tls_expired"
    TLS_HOSTNAME = "tls_hostname"
    TLS_HANDSHAKE = "tls_handshake"
    TLS_TIMEOUT = "tls_timeout"
    # prepare: the seed at the source
    SEED_REFUSED = "seed_refused"
    SEED_FAILED = "seed_failed"
    SEED_CORRUPT = "seed_corrupt"
    # request: our request, refused or not answered by the storage we sent it to
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    DESTINATION_EXISTS = "destination_exists"
    PARENT_MISSING = "parent_missing"
    IS_DIRECTORY = "is_directory"
    BAD_REQUEST = "bad_request"
    TPC_UNSUPPORTED = "tpc_unsupported"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    NO_RESPONSE = "no_response"
    CONNECTION_LOST = "connection_lost"
    MALFORMED_RESPONSE = "malformed_response"
    REDIRECT_LOOP = "redirect_loop"
    REDIRECT_INVALID = "redirect_invalid"
    REDIRECT_DOWNGRADE = "redirect_downgrade"
    PASSIVE_ADDRESS_FORBIDDEN = "passive_address_forbidden"
    DELEGATION_REQUIRED = "delegation_required"
    TAPE_UNSUPPORTED = "tape_unsupported"
    TAPE_INVALID = "tape_invalid"
    TAPE_FILE_UNAVAILABLE = "tape_file_unavailable"
    LEGACY_ANSWERS = "legacy_answers"
    RANGE_WRONG = "range_wrong"
    RANGE_REFUSED = "range_refused"
    # transfer: between the two storages
    PASSIVE_UNAUTHENTICATED = "passive_unauthenticated"
    PASSIVE_FORBIDDEN = "passive_forbidden"
    PASSIVE_NOT_FOUND = "passive_not_found"
    PASSIVE_OVERLOADED = "passive_overloaded"
    PASSIVE_ERROR = "passive_error"
    PASSIVE_DNS_FAILURE = "passive_dns_failure"
    PASSIVE_REFUSED = "passive_refused"
    PASSIVE_TIMEOUT = "passive_timeout"
    PASSIVE_UNREACHABLE = "passive_unreachable"
    PASSIVE_TLS_FAILED = "passive_tls_failed"
    PASSIVE_REDIRECT = "passive_redirect"
    PASSIVE_CUT = "passive_cut"
    PASSIVE_STALLED = "passive_stalled"
    NO_SPACE = "no_space"
    LOCAL_IO_ERROR = "local_io_error"
    TRANSFER_FAILED = "transfer_failed"
    ABORTED = "aborted"
    NO_VERDICT = "no_verdict"
    MARKERS_GARBLED = "markers_garbled"
    NO_FIRST_MARKER = "no_first_marker"
    NO_FIRST_BYTE = "no_first_byte"
    NO_PROGRESS = "no_progress"
    MARKER_SILENCE = "marker_silence"
    DEADLINE = "deadline"
    STAGE_FAILED = "stage_failed"
    STAGE_TIMEOUT = "stage_timeout"
    ARCHIVE_FAILED = "archive_failed"
    ARCHIVE_TIMEOUT = "archive_timeout"
    TRANSFER_CUT = "transfer_cut"
    STREAM_STALLED = "stream_stalled"
    # verify: what the destination says it has
    SIZE_MISMATCH = "size_mismatch"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    CHECKSUM_UNAVAILABLE = "checksum_unavailable"
    NOT_VISIBLE = "not_visible"
    VERIFY_REFUSED = "verify_refused"
    VERIFY_FAILED = "verify_failed"
    CONTENT_MISMATCH = "content_mismatch"
    STAGED_UNREADABLE = "staged_unreadable"
    # cleanup
    CLEANUP_REFUSED = "cleanup_refused"
    CLEANUP_FAILED = "cleanup_failed"
    STILL_WRITING = "still_writing"
    TAPE_REQUEST_LEFT = "tape_request_left"

    @property
    def info(self) -> ReasonInfo:
        """The row of the table."""
        return TABLE[self]

    @property
    def phase(self) -> Phase:
        """The one phase in which it shows."""
        return TABLE[self].phase

    def code(self, blame: Blame) -> int:
        """10 x number + blame digit: unique per (reason, blame), frozen; 0 is ok."""
        return TABLE[self].number * 10 + blame.digit


@dataclass(frozen=True, slots=True)
class ReasonInfo:
    """One row: everything that `tpcharness explain` says."""

    number: int
    reason: Reason
    phase: Phase
    sentence: str
    who: str
    fix: str
    reference: str


TABLE: dict[Reason, ReasonInfo] = {
    Reason(name): ReasonInfo(number, Reason(name), phase, sentence, who, fix, reference)
    for number, name, phase, sentence, who, fix, reference in ROWS
}
