"""The truth table: every fault of the catalogue, where it bites, and what an expert concludes from the wire.

Where a dialect shows a cause in other words than most, `at` says what can be concluded from those. Where the wire
cannot tell two causes apart, the cell names them all and says why. Nothing here is taken from what the harness says.
"""

from __future__ import annotations

from tests.support.house import shortened
from tests.truth.expectations import (
    PULL,
    Found,
    Place,
    Row,
    active,
    destination,
    nobody,
    one_of,
    passive,
    path,
)
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits

R = Reason

# Nothing may take long, but only the clock that is meant may run out.
SILENT = shortened(response_seconds=1.5, request_seconds=3.0)
NO_BYTES = shortened(first_byte_seconds=1.2)
STANDING = shortened(no_progress_seconds=1.2)
MUTE = shortened(marker_silence_seconds=1.2, first_marker_seconds=1.2, response_seconds=1.5)
HURRIED = shortened(transfer_seconds=1.5)
HANGING = shortened(response_seconds=2.0)

ACTIVE, PASSIVE, DESTINATION = Place

ANYBODY = Found(R.TRANSFER_FAILED, frozenset(), "the text names no cause, and no known server writes it")
EITHER = ("source", "destination", "path")
STALL_WHY = "markers do not say which end the storage waits for"
BETWEEN_WHY = "a firewall of the passive site and one on the way look alike to the active party"

NO_WORDS_OF_ITS_OWN = {"dpm": None}  # no DPM could be asked how it says this: a bare status
SPEAK_OF_PERMISSION = ("dcache", "xrootd5", "xrootd6", "eos")


def both(fault: str, place: Place, found: Found, **more: object) -> Row:
    return Row(fault, place, found, found, **more)  # type: ignore[arg-type]


def pull(fault: str, place: Place, found: Found, **more: object) -> Row:
    return Row(fault, place, found, None, **more)  # type: ignore[arg-type]


def push(fault: str, place: Place, found: Found, **more: object) -> Row:
    return Row(fault, place, None, found, **more)  # type: ignore[arg-type]


def _doors() -> tuple[Row, ...]:
    return (
        # the storage that gets the COPY
        both("refuse", ACTIVE, active(R.CONNECTION_REFUSED)),
        both("tls_expired", ACTIVE, active(R.TLS_EXPIRED)),
        both("tls_untrusted", ACTIVE, active(R.TLS_UNTRUSTED)),
        both("tls_hostname", ACTIVE, active(R.TLS_HOSTNAME)),
        # the other one: refused or mistrusted by us as well, when we ask it after the failure
        both("refuse", PASSIVE, passive(R.PASSIVE_REFUSED)),
        both("tls_expired", PASSIVE, passive(R.PASSIVE_TLS_FAILED)),
        both("tls_untrusted", PASSIVE, passive(R.PASSIVE_TLS_FAILED)),
        both("tls_hostname", PASSIVE, passive(R.PASSIVE_TLS_FAILED)),
        # looking at the copy
        both("token_refused_direct", DESTINATION, destination(R.VERIFY_REFUSED)),
        both("drop_direct@HEAD", DESTINATION, destination(R.VERIFY_FAILED)),
        both("checksum_wrong", DESTINATION, destination(R.CHECKSUM_MISMATCH)),
        both("checksum_absent", DESTINATION, nobody()),
        both("checksum_other", DESTINATION, nobody()),
        both("checksum_garbled", DESTINATION, nobody()),
        both("visible_late", DESTINATION, nobody()),
        both("never_visible", DESTINATION, destination(R.NOT_VISIBLE)),
        both("look_refused", DESTINATION, destination(R.VERIFY_REFUSED)),
        both("look_fails", DESTINATION, destination(R.VERIFY_FAILED)),
        both("look_dropped", DESTINATION, destination(R.VERIFY_FAILED)),
        both("look_overloaded", DESTINATION, destination(R.VERIFY_FAILED)),
        # deleting it
        both("delete_refused", DESTINATION, destination(R.CLEANUP_REFUSED)),
        both("delete_ignored", DESTINATION, destination(R.CLEANUP_FAILED)),
        both("delete_fails", DESTINATION, destination(R.CLEANUP_FAILED)),
        both("read_only", DESTINATION, destination(R.CLEANUP_FAILED)),
    )


def _asked() -> tuple[Row, ...]:
    forbidden = dict.fromkeys(SPEAK_OF_PERMISSION, active(R.FORBIDDEN))  # no word against the token in their texts
    waits_for_source = one_of(
        R.NO_RESPONSE, "active", "passive", "path", why="it says nothing before the source has answered it (xrootd 5)"
    )
    return (
        both("active_400", ACTIVE, active(R.BAD_REQUEST)),
        both("active_401", ACTIVE, active(R.UNAUTHENTICATED), at=forbidden),
        both("active_403", ACTIVE, active(R.FORBIDDEN)),
        push("active_404", ACTIVE, active(R.NOT_FOUND)),
        both("active_405_html", ACTIVE, active(R.TPC_UNSUPPORTED)),
        # dCache: "Internal problem with server" (http-tpc 1.8)
        pull("active_exists", ACTIVE, active(R.DESTINATION_EXISTS), at={"dcache": active(R.SERVER_ERROR)}),
        pull(
            "active_409",
            ACTIVE,
            active(R.PARENT_MISSING),
            at=dict.fromkeys(("xrootd5", "xrootd6", "eos"), active(R.DESTINATION_EXISTS)),  # EEXIST, http-tpc 1.8
        ),
        pull("active_412", ACTIVE, active(R.DESTINATION_EXISTS)),
        pull("active_parent_missing", ACTIVE, active(R.PARENT_MISSING)),
        pull("active_is_directory", ACTIVE, active(R.IS_DIRECTORY), at=NO_WORDS_OF_ITS_OWN),
        push("active_busy", ACTIVE, active(R.LOCAL_IO_ERROR)),
        both("active_429", ACTIVE, active(R.OVERLOADED)),
        both("active_500", ACTIVE, active(R.SERVER_ERROR)),
        both("active_502", ACTIVE, active(R.SERVER_ERROR)),
        both("active_503", ACTIVE, active(R.OVERLOADED)),
        both("active_504", ACTIVE, active(R.SERVER_ERROR)),
        both("active_505", ACTIVE, active(R.SERVER_ERROR)),
        both("active_overloaded", ACTIVE, active(R.OVERLOADED)),
        pull("active_507", ACTIVE, active(R.NO_SPACE)),
        pull("active_413", ACTIVE, active(R.NO_SPACE)),
        both("delegation_demanded", ACTIVE, active(R.DELEGATION_REQUIRED)),
        both("loopback_forbidden", ACTIVE, active(R.PASSIVE_ADDRESS_FORBIDDEN)),
        pull("digest_mismatch_412", ACTIVE, passive(R.CHECKSUM_MISMATCH)),
        both("tpc_unsupported", ACTIVE, active(R.TPC_UNSUPPORTED)),
        both("tpc_501", ACTIVE, active(R.TPC_UNSUPPORTED)),
        both("tpc_html_page", ACTIVE, active(R.TPC_UNSUPPORTED)),
        both("tpc_no_content", ACTIVE, active(R.TPC_UNSUPPORTED)),
        Row(
            "hang_before_headers",
            ACTIVE,
            active(R.NO_RESPONSE),
            active(R.NO_RESPONSE),
            at=dict.fromkeys([(name, PULL) for name in ("xrootd5", "pelican", "dpm")], waits_for_source),
            limits=SILENT,
        ),
        both("drop_copy", ACTIVE, active(R.CONNECTION_LOST)),
        both("not_http", ACTIVE, active(R.MALFORMED_RESPONSE)),
        both("redirect_loop", ACTIVE, active(R.REDIRECT_LOOP)),
        both("redirect_downgrade", ACTIVE, active(R.REDIRECT_DOWNGRADE)),
        both("redirect_nowhere", ACTIVE, active(R.REDIRECT_INVALID)),
        both("redirect_no_url", ACTIVE, active(R.REDIRECT_INVALID)),
        # EOS has its own token in the URL too, but the one for the passive party stays behind like everywhere
        both("redirect_loses_token", ACTIVE, active(R.UNAUTHENTICATED)),
        both("redirect_dead", ACTIVE, active(R.CONNECTION_REFUSED)),
    )


def _accepted() -> tuple[Row, ...]:
    # XRootD gives up after 60 s without progress, StoRM after 30 s, Pelican has a clock too (http-tpc 1.11): with
    # them bytes that stand still end in words, see passive_stall. dCache pushes without a clock; DPM nobody knows.
    have_a_clock = dict.fromkeys(("xrootd5", "xrootd6", "eos", "storm", "pelican"))
    silent_pelican = {"pelican": one_of(R.MARKER_SILENCE, *EITHER, why="it is silent while bytes stand still")}
    return (
        both(
            "silent_after_headers",
            ACTIVE,
            active(R.NO_FIRST_MARKER),
            at={
                "pelican": one_of(R.NO_FIRST_MARKER, *EITHER, why="it is silent while bytes stand still"),
                "storm": active(R.NO_RESPONSE),  # its head comes with the first marker, whatever the source does
            },
            limits=MUTE,
        ),
        both(
            "frozen_bytes",
            ACTIVE,
            one_of(R.NO_PROGRESS, *EITHER, why=STALL_WHY),
            at=have_a_clock,
            limits=STANDING,
            markers=True,
        ),
        both(
            "no_first_byte",
            ACTIVE,
            one_of(R.NO_FIRST_BYTE, *EITHER, why=STALL_WHY),
            at=have_a_clock,
            limits=NO_BYTES,
            markers=True,
        ),
        both("queued_for_ever", ACTIVE, active(R.NO_FIRST_BYTE), limits=NO_BYTES, markers=True),
        both(
            "frozen_bytes+marker_silence",
            ACTIVE,
            active(R.MARKER_SILENCE),
            at=silent_pelican,
            limits=MUTE,
            markers=True,
        ),
        # StoRM has given no head yet when its first marker is still to come
        both("cut_without_verdict", ACTIVE, active(R.NO_VERDICT), at={"storm": active(R.CONNECTION_LOST)}),
        both("end_without_verdict", ACTIVE, active(R.NO_VERDICT)),
        both("aborted", ACTIVE, active(R.ABORTED)),
        both("chunk_sizes_garbled", ACTIVE, active(R.MALFORMED_RESPONSE)),
        both("chunk_sizes_as_body", ACTIVE, active(R.MARKERS_GARBLED)),
        both("page_in_stream", ACTIVE, active(R.MARKERS_GARBLED)),
        both("crlf_lines", ACTIVE, nobody()),
        both("long_line", ACTIVE, nobody()),
        both("too_many_bytes", ACTIVE, nobody()),
        both("runs_on", ACTIVE, nobody()),  # for a client that stays to the end nothing is different
        pull("no_space", ACTIVE, active(R.NO_SPACE)),
        pull("no_space:1000", ACTIVE, active(R.NO_SPACE)),
        both("disk_fails", ACTIVE, active(R.LOCAL_IO_ERROR)),
        both("service_restarted", ACTIVE, active(R.ABORTED)),
        both(
            "own_checksum_differs",
            ACTIVE,
            one_of(R.CHECKSUM_MISMATCH, *EITHER, why="bytes may be damaged when read, on the way or when written"),
        ),
        push(
            "own_size_differs",
            ACTIVE,
            one_of(R.SIZE_MISMATCH, "source", "destination", why="sent too little, or kept too little"),
        ),
        both("peer_checksum_missing", ACTIVE, passive(R.CHECKSUM_UNAVAILABLE)),
        both("wrong_content", ACTIVE, active(R.CHECKSUM_MISMATCH)),
        both("success_zero_bytes", ACTIVE, active(R.SIZE_MISMATCH)),
        both("success_short", ACTIVE, active(R.SIZE_MISMATCH)),
    )


def _passive() -> tuple[Row, ...]:
    silence = {
        "dcache": passive(R.PASSIVE_STALLED),
        "storm": passive(R.PASSIVE_STALLED),
        "dpm": passive(R.TRANSFER_FAILED),
    }
    refused = one_of(R.PASSIVE_REFUSED, "passive", "path", why=BETWEEN_WHY)
    stalled = one_of(R.PASSIVE_STALLED, "passive", "path", why=BETWEEN_WHY)
    return (
        both("passive_400", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_401", PASSIVE, passive(R.PASSIVE_UNAUTHENTICATED)),
        both("passive_403", PASSIVE, passive(R.PASSIVE_FORBIDDEN)),
        pull("missing_file", PASSIVE, passive(R.PASSIVE_NOT_FOUND)),
        push("passive_409", PASSIVE, passive(R.PASSIVE_ERROR)),
        pull("passive_410", PASSIVE, passive(R.PASSIVE_NOT_FOUND)),
        push("passive_413", PASSIVE, passive(R.NO_SPACE)),
        both("passive_429", PASSIVE, passive(R.PASSIVE_OVERLOADED)),
        both("passive_405", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_408", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_423", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_500", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_501", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_502", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_503", PASSIVE, passive(R.PASSIVE_OVERLOADED)),
        both("passive_504", PASSIVE, passive(R.PASSIVE_ERROR)),
        both("passive_505", PASSIVE, passive(R.PASSIVE_ERROR)),
        push("passive_507", PASSIVE, passive(R.NO_SPACE)),
        push("no_space", PASSIVE, passive(R.NO_SPACE)),
        both("passive_not_http", PASSIVE, passive(R.PASSIVE_ERROR), at={"storm": ANYBODY, "dpm": ANYBODY}),
        both("passive_redirect_loop", PASSIVE, passive(R.PASSIVE_REDIRECT)),
        both("passive_redirect_loses_token", PASSIVE, passive(R.PASSIVE_UNAUTHENTICATED)),
        # it does the same to us, when we ask after the failure
        both(
            "passive_hang",
            PASSIVE,
            passive(R.PASSIVE_TIMEOUT),
            at=silence | {("xrootd5", PULL): passive(R.NO_RESPONSE)},  # it waits for the source without a word
            limits=SILENT,
        ),
        # EOS does not look at the connection but at the size of what it has got
        pull(
            "passive_cut",
            PASSIVE,
            passive(R.PASSIVE_CUT),
            at={"eos": passive(R.SIZE_MISMATCH)},
        ),
        pull(
            "passive_stall",
            PASSIVE,
            passive(R.PASSIVE_STALLED),
            at={"dpm": passive(R.TRANSFER_FAILED)},
            limits=SILENT,
        ),
        # StoRM goes on when we have left: test_late_writers
        pull(
            "passive_slow:20000",
            PASSIVE,
            one_of(R.DEADLINE, *EITHER, "client", why="slow is slow, or our own limit short: one copy does not show"),
            at={"storm": None},
            limits=HURRIED,
            markers=True,
        ),
        push(
            "upload_reset",
            PASSIVE,
            one_of(R.PASSIVE_CUT, "passive", "path", why="a reset may come from a server or from a box on the way"),
        ),
        # only the active party meets it: the passive one serves us
        both("peer_unresolved", ACTIVE, active(R.PASSIVE_DNS_FAILURE)),
        both("peer_refused", ACTIVE, refused),
        both(
            "peer_unreachable",
            ACTIVE,
            path(R.PASSIVE_UNREACHABLE),
            at=dict.fromkeys(("xrootd5", "xrootd6", "eos")),  # libcurl has one text for all that connect() says
        ),
        both(
            "peer_black_hole",
            ACTIVE,
            one_of(R.PASSIVE_TIMEOUT, "passive", "path", why=BETWEEN_WHY),
            at={
                "dcache": stalled,
                "storm": stalled,
                ("xrootd5", PULL): one_of(
                    R.NO_RESPONSE, "active", "passive", "path", why="it waits for the source without a word"
                ),
                "dpm": ANYBODY,
            },
            limits=HANGING,
        ),
        both("peer_untrusted", ACTIVE, active(R.PASSIVE_TLS_FAILED)),
        # Go looks at no revocation lists
        both("peer_crl", ACTIVE, active(R.PASSIVE_TLS_FAILED), at={"pelican": None}),
        both("peer_handshake", ACTIVE, active(R.PASSIVE_TLS_FAILED)),
    )


ROWS: tuple[Row, ...] = (*_doors(), *_asked(), *_accepted(), *_passive())
LIMITS: TimeLimits = shortened()
