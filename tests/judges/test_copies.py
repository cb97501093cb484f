"""Real clients copy between every two kinds of storages, in both modes: who copies for a living must be content."""

from __future__ import annotations

import asyncio
import re
import zlib

import pytest

from tests.support.clients import COPIES, File, Mode
from tests.support.field import CONTENT, KINDS, Field
from tpcharness.testbed.dialects.catalogue import DIALECTS

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 4


def _can(mode: Mode, source: str) -> bool:
    return mode is Mode.PULL or source not in DIALECTS or not DIALECTS[source].pulls_only


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("client", COPIES)
async def test_copies_to_every_kind(client: str, mode: Mode, source: str, field: Field) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def complaint(destination: str) -> str:
        copy = field.copy(destination, f"{client}-{mode}-from-{source}")
        async with places:
            said = await COPIES[client](field.clients, mode, field.seed(source), copy)
            if not _can(mode, source):
                return "" if said.code else "copied, although the source cannot push"
            return said.text if said.code else await _complaint_about(copy, field)

    complaints = await asyncio.gather(*map(complaint, KINDS))
    unhappy = [f"== to {kind}\n{text}" for kind, text in zip(KINDS, complaints, strict=True) if text]
    if unhappy:
        pytest.fail("\n".join(unhappy), pytrace=False)


async def _complaint_about(copy: File, field: Field) -> str:
    """What is wrong with a copy, read back by curl: its content, or the checksum that the storage says it has."""
    asked = ("--location-trusted", "--header", copy.authorization, copy.url)
    content = (await field.clients.curl("--fail", *asked)).output
    if content != CONTENT:
        return f"{len(content)} bytes that differ: {content[:200]!r}"
    for _ in range(1 if copy.digest_at_once else 2):
        head = (await field.clients.curl("--head", "--header", "Want-Digest: adler32", *asked)).text
    digests = re.findall(r"(?im)^digest: *adler32=(\S+)", head)
    return "" if digests == [f"{zlib.adler32(CONTENT):08x}"] else f"no right digest: {head}"
