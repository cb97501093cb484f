"""Debian's Pushgateway on loopback, with nothing kept from before."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.real_xrootd import reserved_port
from tests.support.scraped import samples_of

PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.02


@contextmanager
def pushgateway(folder: Path) -> Iterator[str]:
    """Its URL; it ends with the context."""
    with reserved_port() as port, (folder / "pushgateway.log").open("w") as log:
        url = f"http://127.0.0.1:{port}"
        command = [
            "prometheus-pushgateway",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--persistence.file={folder / 'pushgateway.data'}",  # Debian's default is one file for all
        ]
        with subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                _wait_for(url, process)
                yield url
            finally:
                process.terminate()


def pushed(url: str) -> dict[str, dict[str, float]]:
    """What the gateway shows of us: values by name and labels, by instance."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        ours = [line for line in answer if b"tpcharness_" in line]
    found: dict[str, dict[str, float]] = {}
    for (name, labels), value in samples_of(ours).items():
        rest = dict(labels)
        assert rest.pop("job") == "tpcharness"
        found.setdefault(rest.pop("instance"), {})[f"{name}{sorted(rest.items())}"] = value
    return found


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the Pushgateway has ended"
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
                return
        except OSError:
            time.sleep(_POLL_SECONDS)
    raise AssertionError("the Pushgateway did not come up")
