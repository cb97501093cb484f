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
    reference: str = ""


# fmt: off
def _rows() -> tuple[ReasonInfo, ...]:
    r, p, row = Reason, Phase, ReasonInfo
    return (
        row(0, r.OK, p.VERIFY, "The copy arrived: size and checksum were read back from the destination.", "Nobody.",
            "Nothing to do.", "design 5.1"),

        row(1, r.ENDPOINT_DOWN, p.QUEUED, "Not tried: one of the two endpoints failed its own door check just before.",
            "The endpoint that is named; its door result says why.",
            "Mend the endpoint's door first: `tpcharness check NAME`.", "design 5.4"),
        row(2, r.NOT_REACHED, p.QUEUED, "Not tried: the run ended before its turn came.",
            "Nobody; give the run more time if you want it.", "Raise --deadline or --max-failures.", "design 9"),

        row(3, r.SEED_LOST, p.PREPARE, "Not tried: our seed file vanished from the source after it had been checked.",
            "Nobody, unless it happens again: then ask who cleans the source's tpcharness directory.",
            "Run again; exclude the tpcharness directory from the site's clean-up jobs.", "design 6"),

        row(5, r.INTERNAL, p.QUEUED, "tpcharness itself failed; this says nothing about the storages.",
            "We, the authors.", "Report it with the log; it is our bug.", "design 3"),
        row(6, r.CANCELLED, p.QUEUED, "The run was interrupted while this probe was under way.", "Nobody.",
            "Run again.", "design 9"),
        row(7, r.STATE_UNWRITABLE, p.PREPARE,
            "Our own disk did not take the note that must come before every file; so nothing was sent.",
            "Whoever runs this harness.", "Make room under state_dir, or make it writable; the log has the words.",
            "design 6"),
        row(8, r.WORKER_UNAVAILABLE, p.PREPARE, "Not tried: this machine has no gfal2 that can make such a copy.",
            "Whoever runs this harness.",
            "Install gfal2, the plug-ins of the protocol and python3-gfal2; name its Python as gfal_python if need be.",
            "xrootd 11"),
        row(9, r.WORKER_LOST, p.TRANSFER,
            "The process in which gfal2 copied for us died; this says nothing about the storages.",
            "Whoever runs this harness, or gfal2's developers.",
            "Look for a crash of gfal2 or a lack of memory here; a newer gfal2 may help.", "xrootd 11"),

        row(10, r.TOKEN_SOURCE_FAILED, p.TOKEN, "No token: the configured token source gave none.",
            "Whoever runs this harness.", "Look at the detail: a missing file, an empty variable, a wrong option.",
            "WLCG bearer token discovery"),
        row(11, r.ISSUER_UNREACHABLE, p.TOKEN, "No token: the token issuer could not be reached.",
            "The issuer's operators, or your own network.", "Open the issuer's /.well-known/openid-configuration.",
            "OpenID Connect Discovery 1.0"),
        row(12, r.ISSUER_REFUSED, p.TOKEN, "No token: the issuer refused to give one to this client.",
            "The VO's issuer administrators, or whoever set client id, secret, scopes and audience.",
            "Check client id and secret, and that the client may ask for these scopes and this audience.",
            "RFC 6749 5.2"),
        row(13, r.TOKEN_REDUCED, p.TOKEN, "The issuer gave a token with fewer rights than were asked for.",
            "The VO's issuer administrators.", "Allow the missing scope for this client at the issuer.",
            "WLCG token profile 1.1, scope requests"),
        row(14, r.TOKEN_EXPIRED, p.TOKEN, "The only token there is has expired or expires before the copy could end.",
            "Whoever renews the token.", "Renew it; a token from a file is not renewed by tpcharness.",
            "RFC 7519 4.1.4"),
        row(15, r.ISSUER_INVALID, p.TOKEN, "The issuer's answer is not what its protocol says.",
            "The issuer's operators.", "Look at the detail: discovery document, content type or JSON are wrong.",
            "RFC 6749 5.1"),

        row(20, r.DNS_FAILURE, p.RESOLVE, "The endpoint's host name does not resolve from here.",
            "The endpoint's site (its DNS), or your own resolver.", "Look the name up from another network.",
            "RFC 1035"),
        row(21, r.NO_ADDRESS_IN_FAMILY, p.RESOLVE, "The host has no address in the family that was asked for.",
            "The endpoint's site, or whoever set address_family.",
            "Publish an A or AAAA record, or change address_family.", ""),

        row(25, r.CONNECTION_REFUSED, p.CONNECT, "The endpoint's port refuses connections.",
            "The endpoint's site: the service is down or listens elsewhere.",
            "Start the service; check port and firewall.", ""),
        row(26, r.CONNECT_TIMEOUT, p.CONNECT, "No answer to our attempt to connect: packets are dropped.",
            "The endpoint's site (firewall, host down) or the network between.",
            "Check the firewall for this port and our address.", ""),
        row(27, r.UNREACHABLE, p.CONNECT, "The network says that the endpoint cannot be reached.",
            "The endpoint's site or the network between.", "Check the routes, for IPv4 and IPv6 apart.", ""),
        row(28, r.LOCAL_NETWORK, p.CONNECT, "Our own machine could not open a connection.",
            "Whoever runs this harness.", "Look at the detail: no network, no free port, too many open files.", ""),

        row(30, r.TLS_UNTRUSTED, p.TLS, "We do not trust the authority that signed the endpoint's certificate.",
            "The endpoint's site (incomplete chain, wrong CA), or we (CA files missing here).",
            "Check the chain it sends; install the IGTF CA certificates or set ca_path.", "RFC 5280 6"),
        row(31, r.TLS_EXPIRED, p.TLS, "The endpoint's certificate is not valid today.", "The endpoint's site.",
            "Renew the host certificate and restart the door.", "RFC 5280 4.1.2.5"),
        row(32, r.TLS_HOSTNAME, p.TLS, "The endpoint's certificate is for another host name.", "The endpoint's site.",
            "Get a certificate whose subjectAltName holds the name in the URL.", "RFC 9525"),
        row(33, r.TLS_HANDSHAKE, p.TLS, "The TLS handshake failed.", "The endpoint's site, most often.",
            "Check TLS version and ciphers of the door (TLS 1.2 or later); is it TLS at all?", "RFC 8446"),
        row(34, r.TLS_TIMEOUT, p.TLS, "The port accepted the connection but never finished the TLS handshake.",
            "The endpoint's site: the service hangs or is overloaded.",
            "Look at the door's threads and its accept queue.", ""),

        row(40, r.SEED_REFUSED, p.PREPARE, "The source refused to take our seed file: the token may not write there.",
            "The source's site, if its door check is right; else whoever set scopes and paths.",
            "Grant the token's issuer create rights below the endpoint's tpcharness directory.", "design 7"),
        row(41, r.SEED_FAILED, p.PREPARE, "Our seed file could not be written to the source or read back.",
            "The source's site.", "Look at the evidence: PUT or HEAD at the source fails.", "design 6"),
        row(42, r.SEED_CORRUPT, p.PREPARE,
            "The source stored our seed file with another size or checksum than we sent.", "The source's site.",
            "The upload was damaged; do not trust this storage with data before it is found.", "design 6"),

        row(50, r.UNAUTHENTICATED, p.REQUEST, "The storage does not accept the token it was sent.",
            "The storage's site (issuer, keys, audience or clock there), or whoever chose issuer and audience.",
            "Check at the storage: is the issuer trusted, is the audience listed, is the clock right?", "RFC 6750 3.1"),
        row(51, r.FORBIDDEN, p.REQUEST, "The storage knows who we are but does not let us do this there.",
            "The storage's site, or whoever set scopes and path.",
            "Check the mapping of the issuer to the path, and the scope in the evidence.", "RFC 6750 3.1"),
        row(52, r.NOT_FOUND, p.REQUEST, "The storage says that the file it should work on does not exist.",
            "The storage's site: the file was there when we looked.", "Compare what its namespace and its pools say.",
            ""),
        row(53, r.DESTINATION_EXISTS, p.REQUEST, "The destination says that the file exists already.",
            "The destination's site: the name is unique per attempt.", "Look for a retry inside the storage.", ""),
        row(54, r.PARENT_MISSING, p.REQUEST,
            "The destination's directory does not exist and the storage does not make it.",
            "Whoever prepares the destination.", "Create the endpoint's tpcharness directory.", "RFC 4918 9.8.5"),
        row(55, r.IS_DIRECTORY, p.REQUEST, "The path is a directory at the storage.",
            "Whoever set the endpoint's path.", "Point the endpoint at a directory that is ours.", ""),
        row(56, r.BAD_REQUEST, p.REQUEST, "The storage does not understand our request.",
            "The storage's developers or we: the evidence shows what was asked and answered.",
            "Compare with the HTTP-TPC draft; report it to the storage's developers.", "HTTP-TPC draft 01"),
        row(57, r.TPC_UNSUPPORTED, p.REQUEST, "The storage does not do third-party copies at this address.",
            "The storage's site.", "Switch HTTP-TPC on (XRootD: http.exthandler xrdtpc libXrdHttpTPC.so).",
            "HTTP-TPC draft 01"),
        row(58, r.OVERLOADED, p.REQUEST, "The storage says that it is too busy.", "The storage's site.",
            "Look at its transfer queue and limits; lower max_transfers here.", "RFC 9110 15.6.4"),
        row(59, r.SERVER_ERROR, p.REQUEST, "The storage failed by itself and does not say why.", "The storage's site.",
            "Look in its log for the time and the ClientInfo of the evidence.", "RFC 9110 15.6.1"),
        row(60, r.NO_RESPONSE, p.REQUEST, "The storage took our request and never began to answer.",
            "The storage's site, or the passive party that it silently waits for.",
            "Look at the storage's log: XRootD answers nothing while the source does not answer its HEAD.",
            "http-tpc 6.3"),
        row(61, r.CONNECTION_LOST, p.REQUEST, "The storage closed the connection without an answer.",
            "The storage's site.",
            "Look for a crash, a restart or a full disk (XRootD 5 closes when the disk is full).", ""),
        row(62, r.MALFORMED_RESPONSE, p.REQUEST, "What the storage answers is not HTTP as it should be.",
            "The storage's site.", "Is there another service or a proxy on this port?", "RFC 9112"),
        row(63, r.REDIRECT_LOOP, p.REQUEST, "The storage redirects us in a circle or too often.",
            "The storage's site.", "Check the redirector's and data servers' configuration.", "RFC 9110 15.4"),
        row(64, r.REDIRECT_INVALID, p.REQUEST, "The storage redirects us to nowhere that a copy can go.",
            "The storage's site.", "Check the Location header in the evidence.", "RFC 9110 10.2.2"),
        row(65, r.REDIRECT_DOWNGRADE, p.REQUEST,
            "The storage redirects us from https to http; we do not follow with a token.", "The storage's site.",
            "XRootD: set http.desthttps yes.", "http-tpc 1.6"),
        row(66, r.PASSIVE_ADDRESS_FORBIDDEN, p.REQUEST,
            "The active storage refuses to talk to the passive one's (private or local) address.",
            "The active storage's site.", "XRootD 5.9.3 and later: tpc.allow local / private.", "http-tpc 1.1"),
        row(67, r.DELEGATION_REQUIRED, p.REQUEST,
            "The active storage asks for a delegated X.509 proxy instead of the token.", "The active storage's site.",
            "Token support for third-party copies must be switched on there.", "http-tpc 2.3"),
        row(68, r.TAPE_UNSUPPORTED, p.REQUEST, "The storage offers no Tape REST service that does what was asked.",
            "The storage's site.", "Publish /.well-known/wlcg-tape-rest-api at the door, and v1.", "tape-rest 1"),
        row(69, r.TAPE_INVALID, p.REQUEST, "What the tape service says is not what the Tape REST API says.",
            "The storage's site.", "Compare the body in the evidence with the specification.", "tape-rest 1-5"),
        row(70, r.TAPE_FILE_UNAVAILABLE, p.REQUEST, "The tape service cannot give the registered file.",
            "The storage's site.", "Look for the file, its tape and its library there.", "tape-rest 5"),
        row(71, r.LEGACY_ANSWERS, p.REQUEST, "A door that should be gone still answers: gsiftp or SRM.",
            "The storage's site.",
            "Switch the service off, and close its port; then take it out of the information systems.",
            "docs/legacy-doors.md"),
        row(72, r.RANGE_WRONG, p.REQUEST,
            "Asked for a part of a file, the storage sends another part, or something that cannot be read as one.",
            "The storage's site, or its developers.",
            "Compare Range and Content-Range in the evidence: analysis jobs read so.", "RFC 9110 14.4, 14.6"),
        row(73, r.RANGE_REFUSED, p.REQUEST, "The storage refuses to send a part of a file that it sends as a whole.",
            "The storage's site.", "Let the door serve ranges: analysis jobs read nothing else.", "RFC 9110 14.2"),

        row(80, r.PASSIVE_UNAUTHENTICATED, p.TRANSFER,
            "The passive storage does not accept the token that the active one showed it.",
            "The passive storage's site.",
            "Check issuer, audience and clock there; does the active one forward TransferHeaderAuthorization?",
            "http-tpc 6.2"),
        row(81, r.PASSIVE_FORBIDDEN, p.TRANSFER, "The passive storage refuses the active one: permission denied.",
            "The passive storage's site.",
            "Check scope and path of the passive token in the evidence; a redirect there may have dropped it.",
            "http-tpc 6.2"),
        row(82, r.PASSIVE_NOT_FOUND, p.TRANSFER,
            "The passive storage tells the active one that the file does not exist.",
            "The passive storage's site: the file was there when we looked.",
            "Compare its doors: do all see the same namespace?", "http-tpc 6.2"),
        row(83, r.PASSIVE_OVERLOADED, p.TRANSFER, "The passive storage tells the active one that it is too busy.",
            "The passive storage's site.", "Look at its queues and limits.", "http-tpc 6.2"),
        row(84, r.PASSIVE_ERROR, p.TRANSFER, "The passive storage answers the active one with an error of its own.",
            "The passive storage's site.", "Look in its log for the active party's request.", "http-tpc 6.2"),
        row(85, r.PASSIVE_DNS_FAILURE, p.TRANSFER, "The active storage cannot resolve the passive one's host name.",
            "The active storage's site, if we can resolve it; else the passive one's.",
            "Compare the resolvers of the active storage's data servers.", "http-tpc 6.2"),
        row(86, r.PASSIVE_REFUSED, p.TRANSFER,
            "The active storage's connection to the passive one was refused or could not be made.",
            "The passive storage, or a firewall between the two.",
            "Try from the active storage's data server: is the passive port open for it?", "http-tpc 6.2"),
        row(87, r.PASSIVE_TIMEOUT, p.TRANSFER, "The active storage waited in vain for the passive one.",
            "The passive storage, or a firewall between the two that drops packets.",
            "Check the firewall on the path, for IPv4 and IPv6 apart.", "http-tpc 6.2"),
        row(88, r.PASSIVE_UNREACHABLE, p.TRANSFER, "The active storage has no route to the passive one.",
            "The network between the two.", "Check routes (LHCONE) and address families of both.", "http-tpc 6.2"),
        row(89, r.PASSIVE_TLS_FAILED, p.TRANSFER,
            "The active storage does not accept the passive one's certificate or TLS.",
            "The passive storage (expired, wrong name or chain) or the active one (CA or CRL files missing).",
            "Check the passive's chain with openssl from the active's data server; refresh CA and CRL files there.",
            "http-tpc 5, 25"),
        row(90, r.PASSIVE_REDIRECT, p.TRANSFER, "The active storage could not follow the passive one's redirect.",
            "The passive storage's site.",
            "A redirect that loses the token or goes in a circle works for direct access only.", "http-tpc 1.6"),
        row(91, r.PASSIVE_CUT, p.TRANSFER,
            "The connection between the two storages broke before all bytes had arrived.",
            "The passive storage or the network between the two.",
            "Look for restarts, resets, middle boxes and MTU trouble.", "http-tpc 6.2"),
        row(92, r.PASSIVE_STALLED, p.TRANSFER,
            "The active storage gave up: no bytes came or went between the two for too long.",
            "The passive storage or the network between the two.",
            "Look at load and queues of the passive storage, then at the path.", "http-tpc 6.2"),
        row(93, r.NO_SPACE, p.TRANSFER, "The destination has no space left, or a quota is reached.",
            "The destination's site, or the owner of the space.",
            "Free or grant space; check the quota of the token's identity.", "RFC 4918 11.5"),
        row(94, r.LOCAL_IO_ERROR, p.TRANSFER, "The active storage failed to read or write its own file.",
            "The active storage's site.", "Look at the disk servers or the object store behind the door.",
            "http-tpc 6.2"),
        row(95, r.TRANSFER_FAILED, p.TRANSFER, "The copy failed, and the text does not tell a cause that we know.",
            "Undetermined: the text is in the evidence.",
            "Read the failure text; tell us, so that the next one is named.", "http-tpc 6.2"),
        row(96, r.ABORTED, p.TRANSFER, "The active storage says that the copy was aborted.",
            "The active storage's site.", "Look in its log who or what aborted it.", "http-tpc 1.5"),
        row(97, r.NO_VERDICT, p.TRANSFER, "The active storage's answer ended without saying success or failure.",
            "The active storage's site: a crash or a restart, or something between us that cuts connections.",
            "Look for a restart or a proxy time-out; never take such a copy for good.", "http-tpc 1.5"),
        row(98, r.MARKERS_GARBLED, p.TRANSFER, "The active storage's answer is not a marker stream.",
            "The active storage's site.", "Look at the body in the evidence.", "http-tpc 1.4"),
        row(99, r.NO_FIRST_MARKER, p.TRANSFER, "The active storage accepted the copy and then said nothing at all.",
            "The active storage's site.", "Look at its transfer queue.", "http-tpc 6.3"),
        row(100, r.NO_FIRST_BYTE, p.TRANSFER, "Markers came, but not one byte was moved in time.",
            "Undetermined: either storage, or the path between.", "Compare the row and the column of the matrix.",
            "http-tpc 6.3"),
        row(101, r.NO_PROGRESS, p.TRANSFER, "Markers came, but the bytes stood still for too long.",
            "Undetermined: either storage, or the path between.", "Compare the row and the column of the matrix.",
            "http-tpc 6.3"),
        row(102, r.MARKER_SILENCE, p.TRANSFER, "The active storage fell silent in the middle of its markers.",
            "The active storage's site.", "Look for a hanging data server.", "http-tpc 6.3"),
        row(103, r.DEADLINE, p.TRANSFER, "The copy was still going when our own time for it was over.",
            "Undetermined: it is slow, or the time was short.",
            "Compare the throughput with other links; raise the time-out for big files.", "http-tpc 6.3"),
        row(104, r.STAGE_FAILED, p.TRANSFER, "The storage failed to stage the file from tape.",
            "The storage's site.", "Look in its log for the request id of the evidence.", "tape-rest 4"),
        row(105, r.STAGE_TIMEOUT, p.TRANSFER, "The file did not come from tape in the time that we gave it.",
            "The storage's site.", "Look at its queue of recalls, drives and robots.", "tape-rest 10"),
        row(108, r.ARCHIVE_FAILED, p.TRANSFER, "The storage took the file, but will not get it to tape.",
            "The storage's site.", "Look at what its tape system says of the file's path.", "tape-rest 5"),
        row(109, r.ARCHIVE_TIMEOUT, p.TRANSFER, "The file did not get to tape in the time that we gave it.",
            "The storage's site.", "Look at its queue of migrations; raise timeouts.stage for slow ones.",
            "tape-rest 9"),
        row(106, r.TRANSFER_CUT, p.TRANSFER, "The connection broke in the middle of the file's bytes.",
            "Undetermined: the storage, or something between it and us that cuts connections.",
            "Look for a restart, a crash or a full disk there, then for proxies and firewalls on the path.",
            "RFC 9112 8"),
        row(107, r.STREAM_STALLED, p.TRANSFER, "Between us and the storage the bytes stood still for too long.",
            "The storage's site, or the network between it and us.",
            "Look for a hanging disk server, then at the path (MTU, firewalls).", "xroot 15"),

        row(110, r.SIZE_MISMATCH, p.VERIFY,
            "The destination's file has another size than the source's, though the copy was called a success.",
            "The active storage, which said success.", "This is silent data loss: tell the site and the developers.",
            "http-tpc 5, 9"),
        row(111, r.CHECKSUM_MISMATCH, p.VERIFY, "The destination's file has another checksum than the source's.",
            "The active storage moved the bytes; the destination stored them.",
            "This is data corruption: tell both sites.", "http-tpc 5, 10"),
        row(112, r.CHECKSUM_UNAVAILABLE, p.VERIFY,
            "The destination gives no checksum that we can use, so the copy cannot be called good.",
            "The destination's site.", "Configure adler32 (XRootD: xrootd.chksum adler32).", "RFC 3230"),
        row(113, r.NOT_VISIBLE, p.VERIFY, "The copy was called a success, but the destination does not show the file.",
            "The destination's site, or the active storage that said success.",
            "Look for delays between data server and namespace.", "http-tpc 5, 11"),
        row(114, r.VERIFY_REFUSED, p.VERIFY, "The destination does not let us look at the file that was copied.",
            "The destination's site, or whoever set scopes.", "The token needs storage.read at the destination path.",
            "design 7"),
        row(115, r.VERIFY_FAILED, p.VERIFY, "The file that was copied could not be looked at.",
            "The destination's site.", "Look at the evidence: HEAD or GET at the destination fails.", ""),
        row(116, r.CONTENT_MISMATCH, p.VERIFY, "The storage gave back other bytes than we had stored there.",
            "The storage's site.", "This is data corruption: tell the site.", ""),
        row(117, r.STAGED_UNREADABLE, p.VERIFY, "The file is called staged, but cannot be read.",
            "The storage's site.", "Compare what tape service and door say of the file.", "tape-rest 10"),

        row(120, r.CLEANUP_REFUSED, p.CLEANUP, "Everything else is good, but we may not delete our own payload file.",
            "The destination's site, or whoever set scopes.",
            "The token needs storage.modify at the payload path; the file stays in the ledger.", "design 7"),
        row(121, r.CLEANUP_FAILED, p.CLEANUP, "Everything else is good, but our payload file could not be deleted.",
            "The destination's site.", "Try `tpcharness clean` later; the file stays in the ledger.", "design 6"),
        row(122, r.STILL_WRITING, p.CLEANUP, "After we had given up, the destination's file went on growing.",
            "The active storage: it does not stop when its client goes away (StoRM).",
            "The file stays in the ledger; `tpcharness clean` removes it.", "http-tpc 1.9"),
        row(123, r.TAPE_REQUEST_LEFT, p.CLEANUP, "Our request for staging could not be released or deleted.",
            "The storage's site.", "It stays in the ledger; `tpcharness clean` tries again.", "tape-rest 8"),
    )
# fmt: on


TABLE: dict[Reason, ReasonInfo] = {row.reason: row for row in _rows()}
