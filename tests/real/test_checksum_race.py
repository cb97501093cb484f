"""Real servers bear being asked for the checksum of a small new file, as Debian's XRootD without help does not."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from tests.support.raw_https import exchange
from tests.support.real_xrootd import HELPERS, LOOPBACK, POLLER, PREFIX, SLOW_HANDOVER, RealXrootd, Setup
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority

pytestmark = [pytest.mark.real, pytest.mark.slow]

FILES = 40

SYMPTOMS = ("Dispatch on closed link", "Detach of enabled link", "bad file descriptor")
"""What the log says when two threads went on with one connection (xrootd 2602)."""

PATIENCE_SECONDS = 5.0
"""For one answer; a server that goes on with one connection twice gives none, or gives the next client none."""


@pytest.mark.parametrize(
    ("preload", "bears"),
    [
        ((*HELPERS, SLOW_HANDOVER), True),
        ((LOOPBACK, POLLER, SLOW_HANDOVER), False),  # why all our servers are helped
    ],
)
async def test_sums_of_new_files(
    xrootd: RealXrootd, authority: Authority, issuer: Issuer, preload: tuple[str, ...], bears: bool
) -> None:
    server = await xrootd.start("A", Setup(preload=preload))
    token = issuer.mint(f"storage.read:{PREFIX} storage.create:{PREFIX}", server.url)
    bearer = ("Authorization", f"Bearer {token}")
    context = authority.client_context()
    told = []
    for number in range(FILES):
        path, content = f"{PREFIX}/{number}", b"%d" % number
        length = ("Content-Length", str(len(content)))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await exchange(server.port, context, f"PUT {path} HTTP/1.1", (bearer, length), content)
                answer = await exchange(
                    server.port, context, f"HEAD {path} HTTP/1.1", (bearer, ("Want-Digest", "adler32"))
                )
        except (OSError, EOFError):  # a TimeoutError is an OSError
            break
        told.append(answer.header("Digest") == f"adler32={zlib.adler32(content):08x}")
    log = server.log.read_text()
    assert (told == [True] * FILES and not any(symptom in log for symptom in SYMPTOMS)) is bears
