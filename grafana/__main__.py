"""`python -m grafana` writes the dashboards; with --check it only compares, and ends with 1 if they differ."""

from __future__ import annotations

import sys
from pathlib import Path

from grafana.boards import BOARDS
from grafana.frame import as_json

FOLDER = Path(__file__).parent / "dashboards"


def main(words: list[str]) -> int:
    made = {FOLDER / f"{name}.json": as_json(make()) for name, make in BOARDS.items()}
    stale = [file for file, text in made.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    strangers = sorted(set(FOLDER.glob("*")) - set(made))
    if "--check" in words:
        for file in [*stale, *strangers]:
            sys.stderr.write(f"{file.name} is not what grafana/boards says: run python -m grafana\n")
        return 1 if stale or strangers else 0
    FOLDER.mkdir(exist_ok=True)
    for file in stale:
        file.write_text(made[file], encoding="utf-8")
    for file in strangers:
        file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
