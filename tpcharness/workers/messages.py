"""What goes over the pipes of a worker: a job in, and events out, one line of JSON each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tpcharness.model.secret import Secret, redact

MAX_LINE_BYTES = 64 * 1024
MAX_TEXT = 4000

OptionValue = bool | int | str


class MessageError(ValueError):
    """A line that no worker of ours writes; the message shows its beginning."""


@dataclass(frozen=True, slots=True)
class GfalJob:
    """One copy. `tokens` are by URL; `token_in_url` where gfal2 has no other place for them (its xroot plug-in).

    `options` are gfal2's, as (group, key, value). `timeout_seconds` is gfal2's own clock: longer than ours, so that
    who gives up is known. `delegate`: a proxy certificate may be handed to the storage. `agent` and `client_info` say
    who we are.
    """

    source: str
    destination: str
    timeout_seconds: int
    tokens: dict[str, Secret] = field(default_factory=dict)
    token_in_url: bool = False
    options: tuple[tuple[str, str, OptionValue], ...] = ()
    delegate: bool = False
    agent: str = "tpcharness/0"
    client_info: tuple[tuple[str, str], ...] = ()

    def line(self) -> bytes:
        """The job as the worker reads it: the one place where its tokens are revealed."""
        fields = {
            "source": self.source,
            "destination": self.destination,
            "timeout_seconds": self.timeout_seconds,
            "tokens": {url: token.reveal() for url, token in self.tokens.items()},
            "token_in_url": self.token_in_url,
            "options": self.options,
            "delegate": self.delegate,
            "agent": self.agent.partition("/")[::2],
            "client_info": self.client_info,
        }
        return json.dumps(fields).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded gfal2 and waits for a job."""

    version: str


@dataclass(frozen=True, slots=True)
class Started:
    """From here on the storages may know of the job."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An event of gfal2, such as `TRANSFER:TYPE` with the text `3rd pull`; redacted."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """So many bytes have been moved, as gfal2 was told by the storage that moves them."""

    bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The job is over: 0, or gfal2's errno and text; redacted."""

    code: int
    text: str


Message = Ready | Started | Stage | Progress | Ended


def parse(line: bytes) -> Message:
    """The message in a line. Raises MessageError for anything else."""
    try:
        fields = json.loads(line)
        match fields["event"]:
            case "ready":
                return Ready(_text(fields["version"]))
            case "started":
                return Started()
            case "stage":
                return Stage(_text(fields["name"]), _text(fields["text"]))
            case "progress":
                return Progress(_number(fields["bytes"]))
            case "ended":
                return Ended(_number(fields["code"]), _text(fields["text"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise MessageError(f"not a message: {redact(line[:100].decode(errors='replace'), cut=True)!r}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return redact(value[:MAX_TEXT], cut=len(value) > MAX_TEXT)


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value
