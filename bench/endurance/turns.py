"""What is done to the grid in turn, and what must come of it: data only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Alert = tuple[str, ...]
"""Its name, then the endpoint, or the source and the destination."""

INTERVAL_SECONDS = 9
"""Six hours, the default interval, by the haste of the rules."""

LONELY = ("SITE-F", "SITE-A")
"""The only link that SITE-F has as a source; as a destination it serves everybody."""

FEWEST_SITES = 6
"""With fewer, some of the culprits below are missing."""


@dataclass(frozen=True, slots=True)
class Turn:
    """These faults are switched on; these alerts must be told, each once, and taken back when the faults are off.

    No other alert may fire from the one to the other. `shows` is an expression of Prometheus that must hold meanwhile,
    where BEGAN stands for the time at which the faults came. With `reload` the configuration is read anew as well.
    """

    name: str
    faults: tuple[str, ...] = ()
    alerts: frozenset[Alert] = frozenset()
    shows: str = ""
    reload: bool = False


def _blames(name: str, *culprits: str) -> frozenset[Alert]:
    return frozenset({(f"Tpcharness{name}", *culprits)})


_SPEED = " / ".join(
    f'sum(rate(tpcharness_transfer_{unit}_total{{source="SITE-B",variant="https-pull"}}[20s]))'
    for unit in ("bytes", "seconds")
)
_FAILURES = 'tpcharness_endpoint_failures_total{endpoint="SITE-C"}'

TURNS = (
    Turn("door refused", ("SITE-B=refuse",), _blames("EndpointDown", "SITE-B")),
    Turn("disk full for others' uploads", ("SITE-C=passive_507",), _blames("EndpointBad", "SITE-C")),
    Turn("files not found by others", ("SITE-E=missing_file",), _blames("EndpointBad", "SITE-E")),
    Turn("one link only", ("SITE-F=missing_file",), _blames("LinkFailing", *LONELY)),
    Turn("damaged copies", ("SITE-D=wrong_content",), _blames("EndpointBad", "SITE-D")),
    # Slow is no failure: the figures show it, and nobody is accused.
    Turn("slow reads", ("SITE-B=passive_slow:400000",), shows=f"{_SPEED} < 500000"),
    # Seen once is not confirmed: a counter has it, and nobody is accused.
    Turn(
        "one dropped copy",
        ("SITE-C=drop_copy:nth=1",),
        shows=f"sum({_FAILURES}) > (sum({_FAILURES} @ BEGAN) or vector(0))",
    ),
    Turn("certificate expired", ("SITE-D=tls_expired",), _blames("EndpointDown", "SITE-D")),
    Turn(
        "two culprits at once",
        ("SITE-B=refuse", "SITE-C=passive_507"),
        _blames("EndpointDown", "SITE-B") | _blames("EndpointBad", "SITE-C"),
    ),
    Turn(
        "configuration read anew", shows="tpcharness_config_last_reload_success_timestamp_seconds > BEGAN", reload=True
    ),
)


def probes(sites: int) -> str:
    """The `[[probes]]` of the configuration: every site to every other one, but SITE-F only to one."""
    names = [f"SITE-{chr(ord('A') + number)}" for number in range(sites)]
    full = [name for name in names if name != LONELY[0]]
    return "".join(_selection(sources, there) for sources, there in ((full, ["*"]), ([LONELY[0]], [LONELY[1]])))


def _selection(sources: list[str], destinations: list[str]) -> str:
    return f"""
[[probes]]
variant = ["https-pull", "https-push"]
sources = {sources}
destinations = {destinations}
interval = "{INTERVAL_SECONDS}s"
"""


def in_turn(turns: tuple[Turn, ...]) -> Iterator[Turn]:
    """All of them, again and again."""
    while True:
        yield from turns
