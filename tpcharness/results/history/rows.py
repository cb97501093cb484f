"""One result as a row of numbers, and back: what lists and timelines need, without the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import RowMapping

from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.reason import TABLE, Reason
from tpcharness.model.result import Alternative, Result
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.results.history.tables import OUTCOMES

Row = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PHASES = tuple(Phase)  # the names and their order are frozen
_REASONS = {info.number: reason for reason, info in TABLE.items()}
_BLAMES = {blame.digit: blame for blame in Blame}


def microseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """The time that so many microseconds since 1970 stand for."""
    return _EPOCH + count * _MICROSECOND


def numbers_of(result: Result) -> Row:
    """The columns of a result that need no word to be numbered."""
    return {
        "probe": result.probe_id,
        "attempt": result.attempt,
        "outcome": OUTCOMES.index(result.outcome),
        "started": microseconds(result.started_at),
        "size": result.size_bytes,
        "code": result.code,
        "bytes": result.bytes,
        "transfer_seconds": result.transfer_seconds,
        "throughput": result.throughput,
        "phases": pack_phases(result.phases),
        "alternatives": " ".join(str(other.reason.code(other.blame)) for other in result.alternatives) or None,
    }


def result_of(row: RowMapping) -> Result | None:
    """The result of a row whose `run`, `source`, `destination` and `variant` are words already.

    It has no evidence, hint, warnings, markers or checksum. None when it has a word that this version does not know.
    """
    try:
        reason, blame = _verdict(row["code"])
        return Result(
            run_id=row["run"],
            probe_id=row["probe"],
            subject=(
                EndpointSubject(row["destination"])
                if row["source"] is None
                else LinkSubject(row["source"], row["destination"])
            ),
            variant=Variant(row["variant"]),
            size_bytes=row["size"],
            started_at=moment(row["started"]),
            attempt=row["attempt"],
            outcome=OUTCOMES[row["outcome"]],
            reason=reason,
            blame=blame,
            alternatives=tuple(Alternative(*_verdict(int(code))) for code in (row["alternatives"] or "").split()),
            phases=unpack_phases(row["phases"]),
            bytes=row["bytes"],
            transfer_seconds=row["transfer_seconds"],
            throughput=row["throughput"],
        )
    except (KeyError, ValueError, IndexError):
        return None


def pack_phases(phases: Mapping[Phase, float]) -> bytes:
    """Which phases there are, one bit each, then their microseconds, seven bits to a byte, low ones first."""
    there = [phase for phase in _PHASES if phase in phases]
    packed = bytearray()
    for number in (sum(1 << _PHASES.index(phase) for phase in there), *(round(phases[phase] * 1e6) for phase in there)):
        rest = max(0, number)
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def unpack_phases(packed: bytes) -> dict[Phase, float]:
    """The phases in the order of time."""
    numbers: list[int] = []
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    if not numbers:
        return {}
    there = [phase for place, phase in enumerate(_PHASES) if numbers[0] >> place & 1]
    return {phase: count / 1e6 for phase, count in zip(there, numbers[1:], strict=True)}


def reason_of(number: int) -> Reason | None:
    """The reason with this number; None when this version does not know it."""
    return _REASONS.get(number)


def _verdict(code: int) -> tuple[Reason, Blame]:
    return _REASONS[code // 10], _BLAMES[code % 10]
