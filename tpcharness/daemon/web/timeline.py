"""How a link fared over days and weeks, as a picture: one bar for each hour or day, as high as what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from tpcharness.export.quantities import rate_text
from tpcharness.results.history import Rollup

_HEIGHT = 40
_WIDTH = 6
_PARTS = ("failure", "error", "skipped", "ok")


def timeline(rollups: Sequence[Rollup], since: datetime, until: datetime, step: timedelta) -> Markup:
    """Bars by share of outcomes, failures on top; where nothing ran there is nothing."""
    count = max(1, round((until - since) / step))
    pieces = []
    for rollup in rollups:
        place = (rollup.at - since) // step
        counts = {part: getattr(rollup, part) for part in _PARTS}
        total = sum(counts.values())
        if not total or not 0 <= place < count:
            continue
        told = [f"{number:,} {'not tried' if part == 'skipped' else part}" for part, number in counts.items() if number]
        if rollup.transfer_seconds:
            told.append(rate_text(rollup.bytes / rollup.transfer_seconds))
        told += [f"{reason} {number:,}" for reason, number in _worst(rollup)]
        top = 0.0
        title = f"{rollup.at:%Y-%m-%d %H:%M} UTC: {', '.join(told)}"
        pieces.append(f"<g><title>{escape(title)}</title>")
        for part, number in counts.items():
            height = _HEIGHT * number / total
            if number:
                box = f'x="{place * _WIDTH}" y="{top:.1f}" width="{_WIDTH - 1}" height="{height:.1f}"'
                pieces.append(f'<rect class="{part}" {box}/>')
            top += height
        pieces.append("</g>")
    box = f"0 0 {count * _WIDTH} {_HEIGHT}"
    label = f"from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    return Markup(  # noqa: S704 - numbers and escaped words
        f'<svg class="timeline" viewBox="{box}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f"{''.join(pieces)}</svg>"
    )


def _worst(rollup: Rollup) -> list[tuple[str, int]]:
    found = sorted(dict(rollup.reasons).items(), key=lambda pair: -pair[1])
    return [(str(reason), number) for reason, number in found if str(reason) != "ok"][:3]
