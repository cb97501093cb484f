"""Every command of the how-to pages and of operations is run as it stands there, from the first to the last.

The network is one of its own, so that the ports are those of the page, whoever uses them outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.howto import Kind, blocks, script
from tests.support.netns import apart

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs/howto").glob("*.md")), ROOT / "docs/operations.md"]
_SECONDS = 280.0


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_gets_what_the_page_says(page: Path, tmp_path: Path) -> None:
    (tmp_path / "grafana").symlink_to(ROOT / "grafana")
    (tmp_path / "page.sh").write_text(script(page))
    command, environ = apart(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "page.sh"])
    environ |= {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "PYTHONWARNINGS": "error",
        "COLUMNS": "120",
    }
    environ.pop("TPCHARNESS_CONFIG", None)
    with (tmp_path / "output").open("w+") as output:
        ended = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=tmp_path,
            env=environ,
            timeout=_SECONDS,
        )
        output.seek(0)
        said = output.read()
    assert ended.returncode == 0, said
    assert "Traceback" not in said, said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_not_run_says_why(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = blocks(text)
    assert len(found) == text.count("\n```") // 2
    for block in found:
        needs = {Kind.NOT_HERE, Kind.FILE, Kind.ANOTHER_SHELL, Kind.ENDS_WITH}
        assert bool(block.detail) == (block.kind in needs), f"{page.name}:{block.line}"


def test_a_page_that_is_wrong_is_found(tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("# Wrong\n\n```sh\ntrue\n```\n\ntext\n\n```sh\nfalse\n```\n")
    # What needs a network of its own is tried above.
    text = script(page).replace("ip link set lo up", "")
    ended = subprocess.run(["bash", "-c", text], check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr == "wrong.md:9 ended with 1\n"
