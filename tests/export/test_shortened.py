"""Names without room: in their width, different, and seen to be cut."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.export.samples import good, run
from tests.export.screen import Screen
from tpcharness.export.shortened import shortened
from tpcharness.export.table import MatrixReport
from tpcharness.results.store import MatrixStore

HOSTS = [f"storm-webdav-production{number:02}.cr.cnaf.infn.it" for number in range(40)]


def short(*names: str, width: int, ascii_only: bool = False) -> list[str]:
    return list(shortened({name: name for name in names}, width, ascii_only=ascii_only).values())


@pytest.mark.parametrize(
    ("names", "width", "cut"),
    [
        (["SITE-A", "SITE-B"], 6, ["SITE-A", "SITE-B"]),
        (["A-LONG-NAME", "B"], 6, ["A-LON…", "B"]),
        (["PROD-DISK-1", "PROD-DISK-2"], 6, ["PR…K-1", "PR…K-2"]),
        (HOSTS[3:5], 24, ["storm…03.cr.cnaf.infn.it", "storm…04.cr.cnaf.infn.it"]),
        (["same-name", "same-name"], 5, ["same…"]),
    ],
)
def test_names_stay_different_and_say_that_they_are_cut(names: list[str], width: int, cut: list[str]) -> None:
    assert short(*names, width=width) == cut


@pytest.mark.parametrize("width", [3, 4, 10, 23])
def test_no_name_is_wider_than_its_column(width: int) -> None:
    wide = ["高エネルギー加速器研究機構-1", "高エネルギー加速器研究機構-2"]
    for ascii_only in (False, True):
        assert all(cell_len(name) <= width for name in short(*HOSTS, *wide, width=width, ascii_only=ascii_only))


def test_rows_of_a_narrow_terminal_can_be_told_apart() -> None:
    store = MatrixStore(HOSTS)
    for source in HOSTS:
        store.add(good(source, HOSTS[0] if source != HOSTS[0] else HOSTS[1]))
    screen = Screen(80).show(MatrixReport(store, run()))
    for number in range(40):
        assert f"{number:02}.cr.cnaf" in screen.text
    assert max(map(len, screen.lines)) <= 80


def test_a_terminal_without_utf8_gets_dots() -> None:
    assert short("A-LONG-NAME", width=6, ascii_only=True) == ["A-LO.."]
