"""Paths, the opaque parameters behind them, and root URLs (xroot 10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tpcharness.model.secret import Secret
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import DEFAULT_PORT

MAX_OPAQUE = 4 * 1024

_KEY = re.compile(r"[\w.-]{1,64}", re.ASCII)
# TAB is allowed: it separates the pairs of tpc.scgi.
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x20\x7f&]")
_BAD_PATH = re.compile(r"[\x00-\x1f\x7f?&]")
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])")
_SLASHES = re.compile(r"/{2,}")


@dataclass(frozen=True, slots=True)
class Opaque:
    """Ordered `key=value` pairs. A value that is a Secret makes the request that carries it one for TLS only."""

    pairs: tuple[tuple[str, str | Secret], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, *pairs: tuple[str, str | Secret | None]) -> Opaque:
        """The pairs in this order; those without a value are left out."""
        return cls(tuple((key, value) for key, value in pairs if value is not None))

    @classmethod
    def parse(cls, text: str) -> Opaque:
        """What a server sent in a redirect; pieces that are no pair are dropped.

        Raises WireError when it is too long, or has a value that nobody could send on.
        """
        if len(text) > MAX_OPAQUE:
            raise WireError("the opaque part of a redirect is too long")
        split = (piece.partition("=") for piece in text.split("&"))
        pairs = tuple((key, value) for key, mark, value in split if mark and _KEY.fullmatch(key))
        if any(_BAD_VALUE.search(value) for _, value in pairs):
            raise WireError("a value in the opaque part of a redirect that cannot be sent on")
        return cls(pairs)

    @property
    def secret(self) -> bool:
        """Whether a token is among the values."""
        return any(isinstance(value, Secret) for _, value in self.pairs)

    def followed_by(self, others: Iterable[tuple[str, str | Secret]]) -> Opaque:
        """With more pairs at the end."""
        return Opaque((*self.pairs, *others))

    def replaced(self, *pairs: tuple[str, str | Secret]) -> Opaque:
        """With these pairs in place of those of the same keys."""
        keys = {key for key, _ in pairs}
        return Opaque((*(pair for pair in self.pairs if pair[0] not in keys), *pairs))

    def merged(self, redirect: Opaque) -> Opaque:
        """For the next server: what the redirect says, but that `tpc.*` is ours, and `authz` only ever ours.

        Servers repeat our whole opaque in redirects (dCache does), and a token that comes back so would be a plain
        text that nobody guards.
        """
        theirs = [
            (key, value)
            for key, value in redirect.pairs
            if key != "authz" and not (key.startswith("tpc.") and self._has(key))
        ]
        told = {key for key, _ in theirs}
        return Opaque((*(pair for pair in self.pairs if pair[0] not in told), *theirs))

    def without_secrets(self) -> Opaque:
        """For a server that may not have our tokens."""
        return Opaque(tuple(pair for pair in self.pairs if not isinstance(pair[1], Secret)))

    def tokens(self) -> tuple[str, ...]:
        """The bare tokens among the values; `tpc.scgi` has one behind `authz=`."""
        bare = (value.reveal().removeprefix("authz=") for _, value in self.pairs if isinstance(value, Secret))
        return tuple(token for token in bare if token)

    def shows(self, tokens: Iterable[str]) -> bool:
        """Whether one of these stands in a plain value, where it would pass for something that may go anywhere."""
        plain = [value for _, value in self.pairs if isinstance(value, str)]
        return any(token in value for token in tokens for value in plain)

    def encode(self) -> str:
        """For the wire, secrets included. Raises ValueError for what would end a value early: a bug of ours."""
        pieces = []
        for key, value in self.pairs:
            plain = value.reveal() if isinstance(value, Secret) else value
            if not _KEY.fullmatch(key) or _BAD_VALUE.search(plain):
                raise ValueError(f"the value of {key} cannot stand in an opaque part")
            pieces.append(f"{key}={plain}")
        return "&".join(pieces)

    def _has(self, key: str) -> bool:
        return any(ours == key for ours, _ in self.pairs)


NO_OPAQUE = Opaque()


def is_plain_path(path: str) -> bool:
    """Whether every server reads an absolute path as we do."""
    return path.startswith("/") and not _BAD_PATH.search(path) and ".." not in path.split("/")


def path_and_opaque(path: str, opaque: Opaque) -> bytes:
    """What stands in the data of a request. Raises ValueError for a path that servers would read otherwise."""
    if not is_plain_path(path):
        raise ValueError(f"not a plain absolute path: {path!r}")
    text = f"{path}?{opaque.encode()}" if opaque.pairs else path
    return text.encode()


@dataclass(frozen=True, slots=True)
class RootUrl:
    """`root://host:port//path`. `host` without brackets and in lower case; `secure` is roots://."""

    host: str
    port: int
    path: str
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> RootUrl:
        """Raises WireError for what is none: other schemes, users, a relative path, opaque parts."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise WireError("not a URL") from None
        if parts.scheme not in {"root", "xroot", "roots", "xroots"}:
            raise WireError("not a root:// or roots:// URL")
        host, _, digits = parts.netloc.partition("]") if "[" in parts.netloc else parts.netloc.partition(":")
        host = f"{host}]" if host.startswith("[") else host
        if not _HOST.fullmatch(host) or port == 0 or (digits and not digits.strip(":").isdigit()):
            raise WireError("no usable host and port in the URL")
        if parts.query or parts.fragment or not parts.path.startswith("/"):
            raise WireError("not the URL of a plain absolute path")
        path = _SLASHES.sub("/", parts.path).rstrip("/") or "/"
        return cls(host.strip("[]").lower(), port or DEFAULT_PORT, path, parts.scheme.endswith("s"))

    @property
    def place(self) -> str:
        """`host:port`, with brackets around an IPv6 address."""
        return place(self.host, self.port)

    def __str__(self) -> str:
        return f"{'roots' if self.secure else 'root'}://{self.place}/{self.path}"


def place(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def usable_host(text: str) -> str | None:
    """The host that a server named, without brackets; None for what is no host."""
    return text.strip("[]").lower() if _HOST.fullmatch(text) else None
