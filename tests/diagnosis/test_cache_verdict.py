"""Hits and misses by what little xroot tells, and whose a cache's failure is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tpcharness.diagnosis.cache_verdict import (
    CacheFailure,
    ReadSeen,
    Warmth,
    judge_cache,
    judge_warmth,
    why_unknown,
)
from tpcharness.diagnosis.stream_verdict import Broken
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame

COLD = ReadSeen(0.1, "cache:1094", "17")
SEEN = CacheFailure(
    Broken(Failure(Reason.SERVER_ERROR, "error 3005")), "cache:1094", own=False, inside=True, cold=True, witness="w"
)


@pytest.mark.parametrize(
    ("warm", "warmth"),
    [
        (ReadSeen(0.2, "cache:1094", "18"), Warmth.OWN_COPY),
        (ReadSeen(0.01, "cache:1094", "17"), Warmth.FASTER),
        (ReadSeen(0.066, "cache:1094", ""), Warmth.FASTER),
        (ReadSeen(0.067, "cache:1094", "17"), Warmth.UNKNOWN),
        (ReadSeen(0.2, "cache:1094", "17"), Warmth.UNKNOWN),
        (ReadSeen(0.01, "other:1094", "18"), Warmth.UNKNOWN),
    ],
)
def test_what_a_second_read_was(warm: ReadSeen, warmth: Warmth) -> None:
    assert judge_warmth(COLD, warm) is warmth


def test_a_few_milliseconds_are_chance() -> None:
    assert judge_warmth(replace(COLD, seconds=0.006), replace(COLD, seconds=0.002)) is Warmth.UNKNOWN


def test_why_it_cannot_be_told() -> None:
    assert why_unknown(COLD, COLD) == (
        "warm read not faster than cold: hit or miss cannot be told (bytes in 0.1000 s after 0.1000 s)"
    )
    assert why_unknown(COLD, replace(COLD, server="other:1")) == (
        "cold read at cache:1094, warm read at other:1: hit or miss cannot be told"
    )


@pytest.mark.parametrize(
    ("change", "reason", "blames"),
    [
        ({}, Reason.SERVER_ERROR, {Blame.PATH, Blame.DESTINATION}),
        ({"cold": False}, Reason.SERVER_ERROR, {Blame.PATH}),
        ({"inside": False}, Reason.CONNECTION_REFUSED, {Blame.PATH}),
        ({"own": True}, Reason.SERVER_ERROR, {Blame.DESTINATION}),
        ({}, Reason.CONTENT_MISMATCH, {Blame.PATH}),
        ({}, Reason.REDIRECT_LOOP, {Blame.PATH}),
        ({}, Reason.TLS_EXPIRED, {Blame.PATH}),
    ],
)
def test_whose_a_failure_is(change: dict[str, bool], reason: Reason, blames: set[Blame]) -> None:
    broken = Broken(Failure(reason, "what it said"))
    verdict = judge_cache(replace(SEEN, broken=broken, **change))  # type: ignore[arg-type]
    assert verdict.reason is reason
    assert ({each.blame for each in verdict.alternatives} or {verdict.blame}) == blames
    assert verdict.hint == "cache cache:1094: what it said; w"


def test_what_is_ours_stays_ours() -> None:
    broken = Broken(Failure(Reason.LOCAL_NETWORK, "no route", Blame.CLIENT))
    assert judge_cache(replace(SEEN, broken=broken)).blame is Blame.CLIENT
