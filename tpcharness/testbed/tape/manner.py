"""How the three services behave where the specification leaves room, or is not followed (tape-rest 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """The quirks of one implementation.

    `states`: polls say state, not onDisk. `milliseconds`: times are such. `strict`: unknown keys and bad durations
    are refused. `release_by_path`: the id means nothing, the paths are evicted. `release_asks`: an unknown id or path
    of a release is an error; else it is a success. `release_acts`: it does anything. `cancel_stops`: a recall that
    runs is stopped. `problem_in_headers`: title and detail of a bad cancel are header lines. `errors_per_path`: who
    may not do something is told so file by file, with status 200. `says_lost`: what is lost is LOST, not UNAVAILABLE.
    `frees_disk`: what has gone to tape goes from the disk. `error_with_locality`: an error stands beside a locality,
    not in place of it. `max_targets` and `max_infos`: how many paths fit,
    0 for any number.
    """

    name: str
    server: str
    base: str
    states: bool
    milliseconds: bool = False
    strict: bool = False
    reads_lifetime: bool = False
    release_by_path: bool = False
    release_asks: bool = False
    release_acts: bool = True
    cancel_stops: bool = True
    problem_in_headers: bool = False
    problem_type: str = "application/problem+json"
    status_as_text: bool = False
    errors_per_path: bool = False
    sorted_by_state: bool = False
    max_targets: int = 0
    max_infos: int = 0
    says_lost: bool = False
    frees_disk: bool = False
    error_with_locality: bool = False
    not_on_tape: str = "Cannot stage DISK only files"


MANNERS: Mapping[str, Manner] = {
    each.name: each
    for each in (
        Manner(
            "dcache",
            "dCache/11.2.0",
            "/api/v1/tape",
            states=True,
            milliseconds=True,
            strict=True,
            reads_lifetime=True,
            problem_in_headers=True,
            status_as_text=True,
            max_targets=500,
            max_infos=10_000,
            says_lost=True,
        ),
        Manner(
            "eos",
            "XrootD/v5.8.4",
            "/api/v1",
            states=False,
            release_by_path=True,
            problem_type="application/json",
            errors_per_path=True,
            frees_disk=True,
            error_with_locality=True,
            not_on_tape="USER ERROR: the file is not on tape",
        ),
        Manner(
            "storm",
            "nginx/1.26.1",
            "/api/v1",
            states=True,
            release_asks=True,
            release_acts=False,
            cancel_stops=False,
            sorted_by_state=True,
            not_on_tape="",
        ),
    )
}


def manner_of(dialect: str) -> Manner:
    """The tape service beside an https door of that dialect; what has none of its own does as EOS."""
    return MANNERS.get(dialect, MANNERS["eos"])
