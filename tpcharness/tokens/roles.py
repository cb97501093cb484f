"""Least privilege: one token per role, for the narrowest path, and how a role's rights are called in a scope."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.seams import TokenRequest

LIFETIME_SECONDS = 300.0


class Role(StrEnum):
    """What a token is used for (design 7)."""

    SEED = "seed"
    READ = "read"
    WRITE = "write"
    VERIFY = "verify"
    CLEANUP = "cleanup"
    DIRECTORY = "directory"


# VERIFY and CLEANUP ask for read because XRootD 5.5 refuses a stat with create or modify alone, and looks before it
# deletes (tokens 8, xrootd#2185; seen on 5.5.3: DELETE with storage.modify alone is answered 403).
_RIGHTS: dict[Role, tuple[str, ...]] = {
    Role.SEED: ("storage.create", "storage.read"),
    Role.READ: ("storage.read",),
    Role.WRITE: ("storage.create",),
    Role.VERIFY: ("storage.read",),
    Role.CLEANUP: ("storage.modify", "storage.read"),
    Role.DIRECTORY: ("storage.create",),
}

# WLCG token profile 1.1: modify is a superset of create.
_INCLUDED = {"storage.create": ("storage.create", "storage.modify")}


def token_request(
    role: Role, endpoint: Endpoint, path: str, *, lifetime_seconds: float = LIFETIME_SECONDS, replace: bool = False
) -> TokenRequest:
    """The request for a role's token at an absolute URL path, still percent-encoded as in the URL.

    `replace` lets a seed overwrite its former self, which `storage.create` forbids. Raises ValueError when the path
    is not below the endpoint's `scope_base`, or holds white space, which would tear the scope apart.
    """
    if path.split() != [path]:
        raise ValueError(f"a path in a scope must be percent-encoded: {path!r}")
    rights = (*_RIGHTS[role], "storage.modify") if replace else _RIGHTS[role]
    scope_path = endpoint.scope_path(path)
    scopes = tuple(sorted(f"{right}:{scope_path}" for right in rights))
    return TokenRequest(endpoint, role.value, scopes, lifetime_seconds)


def missing_scopes(wanted: Iterable[str], granted: str) -> tuple[str, ...]:
    """The wanted scopes that a granted `scope` string (separated by blanks) does not cover.

    Paths match by whole components: /foo covers /foo/bar, not /foobar (WLCG token profile 1.1).
    """
    held = granted.split()
    return tuple(scope for scope in wanted if not any(_covers(grant, scope) for grant in held))


def _covers(grant: str, wanted: str) -> bool:
    grant_name, _, grant_path = grant.partition(":")
    name, _, path = wanted.partition(":")
    if grant_name not in _INCLUDED.get(name, (name,)):
        return False
    return path == grant_path or path.startswith(grant_path.rstrip("/") + "/")
