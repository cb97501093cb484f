"""What a bearer token allows at a storage: its signature and claims are verified, its scopes become rights.

Follows the WLCG token profile 1.3 (reference: tokens 2-4); where implementations differ, a ScopeProfile says how.
Verifying costs the processor (about 0.1 ms a signature), so verified tokens are remembered, a bounded number of them.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

import jwt

ANY_AUDIENCE = "https://wlcg.cern.ch/jwt/v1/any"

_ALGORITHMS = ("RS256", "ES256")  # the two that the profile asks for; never HMAC
_REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti", "wlcg.ver"]
_PROFILE_VERSION = "1.0"  # all implementations refuse any other until today (tokens 1)
_MAX_TOKEN_LENGTH = 16 * 1024
_MAX_REMEMBERED = 4096


class Operation(StrEnum):
    """What a request wants to do to one path."""

    READ = "read"
    STAT = "stat"
    CREATE = "create"
    MODIFY = "modify"
    DELETE = "delete"
    LIST = "list"
    MKCOL = "mkcol"
    STAGE = "stage"
    POLL = "poll"


class RefusedKind(StrEnum):
    """Why a token is worth nothing here."""

    MISSING = "missing"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    AUDIENCE = "audience"
    ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class Refused:
    """A token that was not accepted; `text` says why in words, without the token."""

    kind: RefusedKind
    text: str


@dataclass(frozen=True, slots=True)
class ScopeProfile:
    """Where implementations read the same scopes differently (tokens 8).

    `stat_with_create` and `stat_with_modify`: XRootD only since 5.6.9 (#2185). `parents_with_create`: missing
    directories above the scope's path may be made and looked at; XRootD since 5.6.9 (#2184), StoRM since 1.5.0.
    `delete_needs_stat`: XRootD 5 looks before it deletes, so that modify alone does not delete (5.5.3, measured).
    `list_with_modify`: dCache. `leeway_seconds`: tolerance for clocks; dCache has none, StoRM 60.
    """

    stat_with_create: bool = True
    stat_with_modify: bool = True
    parents_with_create: bool = True
    delete_needs_stat: bool = False
    list_with_modify: bool = False
    leeway_seconds: float = 0.0


class _Verb(StrEnum):
    READ = "storage.read"
    CREATE = "storage.create"
    MODIFY = "storage.modify"
    STAGE = "storage.stage"
    POLL = "storage.poll"


@dataclass(frozen=True, slots=True)
class _Grant:
    """One scope: what may be done at `path` (components of the URL path) and everywhere below it."""

    verb: _Verb
    path: tuple[str, ...]
    directory_only: bool

    def covers(self, path: tuple[str, ...]) -> bool:
        return path[: len(self.path)] == self.path

    def below(self, path: tuple[str, ...]) -> bool:
        return len(path) < len(self.path) and self.path[: len(path)] == path


@dataclass(frozen=True, slots=True)
class Rights:
    """What the bearer of a verified token may do, path by path."""

    subject: str
    scope: str
    profile: ScopeProfile
    grants: tuple[_Grant, ...] = ()

    def may(self, operation: Operation, url_path: str) -> bool:
        """Whether a scope allows the operation at this URL path (as it stands in the request, still encoded).

        Matches whole path components: /foo covers /foo/bar, not /foobar. A path that two servers could read
        differently (dot segments, encoded slashes, double encoding) is never allowed.
        """
        if operation is Operation.DELETE and self.profile.delete_needs_stat and not self.may(Operation.STAT, url_path):
            return False
        path = components(url_path)
        return path is not None and any(self._allows(grant, operation, path) for grant in self.grants)

    def _allows(self, grant: _Grant, operation: Operation, path: tuple[str, ...]) -> bool:
        if not grant.covers(path):
            leading = operation in _ABOVE and self.profile.parents_with_create
            return leading and grant.verb in _WRITING and grant.below(path)
        if grant.directory_only and path == grant.path and operation in _MAKES_A_FILE:
            return False
        return grant.verb in self._verbs(operation)

    def _verbs(self, operation: Operation) -> frozenset[_Verb]:
        verbs = _VERBS[operation]
        if operation is Operation.STAT:
            verbs |= {_Verb.CREATE} if self.profile.stat_with_create else set()
            verbs |= {_Verb.MODIFY} if self.profile.stat_with_modify else set()
        if operation is Operation.LIST and self.profile.list_with_modify:
            verbs |= {_Verb.MODIFY}
        return verbs


_WRITING = frozenset({_Verb.CREATE, _Verb.MODIFY})
_ABOVE = frozenset({Operation.MKCOL, Operation.STAT})
_MAKES_A_FILE = frozenset({Operation.CREATE, Operation.MODIFY})
_VERBS: dict[Operation, frozenset[_Verb]] = {
    Operation.READ: frozenset({_Verb.READ}),
    Operation.STAT: frozenset({_Verb.READ}),
    Operation.CREATE: _WRITING,
    Operation.MODIFY: frozenset({_Verb.MODIFY}),
    Operation.DELETE: frozenset({_Verb.MODIFY}),
    Operation.LIST: frozenset({_Verb.READ}),
    Operation.MKCOL: _WRITING,
    Operation.STAGE: frozenset({_Verb.STAGE}),
    Operation.POLL: frozenset({_Verb.STAGE, _Verb.POLL}),  # stage includes poll (WLCG token profile 1.3)
}


class Verifier:
    """Decides about the tokens that come to one storage.

    `issuer_url` must equal the claim `iss` to the character. `scope_base` is the URL path that "/" in a scope means
    here. `now` gives Unix time in seconds.
    """

    def __init__(
        self,
        issuer_url: str,
        jwks: Mapping[str, Any],
        audiences: frozenset[str],
        scope_base: str,
        profile: ScopeProfile = ScopeProfile(),
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        base = components(scope_base)
        if base is None:
            raise ValueError(f"not an absolute, plain URL path: {scope_base}")
        self._base = base
        self._issuer = issuer_url
        self._audiences = {*audiences, ANY_AUDIENCE}
        self._profile = profile
        self._now = now
        self._keys: dict[str, jwt.PyJWK] = {}
        self._verified: OrderedDict[str, _Verified] = OrderedDict()
        self.verifications = 0
        self.trust(jwks)

    def trust(self, jwks: Mapping[str, Any]) -> None:
        """Takes a new set of the issuer's keys in place of the old one."""
        self._keys = {key["kid"]: jwt.PyJWK.from_dict(key) for key in jwks["keys"]}
        self._verified.clear()

    def accept_audience(self, audience: str) -> None:
        """Accepts one more audience: the storage learns its own port only when it listens."""
        self._audiences.add(audience)
        self._verified.clear()

    def check(self, token: str | None) -> Rights | Refused:
        """The rights of a token's bearer, or why it is refused. Never raises for what is in a token."""
        if not token:
            return Refused(RefusedKind.MISSING, "no bearer token")
        verified = self._verified.get(token) or self._verify(token)
        if isinstance(verified, Refused):
            return verified
        self._remember(token, verified)
        return self._in_time(verified)

    def _in_time(self, verified: _Verified) -> Rights | Refused:
        now, leeway = self._now(), self._profile.leeway_seconds
        if now >= verified.expires + leeway:
            return Refused(RefusedKind.EXPIRED, "the token has expired")
        if now < verified.not_before - leeway:
            return Refused(RefusedKind.NOT_YET, "the token is not valid yet")
        return verified.rights

    def _remember(self, token: str, verified: _Verified) -> None:
        self._verified[token] = verified
        if len(self._verified) > _MAX_REMEMBERED:
            self._verified.popitem(last=False)

    def _verify(self, token: str) -> _Verified | Refused:
        if len(token) > _MAX_TOKEN_LENGTH or not token.isascii():
            return Refused(RefusedKind.MALFORMED, "not a JSON web token")
        self.verifications += 1
        try:
            return self._granted(self._claims(token))
        except jwt.InvalidIssuerError:
            return Refused(RefusedKind.ISSUER, "the issuer is not trusted here")
        except jwt.InvalidAudienceError:
            return Refused(RefusedKind.AUDIENCE, "the token is meant for another audience")
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
            return Refused(RefusedKind.SIGNATURE, "the signature does not verify")
        except (jwt.InvalidTokenError, RecursionError) as error:  # deep nesting exhausts the JSON parser
            return Refused(RefusedKind.MALFORMED, str(error))

    def _claims(self, token: str) -> dict[str, Any]:
        """Claims of a well-signed token of our issuer; its times are looked at later, and at every use."""
        unverified = jwt.decode_complete(token, options={"verify_signature": False})
        if unverified["payload"].get("iss", self._issuer) != self._issuer:
            raise jwt.InvalidIssuerError  # before the key: another issuer's key is unknown here by nature
        key = self._keys.get(unverified["header"].get("kid", ""))
        if key is None:
            raise jwt.InvalidKeyError
        return jwt.decode(
            token,
            key,
            algorithms=_ALGORITHMS,
            audience=self._audiences,
            issuer=self._issuer,
            options={"require": _REQUIRED_CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )

    def _granted(self, claims: Mapping[str, Any]) -> _Verified:
        if claims["wlcg.ver"] != _PROFILE_VERSION:
            raise jwt.InvalidTokenError("wlcg.ver is not understood")
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise jwt.InvalidTokenError("scope must be one string")
        grants = tuple(grant for word in scope.split() if (grant := self._grant(word)) is not None)
        return _Verified(
            rights=Rights(subject=claims["sub"], scope=scope, profile=self._profile, grants=grants),
            expires=_seconds(claims["exp"]),
            not_before=_seconds(claims.get("nbf", 0)),
        )

    def _grant(self, word: str) -> _Grant | None:
        """The grant of one scope; None for scopes that are not about storage."""
        name, _, scope_path = word.partition(":")
        if name not in _VERB_NAMES:
            return None
        path = components(scope_path)
        if path is None:
            # without a path, or with one that is not plain, the whole token is void (tokens 3)
            raise jwt.InvalidTokenError(f"scope {name} has no usable path")
        return _Grant(_Verb(name), self._base + path, directory_only=bool(path) and scope_path.endswith("/"))


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token whose signature, issuer and audience are good, and the times between which it counts."""

    rights: Rights
    expires: float
    not_before: float


def components(path: str) -> tuple[str, ...] | None:
    """The decoded components of an absolute URL path; a trailing slash does not count.

    None for a path that two servers could read differently: relative, empty or dot components, an encoded slash,
    backslashes, control characters, double encoding, bytes that are not UTF-8.
    """
    first, *rest = path.split("/")
    if first or not rest:
        return None
    if rest[-1] == "":
        rest.pop()
    try:
        decoded = tuple(unquote(component, errors="strict") for component in rest)
    except UnicodeDecodeError:
        return None
    return decoded if all(_plain(component) for component in decoded) else None


def _plain(component: str) -> bool:
    return component not in ("", ".", "..") and component.isprintable() and not _AMBIGUOUS & set(component)


def _seconds(moment: object) -> float:
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        raise jwt.InvalidTokenError("a time must be a number")
    return moment


_AMBIGUOUS = frozenset("/\\%")
_VERB_NAMES = frozenset(_Verb)
