"""What the children run: for old Pythons too, alone, and not longer than the process that wants it."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.scripted_gfal import calls, make_interpreter
from tpcharness.workers.pool import SCRIPT

WAIT_SECONDS = 20.0

OWNER = """
import asyncio, sys
from tpcharness.workers.messages import GfalJob
from tpcharness.workers.pool import WorkerPool
async def main():
    async with WorkerPool(sys.argv[1]) as pool:
        await pool.copy(GfalJob("davs://source.invalid/hang", "davs://b/d", 60), lambda _: None)
asyncio.run(main())
"""


def test_it_is_python_3_6_of_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
    modules = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names)
    }
    assert modules - {"gfal2"} <= sys.stdlib_module_names
    assert "__future__" not in modules  # of 3.7


async def test_it_ends_with_its_stdin(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        make_interpreter(tmp_path), str(SCRIPT), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(WAIT_SECONDS):
        stdout, _ = await process.communicate()
    assert process.returncode == 0
    assert b'"ready"' in stdout


async def test_it_does_not_outlive_us(tmp_path: Path) -> None:
    """Not even when it hangs and we are killed."""
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, make_interpreter(tmp_path))
    async with asyncio.timeout(WAIT_SECONDS):
        while not calls(tmp_path):
            await asyncio.sleep(0.02)
        ((worker, _),) = calls(tmp_path)
        state = Path(f"/proc/{worker}")
        assert state.exists()
        os.kill(owner.pid, signal.SIGKILL)
        await owner.wait()
        while state.exists() and "State:\tZ" not in (state / "status").read_text():
            await asyncio.sleep(0.02)
