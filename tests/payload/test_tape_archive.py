"""The directory for tape: the same fence as below the prefix, and neither opens the other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.clocks import NOON
from tpcharness.model.endpoint import Endpoint
from tpcharness.payload.cleaning import forgotten
from tpcharness.payload.ledger import Ledger, LedgerEntry
from tpcharness.payload.names import OutsidePrefix, PayloadFile, PayloadNames
from tpcharness.payload.tape_archive import archive_of

ENDPOINT = Endpoint("SITE-A", "https://h.example:1/vo", scope_base="/vo", tape_archive="/vo/tape/")
NAMES = PayloadNames("bench", "run")


def test_the_archive_is_the_same_storage_below_another_prefix() -> None:
    archive = archive_of(ENDPOINT)
    assert (archive.name, archive.https) == ("SITE-A", "https://h.example:1/vo/tape")
    assert NAMES.archived(archive, "p1", 2).path == "/vo/tape/tpcharness/bench/archive-run-p1-2"


def test_there_is_none_where_none_is_configured() -> None:
    with pytest.raises(ValueError, match="SITE-A has no directory whose files go to tape"):
        archive_of(Endpoint("SITE-A", "https://h.example/vo"))


@pytest.mark.parametrize(
    "path",
    [
        "/vo/tape/archive-run-p1-1",
        "/vo/tape/tpcharness/another/archive-run-p1-1",
        "/vo/tape/tpcharness/bench/deeper/archive-run-p1-1",
        "/vo/tape/tpcharness/bench/..%2farchive",
        "/vo/tpcharness/bench/archive-run-p1-1",
    ],
)
def test_only_our_directory_there_is_ours(path: str) -> None:
    with pytest.raises(OutsidePrefix):
        NAMES.check(PayloadFile(archive_of(ENDPOINT), path))


def test_the_ordinary_prefix_does_not_open_the_archive() -> None:
    with pytest.raises(OutsidePrefix):
        NAMES.check(PayloadFile(ENDPOINT, "/vo/tape/tpcharness/bench/archive-run-p1-1"))


async def test_a_file_on_its_way_to_tape_is_needed_for_a_day(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.jsonl") as ledger:
        entry = LedgerEntry("SITE-A", NAMES.archived(archive_of(ENDPOINT), "p1", 1).url, "run", NOON)
        await ledger.add(entry)
        assert forgotten(ledger, NAMES, NOON + timedelta(hours=23)) == ()
        assert forgotten(ledger, NAMES, NOON + timedelta(hours=25)) == (entry,)
        assert forgotten(ledger, PayloadNames("bench", "next"), NOON) == (entry,)
