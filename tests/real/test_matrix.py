"""The main job on real servers: two XRootD from Debian and two dialects of the testbed, all pairs, both modes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.support.real_xrootd import RealXrootd
from tpcharness.testbed.grid import Grid, GridSpec

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

SIZES = ("0", "1KiB", "3MiB", "64MiB")


async def tpcharness(*words: str, state_dir: Path) -> tuple[int, str, str]:
    """The command as a user types it: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tpcharness",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TPCHARNESS_STATE_DIR": str(state_dir)},
    )
    stdout, stderr = await process.communicate()
    return process.returncode or 0, stdout.decode(), stderr.decode()


async def test_two_real_xrootd_with_dcache_and_storm(tmp_path: Path) -> None:
    async with Grid(GridSpec(sites=2, dialects=("dcache", "storm"), marker_period_seconds=1.0)) as grid:
        with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
            async with RealXrootd(grid.authority, grid.issuer, Path(directory)) as real:
                config = tmp_path / "endpoints.toml"
                config.write_text(grid.config_text() + "\n" + real.endpoint_sections(), encoding="utf-8")
                sizes = [word for size in SIZES for word in ("--size", size)]
                code, stdout, stderr = await tpcharness(
                    "matrix", str(config), "--format", "json", "-q", *sizes, state_dir=tmp_path / "state"
                )
                left = {**real.leftovers(), **grid.leftovers()}
    document = json.loads(stdout)
    links = [result for result in document["results"] if result["subject"]["kind"] == "link"]
    failed = [
        (r["subject"], r["variant"], r["size_bytes"], r["reason"], r["hint"]) for r in links if r["outcome"] != "ok"
    ]
    assert failed == [], stderr
    assert code == 0, stderr
    assert Counter(result["variant"] for result in links) == {"https-pull": 48, "https-push": 48}
    assert {result["size_bytes"] for result in links} == {0, 1024, 3 * 2**20, 64 * 2**20}
    for result in links:
        checksum = result["checksum"]
        assert checksum["expected"] == checksum["found"] != ""
        assert checksum["verified_by"] in ("digest", "readback")
    assert any("XrootD/v5.5.3" in text for result in links for text in result["implementation"]["source"])
    assert [files for files in left.values() if files] == []
