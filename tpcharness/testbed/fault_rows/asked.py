"""What is wrong with a storage when it gets a COPY, before it has accepted it."""

from __future__ import annotations

from tpcharness.model.reason import Reason
from tpcharness.testbed.dialects.vocabulary import Cause
from tpcharness.testbed.effects import (
    Answer,
    Culprit,
    Dropped,
    Effect,
    Fault,
    Gibberish,
    Hang,
    Redirected,
    Say,
    Whither,
)

_COPY = frozenset({"COPY"})
_XROOTD_6 = frozenset({"xrootd6", "eos"})
_PAGE = "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>\n"


def _row(
    name: str,
    sentence: str,
    effect: Effect,
    reason: Reason,
    citation: str,
    *,
    blame: Culprit = Culprit.THIS,
    dialects: frozenset[str] = frozenset(),
) -> Fault:
    return Fault(name, sentence, effect, _COPY, None, reason, blame, citation, dialects)


_R = Reason

FAULTS = (
    # its own refusals
    _row("active_400", "COPY is refused: a header is not understood.", Say(Cause.BAD_REQUEST, 400), _R.BAD_REQUEST,
         "http-tpc 1.8, bad header values"),
    _row("active_401", "COPY is refused: 401.", Say(Cause.TOKEN_REFUSED, 401), _R.UNAUTHENTICATED,
         "recording pull-active-403-none (5.5.3)"),
    _row("active_403", "COPY is refused: 403.", Say(Cause.FORBIDDEN, 403), _R.FORBIDDEN,
         "recording pull-active-403-none (6.1)"),
    _row("active_404", "The storage says that it has no such file.", Say(Cause.MISSING, 404), _R.NOT_FOUND,
         "http-tpc 1.8, local source missing"),
    _row("active_405_html", "The storage does not know COPY, and says so in HTML.", Answer(405, _PAGE, "text/html"),
         _R.TPC_UNSUPPORTED, "http-tpc 6.2 (TPC not enabled)"),
    _row("active_exists", "The storage says that the destination exists.", Say(Cause.EXISTS), _R.DESTINATION_EXISTS,
         "recording pull-overwrite-F; http-tpc 1.8"),
    _row("active_409", "COPY is refused in nobody's words: 409.", Answer(409, "Conflict\n"), _R.PARENT_MISSING,
         "RFC 4918 9.8.5; http-tpc 1.8 (StoRM)"),
    _row("active_412", "COPY is refused in nobody's words: 412.", Answer(412, "Precondition Failed\n"),
         _R.DESTINATION_EXISTS, "RFC 4918 9.8.5; http-tpc 1.8 (StoRM)"),
    _row("active_parent_missing", "The destination's directory is said to be missing.", Say(Cause.PARENT_MISSING),
         _R.PARENT_MISSING, "http-tpc 1.8; xrootd 5 (no parents made by COPY)"),
    _row("active_is_directory", "The path is said to be a directory.", Say(Cause.IS_DIRECTORY), _R.IS_DIRECTORY,
         "recording pull-onto-directory"),
    _row("active_busy", "The file to send is said to be still under upload.", Say(Cause.SOURCE_BUSY),
         _R.LOCAL_IO_ERROR, "http-tpc 1.8, source still being uploaded", dialects=frozenset({"dcache"})),
    _row("active_429", "COPY is refused: too many requests.", Answer(429, "Too Many Requests\n"), _R.OVERLOADED,
         "http-tpc 1.8 (draft: 429)"),
    _row("active_500", "COPY fails with 500 and no word why.", Say(Cause.SERVER_ERROR, 500), _R.SERVER_ERROR,
         "http-tpc 5, 25"),
    _row("active_502", "A proxy before the storage has lost it: 502.", Answer(502, "Bad Gateway\n"), _R.SERVER_ERROR,
         "http-tpc 1.8 (XRootD ECONN*: 502)"),
    _row("active_503", "COPY fails with 503: overloaded.", Say(Cause.OVERLOADED, 503), _R.OVERLOADED, "http-tpc 1.8"),
    _row("active_504", "A proxy before the storage waited in vain: 504.", Answer(504, "Gateway Timeout\n"),
         _R.SERVER_ERROR, "http-tpc 1.8 (XRootD ETIMEDOUT: 504)"),
    _row("active_505", "COPY is refused for its version of HTTP: 505.", Answer(505, "HTTP Version Not Supported\n"),
         _R.SERVER_ERROR, "RFC 9110 15.6.6"),
    _row("active_overloaded", "The storage is too busy, in its own words.", Say(Cause.OVERLOADED), _R.OVERLOADED,
         "http-tpc 1.8 (dCache: 500 transfer service unavailable)"),
    _row("active_507", "The storage has no space for the file: 507.", Say(Cause.NO_SPACE, 507), _R.NO_SPACE,
         "http-tpc 1.8, quota; dmwm/CRABServer#9363"),
    _row("active_413", "The file is too large for the storage's quota: 413.", Answer(413, "Request Entity Too Large\n"),
         _R.NO_SPACE, "RFC 4331 6; http-tpc 1.8"),
    _row("delegation_demanded", "The storage wants a delegated credential.", Say(Cause.DELEGATION),
         _R.DELEGATION_REQUIRED, "http-tpc 1.8, 2.3 (dCache)"),
    _row("loopback_forbidden", "The active storage refuses to talk to loopback addresses.", Say(Cause.LOCAL_ADDRESS),
         _R.PASSIVE_ADDRESS_FORBIDDEN, "http-tpc 1.1; XRootD 5.9.3 tpc.allow", dialects=_XROOTD_6),
    _row("digest_mismatch_412", "The source's checksum is not that of the request.", Say(Cause.CHECKSUM_DIFFERS, 412),
         _R.CHECKSUM_MISMATCH, "http-tpc 1.7: XRootD 6, 412 before any marker", blame=Culprit.OTHER,
         dialects=_XROOTD_6),
    # no third-party copy here
    _row("tpc_unsupported", "The storage does not know COPY.", Say(Cause.METHOD, 405), _R.TPC_UNSUPPORTED,
         "http-tpc 6.2 (TPC not enabled)"),
    _row("tpc_501", "COPY is not implemented.", Answer(501, "Not Implemented\n"), _R.TPC_UNSUPPORTED,
         "http-tpc 6.2 (TPC not enabled); draft 501"),
    _row("tpc_html_page", "COPY is answered with a web page: 200.", Answer(200, _PAGE, "text/html"),
         _R.TPC_UNSUPPORTED, "http-tpc 1.3 (200 without the marker grammar)"),
    _row("tpc_no_content", "COPY is answered 204, as for a copy within the storage.", Answer(204), _R.TPC_UNSUPPORTED,
         "http-tpc 1.3 (204 is suspicious); RFC 4918 9.8.5"),
    # no answer that makes sense
    _row("hang_before_headers", "COPY is taken and never answered.", Hang(), _R.NO_RESPONSE,
         "xrootd 5: passive that never answers HEAD"),
    _row("drop_copy", "The connection is dropped instead of an answer to a COPY.", Dropped(), _R.CONNECTION_LOST,
         "http-tpc 6.2 (service restart)"),
    _row("not_http", "COPY is answered by something that does not speak HTTP.", Gibberish(), _R.MALFORMED_RESPONSE,
         "RFC 9112 4; another service on the port"),
    # redirects of our COPY
    _row("redirect_loop", "COPY is redirected to itself for ever.", Redirected(Whither.ITSELF), _R.REDIRECT_LOOP,
         "http-tpc 6.1 (redirect: loop)"),
    _row("redirect_downgrade", "COPY is redirected from https to http.", Redirected(Whither.HTTP),
         _R.REDIRECT_DOWNGRADE, "http-tpc 1.6 (http.desthttps)"),
    _row("redirect_nowhere", "COPY is redirected without a Location.", Redirected(Whither.NO_LOCATION),
         _R.REDIRECT_INVALID, "RFC 9110 15.4"),
    _row("redirect_no_url", "COPY is redirected to something that is no URL.", Redirected(Whither.NO_URL),
         _R.REDIRECT_INVALID, "http-tpc 6.1 (bad_location)"),
    _row("redirect_loses_token", "COPY is redirected to a host by another name, where no token may follow.",
         Redirected(Whither.ANOTHER_NAME), _R.UNAUTHENTICATED, "http-tpc 1.6; xrootd#2386"),
    _row("redirect_dead", "COPY is redirected to a server that is down.", Redirected(Whither.DEAD_PORT),
         _R.CONNECTION_REFUSED, "http-tpc 6.1 (redirect_target_down)"),
)  # fmt: skip
