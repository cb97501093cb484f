"""What goes wrong between the two storages: how the passive one treats the active, or what the active makes of it."""

from __future__ import annotations

from tpcharness.model.reason import Reason
from tpcharness.testbed.dialects.vocabulary import Cause
from tpcharness.testbed.effects import (
    Answer,
    BrokenUpload,
    Cannot,
    Culprit,
    Drip,
    Effect,
    Fault,
    Gibberish,
    Hang,
    Party,
    Redirected,
    Say,
    ShortBody,
    Stall,
    Whither,
)

_COPY, _GET, _PUT = frozenset({"COPY"}), frozenset({"GET"}), frozenset({"PUT"})
_READ, _MOVE_BYTES = frozenset({"GET", "HEAD"}), frozenset({"GET", "HEAD", "PUT"})


def _peer(
    name: str,
    sentence: str,
    effect: Effect,
    reason: Reason,
    citation: str,
    methods: frozenset[str] = _MOVE_BYTES,
    *,
    party: Party | None = Party.PEER,
    blame: Culprit = Culprit.THIS,
) -> Fault:
    return Fault(name, sentence, effect, methods, party, reason, blame, citation)


def _reach(
    name: str, sentence: str, cause: Cause, reason: Reason, citation: str, blame: Culprit = Culprit.THIS
) -> Fault:
    return Fault(name, sentence, Cannot(cause), _COPY, None, reason, blame, citation)


_R, _UNDETERMINED = Reason, Culprit.UNDETERMINED

FAULTS = (
    # its refusals
    _peer("passive_400", "The active party's request is not understood: 400.", Answer(400, "Bad Request\n"),
          _R.PASSIVE_ERROR, "http-tpc 6.2"),
    _peer("passive_401", "The active party is refused: 401.", Say(Cause.TOKEN_REFUSED, 401),
          _R.PASSIVE_UNAUTHENTICATED, "recording pull-passive-401"),
    _peer("passive_403", "The active party is refused: 403.", Say(Cause.FORBIDDEN, 403), _R.PASSIVE_FORBIDDEN,
          "recordings pull-passive-403-no-token, push-passive-403"),
    _peer("missing_file", "The active party is told that the file does not exist, though it does.",
          Say(Cause.MISSING, 404), _R.PASSIVE_NOT_FOUND, "recording pull-404", _READ),
    _peer("passive_405", "The active party's method is not allowed here: 405.", Answer(405, "Method Not Allowed\n"),
          _R.PASSIVE_ERROR, "RFC 9110 15.5.6: a door that only reads, or only lists"),
    _peer("passive_408", "A proxy before the passive storage has lost patience: 408.", Answer(408, "Request Timeout\n"),
          _R.PASSIVE_ERROR, "RFC 9110 15.5.9; davix: 408 and 504"),
    _peer("passive_409", "The active party's PUT meets a conflict: 409.", Answer(409, "Conflict\n"), _R.PASSIVE_ERROR,
          "RFC 4918 9.7.1", _PUT),
    _peer("passive_410", "The active party is told that the file is gone: 410.", Answer(410, "Gone\n"),
          _R.PASSIVE_NOT_FOUND, "davix 0.8.11: 404 and 410 are one", _READ),
    _peer("passive_413", "The file is too large for the passive storage: 413.",
          Answer(413, "Request Entity Too Large\n"), _R.NO_SPACE, "RFC 4331 6", _PUT),
    _peer("passive_423", "The file is locked for the active party: 423.", Answer(423, "Locked\n"),
          _R.PASSIVE_ERROR, "RFC 4918 11.3; davix 0.8.11: 403 and 423"),
    _peer("passive_429", "The active party asks too often: 429.", Answer(429, "Too Many Requests\n"),
          _R.PASSIVE_OVERLOADED, "http-tpc 1.8 (draft: 429); xrootd 5b", ),
    _peer("passive_500", "The active party gets a 500.", Say(Cause.SERVER_ERROR, 500), _R.PASSIVE_ERROR,
          "recording pull-passive-500"),
    _peer("passive_501", "The active party's request is not implemented here: 501.", Answer(501, "Not Implemented\n"),
          _R.PASSIVE_ERROR, "http-tpc 1.8 (draft: 501)"),
    _peer("passive_502", "A proxy before the passive storage has lost it: 502.", Answer(502, "Bad Gateway\n"),
          _R.PASSIVE_ERROR, "http-tpc 6.2"),
    _peer("passive_503", "The active party is told that the storage is too busy.", Say(Cause.OVERLOADED, 503),
          _R.PASSIVE_OVERLOADED, "recording pull-passive-503"),
    _peer("passive_504", "A proxy before the passive storage waited in vain: 504.", Answer(504, "Gateway Timeout\n"),
          _R.PASSIVE_ERROR, "http-tpc 1.8 (XRootD ETIMEDOUT: 504)"),
    _peer("passive_505", "The passive storage wants another version of HTTP: 505.",
          Answer(505, "HTTP Version Not Supported\n"), _R.PASSIVE_ERROR, "RFC 9110 15.6.6"),
    _peer("passive_507", "The passive storage has no space for the upload: 507.", Say(Cause.NO_SPACE, 507),
          _R.NO_SPACE, "recording push-passive-507", _PUT),
    _peer("passive_not_http", "The active party is answered by something that does not speak HTTP.", Gibberish(),
          _R.PASSIVE_ERROR, "curl error 8; http-tpc 6.2"),
    _peer("passive_redirect_loop", "The active party is redirected in a circle.", Redirected(Whither.ITSELF),
          _R.PASSIVE_REDIRECT, "http-tpc 6.2, too many redirects"),
    _peer("passive_redirect_loses_token", "The active party is redirected to where it shows no token.",
          Redirected(Whither.ANOTHER_NAME), _R.PASSIVE_UNAUTHENTICATED, "http-tpc 1.6; xrootd 5 (redirect: 403)"),
    # its bytes, for everybody
    _peer("passive_hang", "Requests for files are never answered.", Hang(), _R.PASSIVE_TIMEOUT,
          "xrootd 5, 5b: passive that never answers HEAD", party=None),
    _peer("passive_cut", "The body of every GET is cut short.", ShortBody(), _R.PASSIVE_CUT,
          "xrootd 5, 5b: truncated source", _GET, party=None),
    _peer("passive_stall", "The body of every GET stops half-way.", Stall(), _R.PASSIVE_STALLED,
          "recording pull-stall", _GET, party=None),
    _peer("passive_slow", "The body of every GET drips.", Drip(), _R.DEADLINE, "recording pull-slow-markers", _GET,
          party=None, blame=_UNDETERMINED),
    _peer("upload_reset", "The connection of an upload is reset in its middle.", BrokenUpload(), _R.PASSIVE_CUT,
          "http-tpc 6.2, peer cut", _PUT, blame=_UNDETERMINED),
    # what the active party makes of it
    _reach("peer_unresolved", "The active party cannot resolve the passive one's name.", Cause.PASSIVE_DNS,
           _R.PASSIVE_DNS_FAILURE, "http-tpc 1.8, 6.2, passive DNS"),
    _reach("peer_refused", "The active party's connections to the passive one are refused.", Cause.PASSIVE_REFUSED,
           _R.PASSIVE_REFUSED, "recordings pull-refused, push-refused", _UNDETERMINED),
    _reach("peer_unreachable", "The active party has no route to the passive one.", Cause.PASSIVE_UNREACHABLE,
           _R.PASSIVE_UNREACHABLE, "http-tpc 6.2 (No route to host)", Culprit.PATH),
    _reach("peer_black_hole", "What the active party sends to the passive one disappears.", Cause.PASSIVE_SILENT,
           _R.PASSIVE_TIMEOUT, "xrootd 5b: Timeout was reached", _UNDETERMINED),
    _reach("peer_untrusted", "The active party does not know the authority of the passive one.", Cause.PASSIVE_TLS,
           _R.PASSIVE_TLS_FAILED, "recording pull-untrusted"),
    _reach("peer_crl", "The active party's revocation lists are out of date.", Cause.PASSIVE_CRL,
           _R.PASSIVE_TLS_FAILED, "http-tpc 5, 25 (xrootd#2390)"),
    _reach("peer_handshake", "The active party's TLS does not come to terms with the passive one's.",
           Cause.PASSIVE_HANDSHAKE, _R.PASSIVE_TLS_FAILED, "http-tpc 5, 19 (dCache#5213)"),
)  # fmt: skip
