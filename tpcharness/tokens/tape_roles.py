"""Tokens for a tape service: one for all files of a request, for these files and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import quote

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.seams import TokenRequest
from tpcharness.tokens.roles import LIFETIME_SECONDS


class TapeRole(StrEnum):
    """What a token is used for. A request is followed, released and deleted with the role that made it.

    dCache refuses whoever polls with less than the request was made with (tape-rest 6).
    """

    POLL = "poll"
    STAGE = "stage"
    READ_STAGED = "read-staged"


# POLL asks for read as well because dCache knows storage.poll only since 11.2, and before it by READ_METADATA alone.
_RIGHTS: dict[TapeRole, tuple[str, ...]] = {
    TapeRole.POLL: ("storage.poll", "storage.read"),
    TapeRole.STAGE: ("storage.stage",),
    TapeRole.READ_STAGED: ("storage.read",),
}


def tape_token_request(role: TapeRole, endpoint: Endpoint, paths: Iterable[str]) -> TokenRequest:
    """The request for a role's token; `paths` are plain, as the tape service has them.

    Raises ValueError when one of them is not below the endpoint's `scope_base`.
    """
    scope_paths = [endpoint.scope_path(quote(path)) for path in paths]
    scopes = sorted(f"{right}:{path}" for right in _RIGHTS[role] for path in scope_paths)
    return TokenRequest(endpoint, role.value, tuple(scopes), LIFETIME_SECONDS)
