import pytest

from tpcharness.export.alphabet import ASCII, LETTERS, STYLES, UNICODE
from tpcharness.model.variant import Blame
from tpcharness.results.store import CellState


@pytest.mark.parametrize("marks", [ASCII, UNICODE], ids=["ascii", "unicode"])
def test_every_state_has_its_own_mark_of_one_column(marks):
    assert set(marks.states) == set(CellState)
    assert len(set(marks.states.values())) == len(CellState)
    assert all(len(mark) == 1 for mark in (*marks.states.values(), marks.absent))


def test_ascii_is_ascii():
    texts = (*ASCII.states.values(), ASCII.absent, ASCII.arrow, ASCII.separator, ASCII.dash)
    assert all(text.isascii() for text in texts)


def test_every_blame_has_its_own_letter_and_every_state_a_style():
    assert set(LETTERS) == set(Blame)
    assert len(set(LETTERS.values())) == len(Blame)
    assert set(STYLES) == {*CellState, None}
