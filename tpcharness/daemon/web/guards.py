"""What stands before every route: how many may come, from which name and page, as whom, and what they may do with it.

A browser is on the admin's side and still obeys any page that it shows. So a page elsewhere must not reach us under a
name of its own (DNS rebinding: the Host check), nor make the browser start work here (the Origin check), and what a
storage wrote into an error must not run as script (the content security policy).
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from tpcharness.daemon.web.doorkeeper import Admission

if TYPE_CHECKING:
    from tpcharness.daemon.web.gate import Gate

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

USER = web.RequestKey("user", str)
"""Who asks; empty for somebody unknown."""

OPEN_PATHS = frozenset({"/-/healthy", "/-/ready"})
"""They say one word, to probes that have no password, and that would take a refusal for an illness."""

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "tpcharness",
}
_NO_USERS = (
    "This starts work, so it is done for known users only, and none are set.\n"
    "Set daemon.web_config in endpoints.toml to a file with\n\n"
    "  basic_auth_users:\n    USER: BCRYPT-HASH    # made with: htpasswd -nBC 10 USER\n\n"
    "and start the service again. See docs/web.md.\n"
)


def make_guards(gate: Gate) -> list[Middleware]:
    """The middlewares in the order in which a request meets them."""

    @web.middleware
    async def crowd(request: web.Request, handler: Handler) -> web.StreamResponse:
        with gate.crowd.asking(request.protocol):
            if gate.crowd.is_full:
                busy = web.HTTPServiceUnavailable(text="Too many connections.\n", headers={hdrs.RETRY_AFTER: "5"})
                busy.force_close()
                raise busy
            if request.path not in OPEN_PATHS and not gate.within_rate():
                raise web.HTTPTooManyRequests(text="More requests than rate_limit allows.\n")
            return await handler(request)

    @web.middleware
    async def names(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_loopback(request) and not _is_own_name(request.host, gate.external_url):
            raise web.HTTPMisdirectedRequest(
                text="This address is served under the name localhost or as a number only. Behind a proxy that keeps "
                "the Host header, set daemon.external_url to the name that browsers use.\n"
            )
        return await handler(request)

    @web.middleware
    async def users(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[USER] = await _user(gate, request)
        return await handler(request)

    return [crowd, names, users]


def add_headers(gate: Gate, response: web.StreamResponse) -> None:
    """What browsers are told about every answer. Headers of the web-config win, as they do in the toolkit."""
    for name, value in (_HEADERS | gate.config.headers).items():
        response.headers[name] = value
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def starts_work(gate: Gate, handler: Handler) -> Handler:
    """The handler for known users only, and for no page of another origin."""

    @functools.wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        if not request[USER]:
            raise web.HTTPForbidden(text=_NO_USERS)
        if not _is_same_origin(request, gate.external_url):
            raise web.HTTPForbidden(text="A page of another origin cannot start work here.\n")
        return await handler(request)

    return guarded


async def _user(gate: Gate, request: web.Request) -> str:
    """The name of whoever asks. Raises the refusal for whom the web-config keeps out."""
    certified = _certified(gate, request)
    if not gate.doorkeeper.has_users or request.path in OPEN_PATHS:
        return certified
    authorization = request.headers.get(hdrs.AUTHORIZATION, "")
    admission, name = await gate.doorkeeper.admits(authorization, request.remote or "")
    if admission is Admission.YES:
        return name
    if admission is Admission.TOO_MANY:
        raise web.HTTPTooManyRequests(text="Too many wrong passwords.\n", headers={hdrs.RETRY_AFTER: "10"})
    challenge = {hdrs.WWW_AUTHENTICATE: 'Basic realm="tpcharness", charset="UTF-8"'}
    raise web.HTTPUnauthorized(text="A user name and a password are needed here.\n", headers=challenge)


def _certified(gate: Gate, request: web.Request) -> str:
    """The subject of a verified client certificate, empty without one."""
    tls = gate.config.tls
    if tls is None or request.transport is None:
        return ""
    certificate = request.transport.get_extra_info("peercert") or {}
    names = [value for _, value in certificate.get("subjectAltName", ())]
    if tls.client_allowed_sans and certificate and not set(names) & set(tls.client_allowed_sans):
        raise web.HTTPForbidden(text="The name of your certificate is not in client_allowed_sans.\n")
    subject = ",".join(f"{key}={value}" for part in certificate.get("subject", ()) for key, value in part)
    return subject or (names[0] if names else "")


def _is_loopback(request: web.Request) -> bool:
    own: object = None if request.transport is None else request.transport.get_extra_info("sockname")
    try:
        address = ip_address(own[0] if isinstance(own, tuple) and own else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_own_name(host: str, external_url: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or (external_url and name == urlsplit(external_url).hostname):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_same_origin(request: web.Request, external_url: str) -> bool:
    """Browsers say where a request comes from; programs that are no browsers say nothing, and need not.

    Over plain http to another machine a browser says nothing of a GET, not even of a picture in a page elsewhere, and
    sends the password that it knows: so there it may not. (Fetch Metadata 2: only to a trustworthy URL.)
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get(hdrs.ORIGIN)
    if site not in (None, "none", "same-origin"):
        return False
    if origin is None:
        return site is not None or not request.headers.get(hdrs.USER_AGENT, "").startswith("Mozilla/")
    own = {f"{request.scheme}://{request.host}".lower()}
    if external_url:
        parts = urlsplit(external_url)
        own.add(f"{parts.scheme}://{parts.netloc}".lower())
    return origin.lower() in own
