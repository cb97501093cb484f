"""Least privilege (design 7): every right of the role table is needed for one step, and that step alone misses it.

XRootD 5 on both ends: it refuses a stat with create or modify alone, and looks before it deletes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.house import open_house
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Phase
from tpcharness.payload.names import PayloadFile
from tpcharness.tokens.roles import Role
from tpcharness.wire.copy_request import Mode

R = Reason
PULL, PUSH = Mode.PULL, Mode.PUSH
CREATE, READ, MODIFY = "storage.create", "storage.read", "storage.modify"

MISSED = [
    (Role.SEED, CREATE, PULL, R.SEED_REFUSED, Blame.SOURCE),
    (Role.SEED, CREATE, PUSH, R.SEED_REFUSED, Blame.SOURCE),
    (Role.SEED, READ, PULL, R.SEED_REFUSED, Blame.SOURCE),
    (Role.SEED, READ, PUSH, R.SEED_REFUSED, Blame.SOURCE),
    (Role.DIRECTORY, CREATE, PULL, R.FORBIDDEN, Blame.DESTINATION),
    (Role.DIRECTORY, CREATE, PUSH, R.FORBIDDEN, Blame.DESTINATION),
    # Who is asked to copy says so himself; who is talked to by the other is quoted.
    (Role.READ, READ, PULL, R.PASSIVE_FORBIDDEN, Blame.SOURCE),
    (Role.READ, READ, PUSH, R.FORBIDDEN, Blame.SOURCE),
    (Role.WRITE, CREATE, PULL, R.FORBIDDEN, Blame.DESTINATION),
    (Role.WRITE, CREATE, PUSH, R.PASSIVE_FORBIDDEN, Blame.DESTINATION),
    (Role.VERIFY, READ, PULL, R.VERIFY_REFUSED, Blame.DESTINATION),
    (Role.VERIFY, READ, PUSH, R.VERIFY_REFUSED, Blame.DESTINATION),
    (Role.CLEANUP, MODIFY, PULL, R.CLEANUP_REFUSED, Blame.DESTINATION),
    (Role.CLEANUP, MODIFY, PUSH, R.CLEANUP_REFUSED, Blame.DESTINATION),
    (Role.CLEANUP, READ, PULL, R.CLEANUP_REFUSED, Blame.DESTINATION),
    (Role.CLEANUP, READ, PUSH, R.CLEANUP_REFUSED, Blame.DESTINATION),
]


@pytest.mark.parametrize(("role", "right", "mode", "reason", "blame"), MISSED, ids=str)
async def test_a_missing_right_shows_where_it_is_needed(
    role: Role, right: str, mode: Mode, reason: Reason, blame: Blame, tmp_path: Path
) -> None:
    async with open_house(tmp_path, "xrootd5", "xrootd5") as house:
        house.tokens.withheld.add((role, right))
        result = await house.copy(mode)
        assert (result.outcome, result.reason, result.blame) == (Outcome.FAILURE, reason, blame)
        assert result.alternatives == ()
        assert (Phase.PREPARE if role is Role.DIRECTORY else reason.phase) in result.phases
        assert result.hint
        copied = result.reason.phase in (R.VERIFY_REFUSED.phase, R.CLEANUP_REFUSED.phase)
        assert (result.markers.count > 0) == (copied or reason is R.PASSIVE_FORBIDDEN)
        assert (result.checksum.verified_by is VerifiedBy.DIGEST) == (reason is R.CLEANUP_REFUSED)
        # What could not be looked at, or not be deleted, is not forgotten; with the right it goes.
        files = {path.rpartition("/")[2] for paths in house.grid.leftovers().values() for path in paths}
        assert files <= {entry.url.rpartition("/")[2] for entry in house.ledger.entries}
        house.tokens.withheld.clear()
        for entry in house.ledger.entries:
            if "/copy-" in entry.url:
                endpoint = house.endpoint(entry.endpoint)
                file = PayloadFile(endpoint, entry.url.removeprefix(endpoint.url("")))
                assert await house.payload.remove(file, house.trail()) is None
        assert await house.left() == ([], [])


@pytest.mark.parametrize("mode", Mode)
async def test_each_role_asks_for_its_own_path_only(mode: Mode, tmp_path: Path) -> None:
    async with open_house(tmp_path, "xrootd6", "dcache") as house:
        result = await house.copy(mode)
        assert result.outcome is Outcome.OK
        scopes = {facts.role: set(facts.scope.split()) for facts in result.evidence.tokens}
        assert set(scopes) == {Role.SEED, Role.DIRECTORY, Role.READ, Role.WRITE, Role.VERIFY, Role.CLEANUP}
        seed, copy = "/tpcharness/house/seed-run-1024", "/tpcharness/house/copy-run-p1-1"
        assert scopes[Role.READ] == {f"{READ}:{seed}"}
        assert scopes[Role.SEED] == {f"{CREATE}:{seed}", f"{READ}:{seed}"}
        assert scopes[Role.WRITE] == {f"{CREATE}:{copy}"}
        assert scopes[Role.VERIFY] == {f"{READ}:{copy}"}
        assert scopes[Role.CLEANUP] == {f"{MODIFY}:{copy}", f"{READ}:{copy}"}
        assert all(facts.issuer == house.grid.issuer.url for facts in result.evidence.tokens)
        assert not any("eyJ" in repr(part) for part in (result, house.events))
