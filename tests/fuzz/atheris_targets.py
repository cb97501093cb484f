"""One fuzz target under atheris, guided by coverage: docs/fuzzing.md says how to run it. Nothing for pytest."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main(name: str, options: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["tpcharness", "tomllib"]):
        from tests.fuzz.targets import SEEDS, TARGETS
    with tempfile.TemporaryDirectory(prefix="tpcharness-fuzz-") as corpus:
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        atheris.Setup([sys.argv[0], *options, corpus], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
