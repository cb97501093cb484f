from hypothesis import given
from hypothesis import strategies as st

from tpcharness.export.layout import DOOR_WIDTH, Density, choose_layout


def layout(count, width, *, longest=10, halves=2, half_width=2, rows=None, columns=None):
    names = [f"E{i}" for i in range(count)]
    return choose_layout(
        names,
        lengths=dict.fromkeys(names, longest),
        width=width,
        halves=halves,
        half_width=half_width,
        row_badness=lambda name: (rows or {}).get(name, 0),
        column_badness=lambda name: (columns or {}).get(name, 0),
    )


def test_the_roomiest_layout_that_fits_is_taken():
    assert layout(4, 80).density is Density.NAMED
    assert layout(12, 100).density is Density.LETTERS
    assert layout(12, 60).density is Density.MARKS
    assert layout(12, 60).columns == tuple(f"E{i}" for i in range(12))


def test_when_nothing_fits_the_worst_columns_are_kept_in_their_order():
    chosen = layout(40, 60, columns={"E30": 5, "E7": 9}, rows={"E3": 1})
    assert chosen.density is Density.LETTERS
    assert len(chosen.rows) == 40
    assert {"E7", "E30"} <= set(chosen.columns)
    assert list(chosen.columns) == sorted(chosen.columns, key=lambda name: int(name[1:]))
    assert chosen.numbers["E7"] == 8


def test_a_big_mesh_is_cut_in_rows_too_however_wide_the_terminal_is():
    chosen = layout(170, 2000, rows={"E169": 3}, columns={"E100": 3})
    assert len(chosen.rows) == 20
    assert len(chosen.columns) == 40
    assert chosen.rows[-1] == "E169"
    assert chosen.columns[-1] == "E100"


@given(st.integers(2, 200), st.integers(60, 300), st.integers(1, 40), st.integers(1, 3), st.sampled_from([2, 6]))
def test_no_line_is_ever_wider_than_the_terminal(count, width, longest, halves, half_width):
    chosen = layout(count, width, longest=longest, halves=halves, half_width=half_width)
    columns = sum(chosen.column_widths) + chosen.density.gap * len(chosen.column_widths)
    assert chosen.label_width + 2 + DOOR_WIDTH + columns <= width
    assert len(chosen.columns) == len(chosen.column_widths) >= 1
