"""What a destination is told of its source, seen from scripted servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import xroot_frames as frames
from tests.support.scripted_xroot import OPEN, QUERY, STAT, ScriptedXroot, Seen, fine
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.progress import Nobody
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import XrootClient, XrootTarget
from tpcharness.probes.root_transfer import RootTransfer
from tpcharness.testbed.pki import Authority
from tpcharness.wire.xroot.opaque import RootUrl

READING = Secret("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyZWFkIn0.c2lnbmF0dXJl")
WRITING = Secret("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ3cml0ZSJ9.c2lnbmF0dXJl")
SIZE = 5
ZTN = b"&P=ztn,0:16384:&P=unix"


def storage(seen: Seen) -> bytes:
    """One that lets everybody do everything, says that it forwards ztn credentials, and copies at once."""
    match seen.code:
        case code if code == OPEN:
            return frames.answer(seen.stream, 0, bytes(4))
        case code if code == STAT:
            return frames.answer(seen.stream, 0, b"1 %d 16 7\0" % SIZE)
        case code if code == QUERY:
            return frames.answer(seen.stream, 0, b"ztn\n" if seen.data == b"tpcdlg" else b"1\n")
        case _:
            return fine(seen)


@pytest.mark.parametrize("shows_token", [False, True])
@pytest.mark.parametrize("secure", [False, True])
async def test_the_sources_token_goes_along_only_to_be_shown_under_tls(
    tmp_path: Path, secure: bool, shows_token: bool
) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context(authority.issue("door"))
    limits, trail = TimeLimits(request_seconds=5.0), Trail("test", Nobody())
    async with (
        ScriptedXroot(storage, tls=context if secure else None, offers=ZTN) as source,
        ScriptedXroot(storage, tls=context, offers=ZTN) as destination,
        XrootClient(program="tests", limits=limits, trust=Trust(str(authority.ca_file))) as client,
        client.visit(_target(source, READING), trail) as giving,
        client.visit(_target(destination, WRITING), trail) as taking,
    ):
        transfer = RootTransfer(
            giving, taking, "/given", "/taken", SIZE, READING, WRITING, limits, trail, shows_token=shows_token
        )
        run = await transfer.run()
        assert run.seen.refusal is None
        assert run.seen.failure is None
        [opened] = [seen for seen in destination.asked if seen.code == OPEN]
    assert (f"tpc.scgi=authz={READING.reveal()}" in opened.opaque) is secure
    assert ("tpc.spr=xroots" in opened.opaque) is secure  # or the token might travel in clear
    assert READING.reveal().encode() not in source.plain + destination.plain


def _target(server: ScriptedXroot, token: Secret) -> XrootTarget:
    return XrootTarget(RootUrl("localhost", server.port, "/"), token, address_family=AddressFamily.IPV4)
