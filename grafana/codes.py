"""Result codes as Grafana shows them: the letter of who has to act, the reason, and a colour for the eye."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    SpecialValueMap,
    SpecialValueMatch,
    ValueMap,
    ValueMappingResult,
)

from tpcharness.model.reason import TABLE, Reason
from tpcharness.model.variant import Blame

OK_COLOUR = "#37872D"
UNKNOWN_COLOUR = "#6E7072"

# Told apart by people who see red and green alike, and each has its letter too.
MARKS = {
    Blame.SOURCE: ("S", "#FF9830"),
    Blame.DESTINATION: ("D", "#3274D9"),
    Blame.PATH: ("P", "#A352CC"),
    Blame.ISSUER: ("I", "#E0B400"),
    Blame.CLIENT: ("C", "#8AB8FF"),
    Blame.UNDETERMINED: ("?", "#C4162A"),
}

# A probe that was not tried shows no code: its series is absent.
_NEVER_SHOWN = {Reason.OK, Reason.ENDPOINT_DOWN, Reason.NOT_REACHED, Reason.CANCELLED, Reason.SEED_LOST}


def result_codes() -> list[ValueMap | SpecialValueMap]:
    """What every code and an empty cell look like."""
    shown = {str(Reason.OK.code(Blame.NOBODY)): ("ok", OK_COLOUR)}
    for reason in TABLE:
        if reason not in _NEVER_SHOWN:
            shown |= {str(reason.code(blame)): (f"{mark} {reason}", colour) for blame, (mark, colour) in MARKS.items()}
    return [ValueMap(options=_results(shown)), _nothing("", UNKNOWN_COLOUR)]


def words(shown: dict[str, tuple[str, str]]) -> list[ValueMap | SpecialValueMap]:
    """Texts and colours for some values."""
    return [ValueMap(options=_results(shown)), _nothing("unknown", UNKNOWN_COLOUR)]


def legend() -> str:
    """What the letters mean, in Markdown."""
    marks = " · ".join(f"**{mark}** {blame}" for blame, (mark, _) in MARKS.items())
    return (
        f"Who has to act: {marks}. An empty cell was not tried, skipped, or is stale; "
        "with `link_metrics` at `failing` (as with over 20,000 links) it may be ok, too."
    )


def _results(shown: dict[str, tuple[str, str]]) -> dict[str, ValueMappingResult]:
    return {
        value: ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(shown.items())
    }


def _nothing(text: str, colour: str) -> SpecialValueMap:
    result = ValueMappingResult(text=text, color=colour)
    return SpecialValueMap(DashboardSpecialValueMapOptions(match=SpecialValueMatch.NULL_AND_NAN, result=result))
