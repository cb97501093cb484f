"""Who may come in: user names and passwords against bcrypt hashes, off the loop, remembered, and slow for guessers."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address

import bcrypt

_log = logging.getLogger(__name__)

MOST_REMEMBERED = 256
MOST_PEERS = 1024
MOST_WAITING = 16
QUICK_FAILURES = 10
FAILURE_SECONDS = 6.0
"""Of one address so many wrong passwords at once are looked at, then one each so many seconds."""

_LONGEST_PASSWORD = 72  # bytes; bcrypt reads no more
_UNKNOWN = bcrypt.hashpw(b"nobody", bcrypt.gensalt(10)).decode()  # an unknown user takes as long as a known one


class Admission(Enum):
    """The answer to somebody at the door."""

    YES = auto()
    NO = auto()
    TOO_MANY = auto()


class Doorkeeper:
    """Verifies basic authentication.

    A password that was right once is known again by a salted hash of it, which dies with the process; so a scrape
    each few seconds costs nothing. Wrong ones are never remembered but counted by address (of IPv6 by /64 network);
    who has used up his failures, or finds the line of waiting checks full, is sent away unread. Right passwords that
    are remembered pass also then. One thread does the hashing. `now` is loop time.
    """

    def __init__(self, users: Mapping[str, str], now: Callable[[], float]) -> None:
        self._users = dict(users)
        self._now = now
        self._salt = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Future[bool]] = {}
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many, as of when
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="bcrypt")

    @property
    def has_users(self) -> bool:
        return bool(self._users)

    def replace_users(self, users: Mapping[str, str]) -> None:
        """From now on these; what is remembered of others is worth nothing, since the hash is part of it."""
        self._users = dict(users)

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def admits(self, authorization: str, peer: str) -> tuple[Admission, str]:
        """What becomes of an Authorization header (empty for none) from this address, and the user's name."""
        given = _credentials(authorization)
        if given is None:
            return Admission.NO, ""
        user, password = given
        hashed = self._users.get(user)
        known_by = self._digest(user, hashed or "", password)
        if known_by in self._remembered:
            self._remembered.move_to_end(known_by)
            return Admission.YES, user
        peer = _network(peer)
        if self._failed(peer) >= QUICK_FAILURES or (
            known_by not in self._under_way and len(self._under_way) >= MOST_WAITING
        ):
            return Admission.TOO_MANY, ""
        right = await self._verify(known_by, password, hashed)
        if not right:
            self._failures[peer] = (self._failed(peer) + 1, self._now())
            self._failures.move_to_end(peer)
            while len(self._failures) > MOST_PEERS:
                self._failures.popitem(last=False)
            _log.warning("wrong user or password from %s", peer)
            return Admission.NO, ""
        if self._users.get(user) != hashed:  # the users were replaced while we looked
            return Admission.NO, ""
        self._remembered[known_by] = None
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return Admission.YES, user

    async def _verify(self, known_by: bytes, password: bytes, hashed: str | None) -> bool:
        """One check for all who ask the same at the same moment; it goes on when one of them leaves."""
        check = self._under_way.get(known_by)
        if check is None:
            loop = asyncio.get_running_loop()
            check = loop.run_in_executor(self._executor, _matches, password, hashed)
            self._under_way[known_by] = check
            check.add_done_callback(lambda _: self._under_way.pop(known_by, None))
        return await asyncio.shield(check)

    def _failed(self, peer: str) -> float:
        count, as_of = self._failures.get(peer, (0.0, 0.0))
        return max(0.0, count - (self._now() - as_of) / FAILURE_SECONDS)

    def _digest(self, user: str, hashed: str, password: bytes) -> bytes:
        parts = b"\0".join((user.encode(), hashed.encode(), password))
        return hashlib.blake2b(parts, key=self._salt, digest_size=32).digest()


def _credentials(authorization: str) -> tuple[str, bytes] | None:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(rest.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def _matches(password: bytes, hashed: str | None) -> bool:
    fits = len(password) <= _LONGEST_PASSWORD and b"\0" not in password
    right = bcrypt.checkpw(password if fits else b"", (hashed or _UNKNOWN).encode())
    return right and fits and hashed is not None


def _network(peer: str) -> str:
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return peer
