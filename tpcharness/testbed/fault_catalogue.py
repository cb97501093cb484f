"""The faults: what can be wrong at a storage, what the harness must make of it, and who has seen it on a real wire."""

from __future__ import annotations

from tpcharness.model.reason import Reason
from tpcharness.testbed.dialects.dialect import Cause
from tpcharness.testbed.effects import (
    Closed,
    Culprit,
    Digest,
    Digests,
    Drip,
    Dropped,
    Ending,
    Fault,
    Freeze,
    Full,
    Hang,
    NoVerdict,
    Party,
    Say,
    ShortBody,
    Silence,
    Spoil,
    Spoiled,
    Stall,
)

_COPY = frozenset({"COPY"})
_READ = frozenset({"GET", "HEAD"})
_MOVE_BYTES = frozenset({"GET", "HEAD", "PUT"})
_DIRECT = frozenset({"GET", "HEAD", "PUT", "DELETE", "MKCOL", "MOVE", "PROPFIND"})
_WRITE = frozenset({"COPY", "PUT"})
_ALL: frozenset[str] = frozenset()
_CLIENT, _PEER = Party.CLIENT, Party.PEER
_THIS, _UNDETERMINED = Culprit.THIS, Culprit.UNDETERMINED

_FAULTS = (
    # the door
    Fault("refuse", "Nothing listens on the storage's port.", Closed(), _ALL, None,
          Reason.CONNECTION_REFUSED, _THIS, "recording pull-refused"),
    Fault("token_refused_direct", "Direct requests are refused as if the token were bad.", Say(Cause.TOKEN_REFUSED),
          _DIRECT, _CLIENT, Reason.UNAUTHENTICATED, _THIS, "recording head-403; tokens 8"),
    Fault("drop_direct", "The connection is dropped instead of an answer.", Dropped(), _DIRECT, _CLIENT,
          Reason.CONNECTION_LOST, _THIS, "xrootd 5: PUT on a full disk"),
    Fault("delete_refused", "Nothing can be deleted.", Say(Cause.FORBIDDEN), frozenset({"DELETE"}), None,
          Reason.CLEANUP_REFUSED, _THIS, "http-tpc 6.2 (rejected DELETE)"),
    Fault("digest_wrong", "HEAD and GET tell a wrong checksum.", Digest(Digests.WRONG), _READ, None,
          Reason.CHECKSUM_MISMATCH, _THIS, "http-tpc 5, 10"),
    Fault("digest_absent", "HEAD and GET tell no checksum, also when asked.", Digest(Digests.ABSENT), _READ, None,
          Reason.CHECKSUM_UNAVAILABLE, _THIS, "http-tpc 5, 21"),
    # as the active party, before the stream
    Fault("active_401", "COPY is refused: 401.", Say(Cause.TOKEN_REFUSED, 401), _COPY, None,
          Reason.UNAUTHENTICATED, _THIS, "recording pull-active-403-none (5.5.3)"),
    Fault("active_403", "COPY is refused: 403.", Say(Cause.FORBIDDEN, 403), _COPY, None,
          Reason.FORBIDDEN, _THIS, "recording pull-active-403-none (6.1)"),
    Fault("active_500", "COPY fails with 500 and no word why.", Say(Cause.SERVER_ERROR, 500), _COPY, None,
          Reason.SERVER_ERROR, _THIS, "http-tpc 5, 25"),
    Fault("active_503", "COPY fails with 503: overloaded.", Say(Cause.OVERLOADED, 503), _COPY, None,
          Reason.OVERLOADED, _THIS, "http-tpc 1.8"),
    Fault("tpc_unsupported", "The storage does not know COPY.", Say(Cause.METHOD, 405), _COPY, None,
          Reason.TPC_UNSUPPORTED, _THIS, "http-tpc 6.2 (TPC not enabled)"),
    Fault("loopback_forbidden", "The active storage refuses to talk to loopback addresses.",
          Say(Cause.LOCAL_ADDRESS), _COPY, None, Reason.PASSIVE_ADDRESS_FORBIDDEN, _THIS,
          "http-tpc 1.1; XRootD 5.9.3 tpc.allow", frozenset({"xrootd6", "eos"})),
    Fault("hang_before_headers", "COPY is taken and never answered.", Hang(), _COPY, None,
          Reason.NO_RESPONSE, _THIS, "xrootd 5: passive that never answers HEAD"),
    # as the active party, in the stream
    Fault("frozen_bytes", "Markers go on, but their bytes stand still.", Freeze(), _COPY, None,
          Reason.NO_PROGRESS, _UNDETERMINED, "recording pull-stall"),
    Fault("no_first_byte", "Markers go on, but no byte ever comes.", Freeze(0), _COPY, None,
          Reason.NO_FIRST_BYTE, _UNDETERMINED, "http-tpc 6.3, rule 6"),
    Fault("marker_silence", "After one marker nothing more is said.", Silence(), _COPY, None,
          Reason.MARKER_SILENCE, _THIS, "http-tpc 6.3"),
    Fault("cut_without_verdict", "The stream is cut before its verdict.", NoVerdict(Ending.CUT), _COPY, None,
          Reason.NO_VERDICT, _THIS, "http-tpc 6.2 (service restart)"),
    Fault("end_without_verdict", "The stream ends in order, but without a verdict.", NoVerdict(Ending.EOF), _COPY,
          None, Reason.NO_VERDICT, _THIS, "http-tpc 5, 5 (pelican#3686)"),
    Fault("aborted", "The copy ends with an aborted: line.", NoVerdict(Ending.ABORTED), _COPY, None,
          Reason.ABORTED, _THIS, "http-tpc 1.5 (XRootD README)"),
    Fault("wrong_content", "The copy is called a success, one byte is wrong.", Spoil(Spoiled.FLIPPED), _COPY, None,
          Reason.CHECKSUM_MISMATCH, _THIS, "http-tpc 5, 10"),
    Fault("success_zero_bytes", "The copy is called a success, the destination is empty.", Spoil(Spoiled.EMPTY),
          _COPY, None, Reason.SIZE_MISMATCH, _THIS, "http-tpc 5, 9; xrootd 5 (pull onto itself)"),
    Fault("no_space", "The disk is full.", Full(), _WRITE, None, Reason.NO_SPACE, _THIS,
          "recording pull-disk-full; xrootd 5, 5b"),
    # as the passive party
    Fault("passive_401", "The active party is refused: 401.", Say(Cause.TOKEN_REFUSED, 401), _MOVE_BYTES, _PEER,
          Reason.PASSIVE_UNAUTHENTICATED, _THIS, "recording pull-passive-401"),
    Fault("passive_403", "The active party is refused: 403.", Say(Cause.FORBIDDEN, 403), _MOVE_BYTES, _PEER,
          Reason.PASSIVE_FORBIDDEN, _THIS, "recordings pull-passive-403-no-token, push-passive-403"),
    Fault("missing_file", "The active party is told that the file does not exist, though it does.",
          Say(Cause.MISSING, 404), _READ, _PEER, Reason.PASSIVE_NOT_FOUND, _THIS, "recording pull-404"),
    Fault("passive_500", "The active party gets a 500.", Say(Cause.SERVER_ERROR, 500), _MOVE_BYTES, _PEER,
          Reason.PASSIVE_ERROR, _THIS, "recording pull-passive-500"),
    Fault("passive_503", "The active party is told that the storage is too busy.", Say(Cause.OVERLOADED, 503),
          _MOVE_BYTES, _PEER, Reason.PASSIVE_OVERLOADED, _THIS, "recording pull-passive-503"),
    Fault("passive_hang", "The active party's requests are never answered.", Hang(), _MOVE_BYTES, _PEER,
          Reason.PASSIVE_TIMEOUT, _THIS, "xrootd 5, 5b: passive that never answers HEAD"),
    Fault("passive_cut", "The body of the active party's GET is cut short.", ShortBody(), frozenset({"GET"}), _PEER,
          Reason.PASSIVE_CUT, _THIS, "xrootd 5, 5b: truncated source"),
    Fault("passive_stall", "The body of the active party's GET stops half-way.", Stall(), frozenset({"GET"}), _PEER,
          Reason.PASSIVE_STALLED, _THIS, "recording pull-stall"),
    Fault("passive_slow", "The body of the active party's GET drips.", Drip(), frozenset({"GET"}), _PEER,
          Reason.DEADLINE, _UNDETERMINED, "recording pull-slow-markers"),
)  # fmt: skip

CATALOGUE: dict[str, Fault] = {fault.name: fault for fault in _FAULTS}
