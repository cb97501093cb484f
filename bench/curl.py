"""The other yardstick: one process of `curl --parallel`, written in C, that does the same exchanges."""

from __future__ import annotations

import resource
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.load import CONCURRENCY, Load, Spent, plain_headers


def spend(load: Load) -> Spent:
    """CPU of the whole process, start and end included. Raises FileNotFoundError where there is no curl."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-bench-") as directory:
        orders = Path(directory) / "orders"
        orders.write_text("\n".join(_orders(load)))
        before = _children_seconds()
        said = subprocess.run(("curl", "--disable", "--config", orders), stdout=subprocess.PIPE, check=False)
        return Spent(_children_seconds() - before, load.exchanges - said.stdout.count(b"success: "))


def _orders(load: Load) -> Iterator[str]:
    yield from (
        "silent",
        "no-progress-meter",
        "parallel",
        f"parallel-max = {CONCURRENCY}",
        "http1.1",
        "no-sessionid",
        "request = COPY",
    )
    yield f'cacert = "{load.ca_file}"'
    yield f'url = "{load.base}/[1-{load.exchanges}]"'
    for name, value in plain_headers().items():
        yield f'header = "{name}: {value}"'


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
