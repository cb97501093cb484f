"""The web-config file, in the format of Prometheus' exporter-toolkit: a file in, a value or all its mistakes out.

Same keys, same meaning, as admins know them; paths are relative to the file. What Python's TLS cannot do is refused
by name and not passed over. (exporter-toolkit, docs/web-configuration.md, v0.14.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tpcharness.config.problems import ConfigErrors, Problem, did_you_mean
from tpcharness.model.secret import MASK

MAX_BYTES = 1024 * 1024

TLS_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")
NO_CLIENT_CERTIFICATE, IF_GIVEN, REQUIRED = "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert")
_HEADERS = (
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
)
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_MOST_ROUNDS = 15  # some seconds each; more would be a way to stand still
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """`tls_server_config`; paths are absolute. Empty cipher suites are OpenSSL's own choice."""

    cert_file: Path
    key_file: Path
    client_auth_type: str = NO_CLIENT_CERTIFICATE
    client_ca_file: Path | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`rate_limit`: `burst` requests at once, then one per `interval_seconds`."""

    interval_seconds: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the file says. `users` holds bcrypt hashes: they are shown nowhere."""

    tls: TlsSettings | None = None
    users: dict[str, str] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    rate_limit: RateLimit | None = None


def _user_word(name: str) -> str:
    return name if name.isascii() and name.isalnum() else "USER"


def load_web_config(path: Path) -> WebConfig | ConfigErrors:
    """Reads the file, and looks whether the files that it names are there. Blocks on the disk."""
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return ConfigErrors([Problem(f"cannot be read: {why}", name, hint="check the path and its permissions")])
    if len(content) > MAX_BYTES:
        return ConfigErrors([Problem("is too big for a web configuration", name, hint="is this the right file?")])
    try:
        root = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        return ConfigErrors([Problem("is not UTF-8 text", name, hint="save the file as UTF-8")])
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        told = Problem(f"is not valid YAML: {error.problem}", name, line, column, hint="indent; quote texts")
        return ConfigErrors([told])
    except (yaml.YAMLError, RecursionError) as error:
        return ConfigErrors([Problem(f"is not valid YAML: {type(error).__name__}", name)])
    reader = _Reader(name, path.parent)
    config = reader.read(root)
    return ConfigErrors(reader.problems) if reader.problems else config


class _Reader:
    """Walks the nodes, which know their lines; writes down what is wrong and goes on."""

    def __init__(self, file: str, folder: Path) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._folder = folder

    def read(self, root: yaml.Node | None) -> WebConfig:
        if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
            return WebConfig()  # an empty file switches everything off, as the toolkit has it
        sections: dict[str, Callable[[yaml.Node, str], Any]] = {
            "tls_server_config": self._tls,
            "http_server_config": self._http,
            "basic_auth_users": self._users,
            "rate_limit": self._rate_limit,
        }
        found: dict[str, Any] = {}
        for key, _, node in self._items(root, "", tuple(sections)):
            found[key] = sections[key](node, key)
        return WebConfig(
            found.get("tls_server_config"),
            found.get("basic_auth_users", {}),
            found.get("http_server_config", {}),
            found.get("rate_limit"),
        )

    def _tls(self, section: yaml.Node, place: str) -> TlsSettings | None:
        keys = (
            "cert_file", "key_file", "client_auth_type", "client_ca_file", "client_allowed_sans", "min_version",
            "max_version", "cipher_suites", "prefer_server_cipher_suites", "curve_preferences", "cert", "key",
            "client_ca",
        )  # fmt: skip
        found: dict[str, Any] = {}
        before = len(self.problems)
        for key, at, node in self._items(section, place, keys):
            match key:
                case "cert_file" | "key_file" | "client_ca_file":
                    found[key] = self._path(node, at)
                case "cert" | "key" | "client_ca":
                    self._wrong(node, at, "cannot stand in the file here", f"write it to a file: {key}_file", MASK)
                case "client_auth_type":
                    found[key] = self._client_auth_type(node, at)
                case "min_version" | "max_version":
                    found[key] = self._choice(node, at, TLS_VERSIONS)
                case "client_allowed_sans" | "cipher_suites":
                    found[key] = self._texts(node, at)
                case "curve_preferences":
                    self._wrong(node, at, "cannot be set here", "remove it: OpenSSL's own choice is used")
                case _:  # the toolkit ignores it, too
                    self._bool(node, at)
        for key in ("cert_file", "key_file"):
            if key not in found and not any(f"{place}.{key.removesuffix('_file')}" == p.key for p in self.problems):
                self._wrong(section, f"{place}.{key}", "is missing", "TLS needs both cert_file and key_file")
        wants = found.get("client_auth_type", NO_CLIENT_CERTIFICATE) != NO_CLIENT_CERTIFICATE
        if wants != ("client_ca_file" in found) and len(self.problems) == before:
            remedy = "add client_ca_file" if wants else f"add client_auth_type: {REQUIRED}, or remove client_ca_file"
            self._wrong(section, place, "has only one of client_auth_type and client_ca_file", remedy)
        return None if len(self.problems) > before else TlsSettings(**found)

    def _client_auth_type(self, node: yaml.Node, at: str) -> str:
        text = self._text(node, at)
        if text in _UNVERIFIED:
            hint = f"write {IF_GIVEN} or {REQUIRED}: a certificate that nobody verifies says nothing"
            self._wrong(node, at, "cannot be had", hint, text)
        elif text not in (NO_CLIENT_CERTIFICATE, IF_GIVEN, REQUIRED):
            known = (NO_CLIENT_CERTIFICATE, IF_GIVEN, REQUIRED)
            self._wrong(node, at, "does not exist", did_you_mean(text, known, f"write one of {', '.join(known)}"), text)
        return text

    def _http(self, section: yaml.Node, place: str) -> dict[str, str]:
        headers: dict[str, str] = {}
        for key, at, node in self._items(section, place, ("http2", "headers")):
            if key == "http2":  # HTTP/2 is offered by TLS only if both can; we cannot, so either value is fulfilled
                self._bool(node, at)
                continue
            for name, where, value in self._items(node, at, _HEADERS):
                text = self._text(value, where)
                if any(ord(character) < 0x20 or ord(character) > 0x7E for character in text):
                    self._wrong(value, where, "is no header value", "write it on one line in ASCII")
                headers[name] = text
        return headers

    def _users(self, section: yaml.Node, place: str) -> dict[str, str]:
        users: dict[str, str] = {}
        for name, at, node in self._items(section, place, None):
            text = self._text(node, at)
            found = _BCRYPT.fullmatch(text)
            if found is None or not 4 <= int(found[1]) <= _MOST_ROUNDS:
                hint = f"make one, of cost 4 to {_MOST_ROUNDS}, with: htpasswd -nBC 10 {_user_word(name)}"
                self._wrong(node, at, "is no bcrypt hash that can be used", hint, MASK)
            if not name or ":" in name or not name.isprintable():
                self._wrong(node, at, "is no user name", "a name is printable and holds no colon", MASK)
            users[name] = text
        return users

    def _rate_limit(self, section: yaml.Node, place: str) -> RateLimit:
        interval, burst = 1.0, 1
        for key, at, node in self._items(section, place, ("interval", "burst")):
            text = self._text(node, at)
            if key == "interval":
                found = _DURATION.fullmatch(text)
                interval = float(found[1]) * _UNIT_SECONDS[found[2]] if found else 0.0
                if interval <= 0:
                    self._wrong(node, at, "is no duration", 'write one like "1s"', text)
            elif text.isascii() and text.isdigit() and 1 <= int(text) <= 1_000_000:
                burst = int(text)
            else:
                self._wrong(node, at, "is no number of requests", "write a whole number from 1 on", text)
        return RateLimit(interval, burst)

    def _items(
        self, node: yaml.Node, place: str, known: tuple[str, ...] | None
    ) -> Iterator[tuple[str, str, yaml.Node]]:
        """Key, dotted key and value of a mapping; keys that nobody knows and double ones are written down."""
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, place, "is no mapping", "write KEY: VALUE lines below it")
            return
        seen: set[str] = set()
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            at = f"{place}.{key}" if place else key
            if known is not None and key not in known:
                self._wrong(key_node, at, "does not exist", did_you_mean(key, known, f"known are {', '.join(known)}"))
            elif key in seen:
                self._wrong(key_node, at, "stands twice", "remove one of the two")
            else:
                seen.add(key)
                yield key, at, value

    def _path(self, node: yaml.Node, at: str) -> Path:
        path = self._folder / self._text(node, at)
        try:
            with path.open("rb"):
                pass
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            hint = "check the path, which is relative to this file, and its permissions"
            self._wrong(node, at, f"cannot be read: {why}", hint, str(path))
        return path.absolute()

    def _choice(self, node: yaml.Node, at: str, known: tuple[str, ...]) -> str:
        text = self._text(node, at)
        if text not in known:
            self._wrong(node, at, "does not exist", did_you_mean(text, known, f"write one of {', '.join(known)}"), text)
        return text

    def _bool(self, node: yaml.Node, at: str) -> None:
        if self._text(node, at) not in ("true", "false"):
            self._wrong(node, at, "is neither true nor false", "write true or false")

    def _texts(self, node: yaml.Node, at: str) -> tuple[str, ...]:
        if isinstance(node, yaml.SequenceNode):
            return tuple(self._text(each, at) for each in node.value)
        self._wrong(node, at, "is no list", "write one - VALUE a line below it")
        return ()

    def _text(self, node: yaml.Node, at: str) -> str:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self._wrong(node, at, "is no text", "write one value")
        return ""

    def _wrong(self, node: yaml.Node, key: str, message: str, hint: str, value: str = "") -> None:
        mark = node.start_mark
        self.problems.append(Problem(message, self._file, mark.line + 1, mark.column + 1, key, value, hint))
