"""Secrets that cannot be printed by accident, and the scrubbing of texts that may hold somebody's."""

from __future__ import annotations

import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit, urlunsplit

MASK = "<redacted>"
LEAST_CHARACTERS = 8
"""A shorter value is a word rather than a secret: it is masked only where it looks like a credential."""

_STEPS = re.compile(r".{4}", re.DOTALL)
_UNITS = re.compile(r"(?:%[0-9A-Fa-f]{2})+|.", re.DOTALL)


class _Register:
    """The values of the secrets that are alive: it forgets one with the last Secret that holds it.

    They are found in a text however it is broken into lines or percent-encoded. The text is looked at in steps of
    four characters, and each value is known by the last four runs of four that it holds: one of them lies on a step
    wherever the value stands. The ends of tokens differ; the beginnings are all the same.

    Secrets are made and dropped in any thread, and dropped by the garbage collector in the midst of whatever is going
    on, also of `add`. So one thread at a time changes the books, and what is dropped waits in a queue while they are
    open. `mask` takes no lock: each of its looks is one step of the interpreter.
    """

    def __init__(self) -> None:
        self._holders: dict[str, int] = {}
        self._values: dict[str, set[str]] = {}
        self._dropped: deque[str] = deque()
        self._lock = threading.RLock()
        self._open = False

    def add(self, secret: str) -> None:
        value = _known_by(secret)
        if len(value) < LEAST_CHARACTERS:
            return
        with self._lock:
            was_open, self._open = self._open, True
            try:
                self._holders[value] = self._holders.get(value, 0) + 1
                for end in _ends(value):
                    self._values.setdefault(end, set()).add(value)
            finally:
                self._open = was_open
        self._settle()

    def remove(self, secret: str) -> None:
        """Never waits: it may be called in the midst of anything."""
        value = _known_by(secret)
        if len(value) < LEAST_CHARACTERS:
            return
        self._dropped.append(value)
        self._settle()

    def _settle(self) -> None:
        """Forgets what was dropped, unless the books are open: then who has them does it, after closing them."""
        while self._dropped and not self._open and self._lock.acquire(blocking=False):
            self._open = True
            try:
                while self._dropped:
                    self._forget(self._dropped.popleft())
            finally:
                self._open = False
                self._lock.release()

    def _forget(self, value: str) -> None:
        if self._holders[value] > 1:
            self._holders[value] -= 1
            return
        del self._holders[value]
        for end in _ends(value):
            self._values[end].discard(value)
            if not self._values[end]:
                del self._values[end]

    def mask(self, text: str, *, cut: bool) -> str:
        """`cut`: also the beginning of a value at the end of the text."""
        if not self._values or len(text) < LEAST_CHARACTERS:
            return text
        text = self._mask(text, str, cut=cut)
        return self._mask(text, unquote, cut=cut) if "%" in text else text

    def _mask(self, text: str, decode: Callable[[str], str], *, cut: bool) -> str:
        folded = _squeezed(decode(text))
        steps = _STEPS.findall(folded)
        if self._values.keys().isdisjoint(steps) and not cut:
            return text
        values = set[str]().union(*(self._values.get(step, ()) for step in set(steps)))
        spans = sorted(found.span() for value in values for found in re.finditer(re.escape(value), folded))
        if cut:
            spans = sorted(spans + self._beginnings(folded))
        if not spans:
            return text
        # for each character of the folded text the span in the text that it comes from
        places = [unit.span() for unit in _UNITS.finditer(text) for _ in _squeezed(decode(unit[0]))]
        return _covered(text, [(places[first][0], places[last - 1][1]) for first, last in spans])

    def _beginnings(self, folded: str) -> list[tuple[int, int]]:
        end = len(folded)
        for value in tuple(self._holders):
            place = folded.find(value[:LEAST_CHARACTERS], max(0, end - len(value)))
            while place >= 0:
                if value.startswith(folded[place:]):
                    return [(place, end)]
                place = folded.find(value[:LEAST_CHARACTERS], place + 1)
        return []


def _known_by(secret: str) -> str:
    """What to look for: of `Bearer TOKEN` and `Basic PAIR` the part that is the secret."""
    return _squeezed(secret.rpartition(" ")[2])


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _ends(value: str) -> set[str]:
    return {value[place : place + 4] for place in range(len(value) - 7, len(value) - 3)}


def _covered(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with a mask over each span; they come in order and may overlap."""
    pieces: list[str] = []
    done = 0
    for begin, end in spans:
        if begin >= done:
            pieces += [text[done:begin], MASK]
        done = max(done, end)
    return "".join([*pieces, text[done:]])


_alive = _Register()


class Secret:
    """A string whose every rendering is stars; only `reveal` gives it away.

    Holds tokens and client secrets from the moment they are read. Comparable, hashable, not picklable. For as long
    as it lives, `redact` knows its value.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _alive.add(value)

    def __del__(self, over: Callable[[], bool] = sys.is_finalizing) -> None:  # bound: at the end globals go first
        value = getattr(self, "_value", None)
        if value is not None and not over():
            _alive.remove(value)

    def reveal(self) -> str:
        """The secret itself. Call it only where bytes go on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is never serialised")


# JWTs, macaroons ("MDA" is the base64 of a macaroon's first packet length), EOS tokens, and the parameters
# and headers in which storages carry them (reference: tokens, 11.12). Servers echo these in error texts.
# Each alternative that has begun to run on ends in a match, so that no text takes quadratic time.
_TOKENS = re.compile(
    r"""
    eyJ[\w-]{6,}(?:\.[\w-]*){0,4}
    | \bMDA[\w+/=-]{20,}
    | \bzteos64(?::|%3A)[\w+/=%-]+
    | (?<![\w-])(?i:bearer)(?:\s+|%20|\+)[\w.~+/=%-]{8,}
    | (?i:authz|xrd\.ztn|access_token|refresh_token|client_secret|subject_token|cap\.sym|cap\.msg)=[^\s&,;"'<>]+
    | (?i:"(?:access_token|refresh_token|id_token|client_secret|macaroon)"\s*:\s*)"[^"]*"
    """,
    re.VERBOSE,
)
_SHORTEST = len("authz=x")
_NAMES = ("authz=", "xrd.ztn=", "_token", "client_secret", "macaroon", "cap.sym=", "cap.msg=")
_LAST_WORD = re.compile(r"[\w.~+/=%-]{8,}\Z")


def redact(text: str, *, cut: bool = False) -> str:
    """The text without the values of living secrets and without whatever looks like a credential.

    The second line of defence after `Secret`. Of a text that was `cut` before, the last word goes too: it may be
    the beginning of a credential, which nothing tells from another word.
    """
    if len(text) < _SHORTEST:
        return text
    text = _alive.mask(text, cut=cut)
    if _may_hold_a_token(text):
        text = _TOKENS.sub(MASK, text)
    return _LAST_WORD.sub(MASK, text) if cut else text


def _may_hold_a_token(text: str) -> bool:
    """False for nearly every text, at a fraction of what the search itself costs."""
    low = text.lower()
    if "eyj" in low or "mda" in low or "bearer" in low or "zteos64" in low:
        return True
    return ("=" in low or '"' in low) and any(name in low for name in _NAMES)


def redact_url(url: str) -> str:
    """The URL without user information, query and fragment: opaque parts carry tokens at XRootD and EOS."""
    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    query = MASK if parts.query else ""
    return redact(urlunsplit((parts.scheme, netloc, parts.path, query, "")))
