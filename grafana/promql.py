"""Pieces that many queries share."""

from __future__ import annotations

HARNESS = 'instance=~"$instance"'
"""Every query is about the harnesses that are chosen at the top."""

HARNESS_AND_VARIANT = f'{HARNESS},variant=~"$variant"'

_WORDS = "max by (instance, code, reason, blame) (tpcharness_result_code_info)"


def counted_codes(codes: str, *labels: str) -> str:
    """How many of these result codes there are, by their words: `reason` and `blame`, and by more labels."""
    kept = ", ".join(("instance", *labels))
    return f'count_values by ({kept}) ("code", {codes}) * on (instance, code) group_left (reason, blame) {_WORDS}'


def or_else(expr: str, label: str, word: str) -> str:
    """The same, or one series that says `word` while there is nothing: no failures must not look like no data.

    Without a harness there is nothing at all, and the panel says so.
    """
    nothing = f'label_replace(0 * sum(tpcharness_build_info{{{HARNESS}}}), "{label}", "{word}", "", "")'
    return f"{expr} or ({nothing} unless on () ({expr}))"


def quotient(above: str, below: str, selector: str, by: str) -> str:
    """The growth of one counter over that of another in the window that is chosen at the top."""
    return (
        f"sum by ({by}) (increase({above}{{{selector}}}[$window])) / "
        f"(sum by ({by}) (increase({below}{{{selector}}}[$window])) > 0)"
    )


def quantile(share: float, histogram: str, selector: str, *by: str) -> str:
    """The value below which that share of what was seen lies."""
    kept = ", ".join((*by, "le"))
    return f"histogram_quantile({share}, sum by ({kept}) (rate({histogram}_bucket{{{selector}}}[$window])))"
