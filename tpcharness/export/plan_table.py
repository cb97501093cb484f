"""What `--plan` shows: what would be copied, asked for, written and left out. Nothing has been touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

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
        if plan.links or plan.alone:
            yield _probes(plan, marks)
            yield Text()
        yield from _listing("token scopes that would be asked for", self.scopes, marks)
        yield from _listing("files that would be written, and removed again", self.paths, marks)
        yield from _dropped(plan.dropped, marks)
        doors, links = count_text(len(plan.doors), "door"), count_text(len(plan.links), "link probe")
        alone = f", {count_text(len(plan.alone), 'endpoint probe')}" if plan.alone else ""
        line = Text.assemble((f"{doors}{alone} and {links} on {count_text(len(plan.endpoints), 'endpoint')}", "bold"))
        line.append(f", {size_text(plan.total_bytes)} to copy; nothing has been touched")
        yield line


def _probes(plan: Plan, marks: Alphabet) -> Table:
    groups: dict[tuple[Variant, int], int] = defaultdict(int)
    for probe in (*plan.alone, *plan.links):
        groups[probe.variant, probe.size_bytes] += 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("variant")
    for title in ("links" if not plan.alone else "probes", "size each", "together"):
        table.add_column(title, justify="right")
    for (variant, size_bytes), count in sorted(groups.items()):
        sizes = (size_text(size_bytes), size_text(count * size_bytes)) if size_bytes else (marks.dash, marks.dash)
        table.add_row(variant.value, f"{count:,}", *sizes)
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


@dataclass(slots=True)
class _Group:
    """What is left out for one reason; `lacking` are the endpoints that lack something, each once."""

    names: list[str] = field(default_factory=list)
    lacking: dict[str, None] = field(default_factory=dict)


def _dropped(dropped: Iterable[Dropped], marks: Alphabet) -> Iterator[Text]:
    """What is left out, grouped by why and the detail; a few names of each group stand for all."""
    groups = list(_groups(dropped, marks))
    if not groups:
        return
    yield Text(f"left out ({sum(len(names) for _, names in groups):,}):", "bold")
    for words, names in groups[:MOST_LINES]:
        yield Text.assemble(f"  {len(names):,} {marks.clean(words)} ", (f"({_few(names, marks)})", "dim"))
    if len(groups) > MOST_LINES:
        yield Text(f"  ... and {len(groups) - MOST_LINES:,} more groups", "dim")
    yield Text()


def why_nothing(dropped: Iterable[Dropped], marks: Alphabet) -> str:
    """Why all of it was left out, in one line."""
    return "; ".join(words for words, _ in list(_groups(dropped, marks))[:MOST_NAMES])


def _groups(dropped: Iterable[Dropped], marks: Alphabet) -> Iterator[tuple[str, list[str]]]:
    """Why, in words, and what is left out for it: the largest group first."""
    groups: dict[tuple[DropReason, str], _Group] = defaultdict(_Group)
    for each in dropped:
        what, lacking = _missing(each)
        group = groups[each.why, what]
        group.names.append(f"{each.subject} {each.variant.value}")
        group.lacking |= dict.fromkeys(lacking)
    for (why, what), group in sorted(groups.items(), key=lambda item: -len(item[1].names)):
        detail = " of ".join(part for part in (what, _few(list(group.lacking), marks)) if part)
        yield f"{why.value.replace('_', ' ')}{f': {detail}' if detail else ''}", group.names


def _missing(dropped: Dropped) -> tuple[str, list[str]]:
    """The detail without names of endpoints, and these: what differs from pair to pair only in them is one group."""
    if dropped.why in (DropReason.NO_ROOT_DOOR, DropReason.REDIRECT_AUTH):
        return "", dropped.detail.split(" and ")
    if dropped.why is not DropReason.NOT_CONFIGURED:
        return dropped.detail, []
    parts = [part.partition(" of ") for part in dropped.detail.split(", ")]
    return ", ".join(key for key, _, _ in parts), [name for _, _, names in parts for name in names.split(" and ")]


def _few(names: Sequence[str], marks: Alphabet) -> str:
    shown = ", ".join(marks.clean(name, 120) for name in names[:MOST_NAMES])
    return f"{shown}, and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else shown
