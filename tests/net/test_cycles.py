"""What a closed connection held is free at once: not when, some time later, cycles are collected."""

from __future__ import annotations

import asyncio
import gc
import ssl
from pathlib import Path

import uvloop

from tests.support.house import open_house

PROBES = 3


def test_a_closed_connection_is_in_no_cycle(tmp_path: Path) -> None:
    """On the loop of the service, which has buffers of 256 KiB for each TLS connection."""

    async def probes() -> None:
        async with open_house(tmp_path, "dcache") as house:
            for _ in range(PROBES):
                assert (await house.door()).ok

    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(probes())
        left = [each for each in gc.get_objects() if isinstance(each, ssl.SSLObject) and not each.server_side]
    finally:
        gc.enable()
    assert left == []
