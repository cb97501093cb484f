"""The web-config at work: users, TLS and headers as the file says now, read again when it changes."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tpcharness.config.problems import ConfigErrors, Problem
from tpcharness.daemon.web.crowd import Crowd
from tpcharness.daemon.web.doorkeeper import Doorkeeper
from tpcharness.daemon.web.web_config import IF_GIVEN, REQUIRED, TlsSettings, WebConfig, load_web_config

_log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_Marks = tuple[tuple[str, int, int, int], ...]


class Gate:
    """All that the guards ask. Users, headers, rate and certificate are those of the file as it is now; whether there
    is TLS at all, its versions and client authorities hold until the next start; so does that there are users."""

    def __init__(self, path: Path | None, config: WebConfig, external_url: str, now: Callable[[], float]) -> None:
        self.path = path
        self.config = config
        self.external_url = external_url
        self.doorkeeper = Doorkeeper(config.users, now)
        self.crowd = Crowd(now)
        self.context = self._shown = None if config.tls is None else make_context(config.tls)
        if self.context is not None:
            self.context.sni_callback = self._show
        self._now = now
        self._bucket = (0.0, now())  # requests counted, as of when
        self._seen = _marks(path, config)

    def within_rate(self) -> bool:
        """Counts one request; whether `rate_limit` allows it."""
        limit = self.config.rate_limit
        if limit is None:
            return True
        now = self._now()
        count, as_of = self._bucket
        count = max(0.0, count - (now - as_of) / limit.interval_seconds)
        fits = count + 1 <= limit.burst
        self._bucket = (count + fits, now)
        return fits

    async def watch(self) -> None:
        """Looks at the files every two seconds, without end. A bad file keeps what holds, and is told once."""
        if self.path is None:
            return
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Takes in what has changed since the last look."""
        if self.path is None:
            return
        marks = await asyncio.to_thread(_marks, self.path, self.config)
        if marks == self._seen:
            return
        self._seen = marks
        config = await asyncio.to_thread(load_web_config, self.path)
        if isinstance(config, ConfigErrors):
            _log.error("the web-config is not taken, the one before stays:\n%s", config.text)
            return
        if self.config.users and not config.users:  # half a write is an empty file, and must not open the door
            _log.error("the web-config is not taken, the one before stays: %s has no users any more", self.path)
            return
        if error := await self._renew_certificate(config.tls):
            _log.error("the web-config is not taken, the one before stays: %s", error)
            return
        if not _same_but_files(self.config.tls, config.tls):
            _log.warning("%s: changes of tls_server_config other than the certificate wait for a restart", self.path)
            config = replace(config, tls=self.config.tls)
        self.config = config
        self.doorkeeper.replace_users(config.users)
        self._seen = await asyncio.to_thread(_marks, self.path, config)
        _log.info("%s was read again", self.path)

    async def _renew_certificate(self, tls: TlsSettings | None) -> str:
        """Loads the certificate for connections to come; what is wrong with it, else empty.

        Into a context of its own: one that is at work must not be changed beside a handshake, nor be left with half
        of a pair that is being written.
        """
        if tls is None or self.config.tls is None:
            return ""
        fresh = replace(self.config.tls, cert_file=tls.cert_file, key_file=tls.key_file)
        try:
            self._shown = await asyncio.to_thread(make_context, fresh)
        except (ssl.SSLError, OSError) as error:
            return f"{tls.cert_file}: {error}"
        return ""

    def _show(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """For `sni_callback`, which is called in each handshake, also of a client that names nobody."""
        if self._shown is not None:
            handshake.context = self._shown

    def close(self) -> None:
        self.doorkeeper.close()


@asynccontextmanager
async def open_gate(path: Path | None, external_url: str) -> AsyncIterator[Gate]:
    """The gate of a web-config file, or of none.

    Raises ConfigErrors for a file, a certificate or a key that cannot be used.
    """
    now = asyncio.get_running_loop().time
    gate = await asyncio.to_thread(_make_gate, path, external_url, now)
    try:
        yield gate
    finally:
        await asyncio.to_thread(gate.close)


def _make_gate(path: Path | None, external_url: str, now: Callable[[], float]) -> Gate:
    config = WebConfig() if path is None else load_web_config(path)
    if isinstance(config, ConfigErrors):
        raise config
    try:
        return Gate(path, config, external_url, now)
    except (ssl.SSLError, OSError) as error:
        hint = "certificate and key must be PEM and belong together; cipher suites are named as OpenSSL names them"
        problem = Problem(f"cannot be used: {error}", str(path), key="tls_server_config", hint=hint)
        raise ConfigErrors([problem]) from None


def make_context(tls: TlsSettings) -> ssl.SSLContext:
    """Raises ssl.SSLError or OSError for files that do not fit. Blocks on the disk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    if tls.cipher_suites:
        context.set_ciphers(":".join(tls.cipher_suites))
    context.load_cert_chain(tls.cert_file, tls.key_file, _no_password)
    if tls.client_ca_file is not None:
        context.load_verify_locations(tls.client_ca_file)
    modes = {REQUIRED: ssl.CERT_REQUIRED, IF_GIVEN: ssl.CERT_OPTIONAL}
    context.verify_mode = modes.get(tls.client_auth_type, ssl.CERT_NONE)
    return context


def _no_password() -> str:
    """For a key that is encrypted: else OpenSSL would ask on the terminal, and wait."""
    return ""


def _same_but_files(one: TlsSettings | None, other: TlsSettings | None) -> bool:
    if one is None or other is None:
        return one is other
    return replace(one, cert_file=other.cert_file, key_file=other.key_file) == other


def _marks(path: Path | None, config: WebConfig) -> _Marks:
    """What tells that a file was written anew: also by a link that was turned, as Kubernetes does it."""
    tls = config.tls
    found = []
    for file in () if path is None else (path, *(() if tls is None else (tls.cert_file, tls.key_file))):
        try:
            status = file.stat()
            found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
        except OSError:
            found.append((str(file), 0, 0, 0))
    return tuple(found)
