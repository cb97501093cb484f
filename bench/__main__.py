"""`python -m bench`: JSON on stdout, a table on stderr; exit 1 only when an exchange failed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.copies import ExchangesFailedError, copy_measures
from bench.exposition import exposition_measures
from bench.measure import table
from bench.pure import pure_measures
from bench.root import PROBES, root_measures

QUICK_EXCHANGES = 64
QUICK_PROBES = 20


def main() -> int:
    """A missed budget is news, not an error: whoever wants to fail on it reads `met`."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the speed budgets.")
    parser.add_argument("--exchanges", type=int, default=5000, metavar="N", help="COPY requests per run (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="turns whose median counts (%(default)s)")
    parser.add_argument(
        "--profile", type=Path, default=Path("bench/out/profile.txt"), metavar="FILE", help="%(default)s"
    )
    parser.add_argument("--quick", action="store_true", help="few exchanges, one run: shows that it works, no more")
    given = parser.parse_args()
    exchanges, runs = (QUICK_EXCHANGES, 1) if given.quick else (given.exchanges, given.runs)
    given.profile.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="tpcharness-bench-") as directory:
            copies = [*copy_measures(Path(directory), exchanges, runs, given.profile)]
        copies += root_measures(QUICK_PROBES if given.quick else PROBES, runs, given.profile)
    except ExchangesFailedError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    measures = [*copies, *pure_measures(runs), *exposition_measures(runs, quick=given.quick)]
    print(table(measures), file=sys.stderr)
    print(json.dumps([measure.document() for measure in measures], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
