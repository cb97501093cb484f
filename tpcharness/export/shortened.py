"""Names of endpoints where there is no room for them: cut so that they stay different, and seen to be cut."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size


def shortened(names: Mapping[str, str], width: int, *, ascii_only: bool = False) -> dict[str, str]:
    """Each text in at most `width` columns. Hosts of one kind often begin alike: what tells them apart is then kept.

    Cut is at the end if all stay different so, else in the middle, in favour of the end ("storm…03.cr.cnaf.infn.it").
    """
    dots = ".." if ascii_only else "…"
    different, cut = len(set(names.values())), dict(names)
    for end in (0, width // 2, width * 3 // 4):
        cut = {name: _cut(text, width, end, dots) for name, text in names.items()}
        if len(set(cut.values())) == different:
            break
    return cut


def _cut(text: str, width: int, end: int, dots: str) -> str:
    if cell_len(text) <= width:
        return text
    tail = text
    while cell_len(tail) > min(end, width - len(dots)):
        tail = tail[1:]
    return set_cell_size(text, max(0, width - cell_len(tail) - len(dots))).rstrip() + dots + tail
