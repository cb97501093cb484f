"""Prometheus' text format 0.0.4: label values, sets of labels, and families of prometheus_client piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest

from tpcharness.export.metrics.catalogue import Kind, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BATCH = 500
"""Samples per piece: some 5 ms of work."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def label_set(names: Sequence[str], values: Sequence[str]) -> str:
    """{"source": "A"} -> '{source="A"}'. Lone surrogates, which no UTF-8 has, become question marks."""
    pairs = zip(names, values, strict=True)
    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in pairs) + "}"


def escaped(value: str) -> str:
    """A label value between its quotes."""
    return value.encode("utf-8", "replace").decode("utf-8").translate(_ESCAPES)


def families(metric: Metric, samples: Iterable[tuple[Sequence[str], float]]) -> Iterator[Family]:
    """A gauge or counter in pieces of at most `BATCH` samples; one piece at least, so that the family is announced."""
    make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    piece = make(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        if len(piece.samples) >= BATCH:
            yield piece
            piece = make(metric.name, metric.help, labels=metric.labels)
        piece.add_metric([_utf8(label) for label in labels], value)
    yield piece


def summary(metric: Metric, samples: Iterable[tuple[Sequence[str], float, float]]) -> Iterator[Family]:
    """The same for (labels, count, sum) of a summary without quantiles."""
    piece = SummaryMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, count, total in samples:
        if len(piece.samples) >= BATCH:
            yield piece
            piece = SummaryMetricFamily(metric.name, metric.help, labels=metric.labels)
        piece.add_metric([_utf8(label) for label in labels], count_value=count, sum_value=total)  # type: ignore[arg-type]
    yield piece


def rendered(pieces: Iterable[Family | None]) -> Iterator[bytes]:
    """The text of these families, piece by piece; consecutive pieces of one name are one family.

    None among the pieces is a breath: work that came to no text yet; it comes out as b"". A family of more than
    `BATCH` samples is cut. `_created` samples, which text format 0.0.4 shows as families of their own, are left out.
    """
    before = ""
    for piece in pieces:
        if piece is None:
            yield b""
            continue
        samples = [sample for sample in piece.samples if not sample.name.endswith("_created")]
        for start in range(0, len(samples) or 1, BATCH):
            part = Family(piece.name, piece.documentation, piece.type)
            part.samples = samples[start : start + BATCH]
            text = generate_latest(_Only(part))
            yield _without_header(text) if piece.name == before else text
            before = piece.name


class _Only:
    """A registry with one family."""

    def __init__(self, one: Family) -> None:
        self._one = one

    def collect(self) -> Iterator[Family]:
        yield self._one


def _without_header(text: bytes) -> bytes:
    return text.split(b"\n", 2)[2]


def _utf8(value: str) -> str:
    return value.encode("utf-8", "replace").decode("utf-8")
