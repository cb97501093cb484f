"""What endpoints do alone, beside their doors, as a table of endpoint by variant: what pages and documents show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tpcharness.export.protocols import cell_rate
from tpcharness.export.quantities import rate_text
from tpcharness.model.variant import Variant
from tpcharness.results.store import Cell, CellState

_BAD = (CellState.FAILURE, CellState.ERROR)


@dataclass(frozen=True, slots=True)
class AloneCell:
    """One endpoint in one variant; `rate` is empty where nothing was moved or the state is not ok."""

    state: CellState
    reason: str
    rate: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class AloneRow:
    """One endpoint; `cells` go with the table's variants. `link` leads to the evidence, empty without one."""

    name: str
    link: str
    cells: tuple[AloneCell | None, ...]

    @property
    def failing(self) -> int:
        return sum(cell is not None and cell.state in _BAD for cell in self.cells)


@dataclass(frozen=True, slots=True)
class AloneTable:
    """Endpoints with most failures first, others in their own order."""

    variants: tuple[Variant, ...]
    rows: tuple[AloneRow, ...]


def alone_table(cells: Iterable[Cell], link: Callable[[str], str]) -> AloneTable:
    """`cells` are those of endpoints alone, without doors; `link` makes the address of an endpoint's evidence."""
    by_name: dict[str, dict[Variant, Cell]] = {}
    for cell in cells:
        by_name.setdefault(str(cell.subject), {})[cell.variant] = cell
    variants = tuple(variant for variant in Variant if any(variant in row for row in by_name.values()))
    rows = [
        AloneRow(name, link(name), tuple(_told(row[variant]) if variant in row else None for variant in variants))
        for name, row in by_name.items()
    ]
    return AloneTable(variants, tuple(sorted(rows, key=lambda row: -row.failing)))


def _told(cell: Cell) -> AloneCell:
    rate = cell_rate(cell) if cell.state is CellState.OK else None
    return AloneCell(cell.state, cell.worst.reason.value, "" if rate is None else rate_text(rate), cell)
