"""Which ways to copy work on one link, and the best of them: what all outputs say alike of a matrix of protocols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tpcharness.diagnosis.contrasts import contrasts
from tpcharness.export.quantities import rate_text
from tpcharness.model.contrast import Contrast
from tpcharness.model.endpoint import Subject
from tpcharness.model.finding import Finding
from tpcharness.model.variant import TAPE_LINK_VARIANTS, Variant
from tpcharness.results.store import Cell, Cells, CellState

FEW_VARIANTS = 2
"""Up to so many variants the plain matrix shows each beside the other, and no matrix of protocols is needed."""

VARIANT_LETTERS: dict[Variant, str] = {
    Variant.HTTPS_PULL: "p",
    Variant.HTTPS_PUSH: "u",
    Variant.ROOT_PULL: "r",
    Variant.TAPE_RECALL: "t",
    Variant.TAPE_ARCHIVE: "a",
    Variant.GFAL_DAVS_DAVS: "d",
    Variant.GFAL_ROOT_ROOT: "e",
    Variant.GFAL_GSIFTP_GSIFTP: "g",
    Variant.GFAL_SRM_SRM: "s",
}
"""A variant that works, in one letter; as a capital it is the best one."""


class Choice(StrEnum):
    """Why a variant is the best one, or why none is."""

    FASTEST = "the fastest"
    ONLY = "the only one that works"
    TIE = "equally fast"
    UNKNOWN = "no throughput to compare"
    NONE = "none works"


CHOICE_MARKS = {Choice.TIE: "=", Choice.UNKNOWN: "?", Choice.NONE: " "}
"""What stands where the best variant's letter would."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best variant of one link, None where no one is better than all others; `rate` is in bytes per second."""

    choice: Choice
    variant: Variant | None = None
    rate: float | None = None

    @property
    def mark(self) -> str:
        """One character: the variant's letter as a capital, or why there is none."""
        return VARIANT_LETTERS[self.variant].upper() if self.variant else CHOICE_MARKS[self.choice]

    def __str__(self) -> str:
        if self.variant is None:
            return f"best: {self.choice}"
        fast = "" if self.rate is None else f", {rate_text(self.rate)}"
        return f"best: {self.variant}, {self.choice}{fast}"


def best_of(cells: Iterable[Cell]) -> Best:
    """Of the variants that are ok the one with the highest verified throughput at its largest size.

    Copies from and to tape do another job and do not compete. Rates that read alike are a tie; where one of several
    has no throughput there is nothing to compare, and nothing is invented.
    """
    rates = {cell.variant: cell_rate(cell) for cell in cells if _competes(cell)}
    if len(rates) < FEW_VARIANTS:
        for variant, rate in rates.items():
            return Best(Choice.ONLY, variant, rate)
        return Best(Choice.NONE)
    known = {variant: rate for variant, rate in rates.items() if rate is not None}
    if len(known) < len(rates):
        return Best(Choice.UNKNOWN)
    first, second, *_ = sorted(known, key=lambda variant: -known[variant])
    if rate_text(known[first]) == rate_text(known[second]):
        return Best(Choice.TIE)
    return Best(Choice.FASTEST, first, known[first])


def best_choices(cells: Mapping[tuple[Subject, Variant], Cell], variants: Sequence[Variant]) -> frozenset[Choice]:
    """Which choices occur among the links of these cells: what a legend has to explain."""
    found = set()
    for subject in {subject for subject, _ in cells}:
        known = (cells.get((subject, variant)) for variant in variants)
        found.add(best_of(cell for cell in known if cell is not None).choice)
    return frozenset(found)


def _competes(cell: Cell) -> bool:
    return cell.state is CellState.OK and cell.variant not in TAPE_LINK_VARIANTS


def cell_rate(cell: Cell) -> float | None:
    """Bytes per second of its largest good size, None without one."""
    rates = {result.size_bytes: result.throughput for result in cell.results if result.ok and result.throughput}
    return rates[max(rates)] if rates else None


def legend_of(variants: Sequence[Variant]) -> list[str]:
    """ "p https-pull", "u https-push": a letter without its name, or a name without its letter, says nothing."""
    return [f"{VARIANT_LETTERS[variant]} {variant}" for variant in variants]


def capitals_of(variants: Sequence[Variant]) -> list[str]:
    """ "P https-pull", "U https-push", where only the best is named."""
    return [f"{VARIANT_LETTERS[variant].upper()} {variant}" for variant in variants]


def word_of(cells: Mapping[Variant, Cell], variants: Sequence[Variant], marks: Mapping[CellState, str]) -> str:
    """One character for each variant, in their order: its letter if it works, a capital if it is the best."""
    best = best_of(cells.values()).variant
    return "".join(_character(cells.get(variant), marks, best=best is variant) for variant in variants)


def _character(cell: Cell | None, marks: Mapping[CellState, str], *, best: bool) -> str:
    if cell is None:
        return " "
    if cell.state is not CellState.OK:
        return marks[cell.state]
    letter = VARIANT_LETTERS[cell.variant]
    return letter.upper() if best else letter


def contrasts_of(store: Cells, now: datetime | None = None) -> tuple[Contrast, ...]:
    """The contrasts among everything that is known and not stale."""
    return contrasts_among((*store.endpoint_cells(now=now), *store.cells(now=now)))


def contrasts_among(cells: Iterable[Cell]) -> tuple[Contrast, ...]:
    """The same of these cells."""
    return contrasts(
        result
        for cell in cells
        for result, state in zip(cell.results, cell.states, strict=True)
        if state is not CellState.STALE
    )


def untold(contrasts: Iterable[Contrast], findings: Iterable[Finding]) -> list[Contrast]:
    """Those that no finding tells already."""
    told = {contrast for finding in findings for contrast in finding.contrasts}
    return [contrast for contrast in contrasts if contrast not in told]
