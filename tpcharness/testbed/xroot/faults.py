"""What a root door can do wrong: each with what the harness must find, and with where it was seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame


class RootFault(StrEnum):
    """The names. They are for tests and users of the testbed; no code outside it knows them."""

    # of a source
    NO_TPC = "no_tpc"
    REFUSES_PEER = "refuses_peer"
    WANTS_OTHER_CREDENTIAL = "wants_other_credential"
    MUTE_TO_PEER = "mute_to_peer"
    STALLS = "stalls"
    CUTS = "cuts"
    CLOSED_TO_PEER = "closed_to_peer"
    FORGETS_KEYS = "forgets_keys"
    WRONG_CONTENT = "wrong_content"
    # of a destination
    IGNORES_TPC = "ignores_tpc"
    SHORT_COPY = "short_copy"
    DAMAGES = "damages"
    LIES_ABOUT_CHECKSUM = "lies_about_checksum"
    NO_CHECKSUM = "no_checksum"
    OTHER_CHECKSUM = "other_checksum"
    DISK_FULL = "disk_full"
    PROGRAM_BROKEN = "program_broken"
    KNOWS_NO_NAMES = "knows_no_names"
    TRUSTS_NOBODY = "trusts_nobody"
    DROPS_CLIENT = "drops_client"
    GARBAGE_LENGTH = "garbage_length"
    NO_CANCEL = "no_cancel"
    # of a door that we read from or write to ourselves
    STALLS_READERS = "stalls_readers"
    HANGS_READERS = "hangs_readers"
    CUTS_READERS = "cuts_readers"
    SHORT_READS = "short_reads"
    NO_READV = "no_readv"
    SCRAMBLES_READV = "scrambles_readv"
    STALLS_WRITERS = "stalls_writers"
    CUTS_WRITERS = "cuts_writers"
    LOSES_WRITES = "loses_writes"
    DAMAGES_WRITES = "damages_writes"
    FULL = "full"
    # of either
    OVERLOADED = "overloaded"
    REDIRECT_LOOP = "redirect_loop"
    POOL_DOWN = "pool_down"
    POOLS_DOWN = "pools_down"
    LOGIN_REFUSED = "login_refused"
    NO_TLS = "no_tls"
    NOT_XROOT = "not_xroot"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Row:
    """One fault at one end: what an expert concludes from the wire, and where the behaviour comes from.

    Several blames mean that the wire cannot tell; each of them is named.
    """

    fault: RootFault
    at: Blame
    sentence: str
    reason: Reason
    blames: frozenset[Blame]
    source: str


# fmt: off
def _rows() -> tuple[Row, ...]:
    f, r, row = RootFault, Reason, _row
    s, d, p, n = Blame.SOURCE, Blame.DESTINATION, Blame.PATH, Blame.NOBODY
    return (
        row(f.NO_TPC, s, "does no third-party copies", r.TPC_UNSUPPORTED, s, source="5.5.3 without ofs.tpc"),
        row(f.NO_TPC, d, "does no third-party copies", r.TPC_UNSUPPORTED, d, source="5.5.3 without ofs.tpc"),
        row(f.IGNORES_TPC, d, "takes tpc words for nothing and opens an empty file", r.TPC_UNSUPPORTED, d,
            source="xroot 11: XrdCl asks for config tpc before it trusts an open"),
        row(f.REFUSES_PEER, s, "refuses the destination's open", r.PASSIVE_FORBIDDEN, s,
            source="xroot 12, token matrix"),
        row(f.WANTS_OTHER_CREDENTIAL, s, "lets the destination's service not in", r.PASSIVE_UNAUTHENTICATED, s, d,
            source="xroot 12: no protocols left to try"),
        row(f.CLOSED_TO_PEER, s, "closes the destination's connections at once", r.PASSIVE_CUT, s, p,
            source="xroot 12: every connection breaks"),
        row(f.MUTE_TO_PEER, s, "accepts the destination and says nothing", r.NO_FIRST_BYTE, s, d, p,
            source="xroot 12: 660 s of silence"),
        row(f.STALLS, s, "stops in the middle of the file", r.NO_PROGRESS, s, d, p,
            source="xroot 12: 720 s of silence"),
        row(f.CUTS, s, "breaks the destination's connection in the middle", r.PASSIVE_CUT, s, p,
            source="xroot 12, xrootd#1835"),
        row(f.FORGETS_KEYS, s, "does not know the key any more", r.PASSIVE_FORBIDDEN, s, p, Blame.CLIENT,
            source="xroot 12: tpc authorization expired"),
        row(f.WRONG_CONTENT, s, "gives other bytes than were stored", r.CHECKSUM_MISMATCH, s,
            source="no recording: any data corruption on the way out"),
        row(f.SHORT_COPY, d, "calls half a file a success", r.SIZE_MISMATCH, d,
            source="xroot 1: a disk that is nearly full"),
        row(f.DAMAGES, d, "stores other bytes than it got", r.CHECKSUM_MISMATCH, d,
            source="no recording: a broken disk"),
        row(f.LIES_ABOUT_CHECKSUM, d, "tells a wrong checksum of right bytes", r.CHECKSUM_MISMATCH, d,
            source="xroot 5: a stale checksum in an attribute"),
        row(f.NO_CHECKSUM, d, "tells no checksums", r.OK, n, source="5.5.3 without xrootd.chksum: 3013"),
        row(f.OTHER_CHECKSUM, d, "tells the checksum of another algorithm", r.OK, n, source="xroot 1, 13"),
        row(f.DISK_FULL, d, "has a full disk", r.NO_SPACE, d, source="xroot 12"),
        row(f.PROGRAM_BROKEN, d, "has a copy program that does not run", r.SERVER_ERROR, d, source="xroot 12"),
        row(f.KNOWS_NO_NAMES, d, "cannot resolve the source's name", r.PASSIVE_DNS_FAILURE, d, source="xroot 12"),
        row(f.TRUSTS_NOBODY, d, "does not trust the source's certificate", r.PASSIVE_TLS_FAILED, d, source="xroot 12"),
        row(f.DROPS_CLIENT, d, "closes our connection while it copies", r.CONNECTION_LOST, d, source="a restart"),
        row(f.GARBAGE_LENGTH, d, "sends a length that no answer has", r.MALFORMED_RESPONSE, d, source="issue: hostile"),
        row(f.NO_CANCEL, d, "copies nothing and cannot be told to stop", r.NO_FIRST_BYTE, s, d, p,
            source="dCache: 3013 to a cancel (xroot 13)"),
        # A copy by the storages themselves goes other ways: it is none the worse.
        row(f.STALLS_READERS, s, "stops in the middle of what we read and answers all else", r.OK, n,
            source="xroot 15: a disk server that hangs behind its door"),
        row(f.HANGS_READERS, s, "answers nothing more in the middle of what we read", r.OK, n, source="xroot 1"),
        row(f.CUTS_READERS, s, "breaks our connection in the middle of what we read", r.OK, n, source="a restart"),
        row(f.SHORT_READS, s, "gives us the first half of a file for all of it", r.OK, n,
            source="xroot 5: a short answer means the end of the file"),
        row(f.NO_READV, s, "refuses vector reads", r.OK, n, source="xroot 16: 3013"),
        row(f.SCRAMBLES_READV, s, "answers vector reads with other places of the file", r.OK, n,
            source="no recording: any mistake in the order of ranges"),
        row(f.STALLS_WRITERS, d, "takes one piece of ours and does not answer the next", r.OK, n,
            source="xroot 15: a disk server that hangs behind its door"),
        row(f.CUTS_WRITERS, d, "breaks our connection in the middle of what we write", r.OK, n, source="a restart"),
        row(f.LOSES_WRITES, d, "calls writes good of which it keeps nothing but the first", r.OK, n,
            source="xroot 12: after a failed write sync and close say ok"),
        row(f.DAMAGES_WRITES, d, "stores other bytes than we wrote", r.OK, n, source="no recording: a broken disk"),
        row(f.FULL, d, "has no space for what we write", r.OK, n, source="xroot 12: 3009"),
        *(line for end in (s, d) for line in (
            row(f.OVERLOADED, end, "asks us to wait for ever", r.OVERLOADED, end,
                source="xroot 8: managers say wait 10"),
            row(f.REDIRECT_LOOP, end, "redirects to itself", r.REDIRECT_LOOP, end, source="xroot 8"),
            row(f.POOL_DOWN, end, "sends us to a server that is down, until it hears of it", r.OK, n,
                source="xroot 8: tried"),
            row(f.POOLS_DOWN, end, "sends us to servers that are down, whatever it hears", r.CONNECTION_REFUSED, end,
                source="xroot 8: tried"),
            row(f.LOGIN_REFUSED, end, "refuses every credential", r.UNAUTHENTICATED, end, source="xroot 4: 3030"),
            row(f.NO_TLS, end, "has no TLS at a roots:// address", r.TLS_HANDSHAKE, end, source="xroot 3"),
            row(f.NOT_XROOT, end, "speaks another protocol", r.MALFORMED_RESPONSE, end, source="an https door's port"),
            row(f.SILENT, end, "accepts us and says nothing", r.NO_RESPONSE, end, source="a server that hangs"),
        )),
    )
# fmt: on


def _row(fault: RootFault, at: Blame, sentence: str, reason: Reason, *blames: Blame, source: str) -> Row:
    return Row(fault, at, sentence, reason, frozenset(blames), source)


CATALOGUE: tuple[Row, ...] = _rows()
