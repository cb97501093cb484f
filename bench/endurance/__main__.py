"""`python -m bench.endurance`: a line for each turn on stderr; table and verdict on stdout; exit code 1 when wrong."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.endurance.report import checks, minutes_table, turns_table, verdict
from bench.endurance.trial import run
from bench.endurance.turns import FEWEST_SITES, TURNS

MOST_SITES = 26
"""One letter each."""


def main() -> int:
    """0 when every check holds or cannot be told, 1 when one does not."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="of turns (%(default)s)")
    parser.add_argument("--sites", type=int, default=FEWEST_SITES, metavar="N", help="storages (%(default)s)")
    parser.add_argument(
        "--turn", action="append", choices=[turn.name for turn in TURNS], metavar="NAME", help="only this; repeatable"
    )
    parser.add_argument("--directory", type=Path, metavar="DIR", help="where all files go, and stay")
    given = parser.parse_args()
    if not FEWEST_SITES <= given.sites <= MOST_SITES:
        parser.error(f"--sites {given.sites}: between {FEWEST_SITES} and {MOST_SITES}")
    if given.directory is not None and given.directory.exists():
        parser.error(f"--directory {given.directory} exists; name one that does not")
    turns = [turn for turn in TURNS if given.turn is None or turn.name in given.turn]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no child outlives us
    try:
        with _folder(given.directory) as folder:
            trial = run(
                folder, given.minutes, given.sites, turns, lambda line: print(line, file=sys.stderr, flush=True)
            )
    except RuntimeError as error:  # something is not installed, or did not come up
        print(f"bench.endurance: {error}", file=sys.stderr)
        return 1
    found = checks(trial)
    print(minutes_table(trial.watch.minutes), turns_table(trial.taken), verdict(found), sep="\n\n")
    return int(any(check.holds is False for check in found))


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    """A directory of the user's, or one that is gone in the end."""
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="tpcharness-endurance-") as folder:
            yield Path(folder)
        return
    wanted.mkdir(parents=True)
    yield wanted.absolute()


if __name__ == "__main__":
    sys.exit(main())
