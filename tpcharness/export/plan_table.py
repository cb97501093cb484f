"""What `--plan` shows: what would be copied, asked for, written and left out. Nothing has been touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tpcharness.export.alphabet import Alphabet, alphabet
from tpcharness.export.quantities import count_text, size_text
from tpcharness.model.plan import Dropped, DropReason, Plan
from tpcharness.model.variant import Variant

MOST_LINES = 20
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A rich renderable of a plan. `scopes` are the token scopes that will be asked for, `paths` the files written."""

    plan: Plan
    scopes: Sequence[str] = ()
    paths: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks, plan = alphabet(options), self.plan
        if plan.links:
            yield _probes(plan, marks)
            yield Text()
        yield from _listing("token scopes that would be asked for", self.scopes, marks)
        yield from _listing("files that would be written, and removed again", self.paths, marks)
        yield from _dropped(plan.dropped, marks)
        doors, links = count_text(len(plan.doors), "door"), count_text(len(plan.links), "link probe")
        line = Text.assemble((f"{doors} and {links} on {count_text(len(plan.endpoints), 'endpoint')}", "bold"))
        line.append(f", {size_text(plan.total_bytes)} to copy; nothing has been touched")
        yield line


def _probes(plan: Plan, marks: Alphabet) -> Table:
    groups: dict[tuple[Variant, int], int] = defaultdict(int)
    for probe in plan.links:
        groups[probe.variant, probe.size_bytes] += 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("variant")
    for title in ("links", "size each", "together"):
        table.add_column(title, justify="right")
    for (variant, size_bytes), count in sorted(groups.items()):
        table.add_row(variant.value, f"{count:,}", size_text(size_bytes), size_text(count * size_bytes))
    return table


def _listing(title: str, lines: Sequence[str], marks: Alphabet) -> Iterator[Text]:
    if not lines:
        return
    yield Text(f"{title} ({len(lines):,}):", "bold")
    for line in lines[:MOST_LINES]:
        yield Text(f"  {marks.clean(line)}")
    if len(lines) > MOST_LINES:
        yield Text(f"  ... and {len(lines) - MOST_LINES:,} more", "dim")
    yield Text()


def _dropped(dropped: Iterable[Dropped], marks: Alphabet) -> Iterator[Text]:
    """What is left out, grouped by why and the detail; a few names of each group stand for all."""
    groups: dict[tuple[DropReason, str], list[str]] = defaultdict(list)
    for each in dropped:
        groups[each.why, each.detail].append(f"{each.subject} {each.variant.value}")
    if not groups:
        return
    yield Text(f"left out ({sum(map(len, groups.values())):,}):", "bold")
    for (why, detail), names in sorted(groups.items(), key=lambda group: -len(group[1]))[:MOST_LINES]:
        words = f"{why.value.replace('_', ' ')}{f': {detail}' if detail else ''}"
        shown = ", ".join(marks.clean(name, 120) for name in names[:MOST_NAMES])
        more = f", and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        yield Text.assemble(f"  {len(names):,} {marks.clean(words)} ", (f"({shown}{more})", "dim"))
    if len(groups) > MOST_LINES:
        yield Text(f"  ... and {len(groups) - MOST_LINES:,} more groups", "dim")
    yield Text()
