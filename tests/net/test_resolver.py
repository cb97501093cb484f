"""Names to addresses, and whose time it is that passes."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.reason import Reason
from tpcharness.net.resolver import Address, Resolver

ANY = AddressFamily.ANY


def resolver(answer: object, threads: int = 2) -> Resolver:
    def lookup(_host: str, _port: int, _family: int) -> list[str]:
        if isinstance(answer, Exception):
            raise answer
        return list(answer)  # type: ignore[call-overload]

    return Resolver(lookup, threads)


async def test_order_and_families_are_kept() -> None:
    found = await resolver(["192.0.2.1", "2001:db8::1"]).resolve("door", 1, ANY, 1.0)
    assert found.addresses == (Address("192.0.2.1", AddressFamily.IPV4), Address("2001:db8::1", AddressFamily.IPV6))
    assert found.failure is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
async def test_a_literal_needs_no_thread(host: str) -> None:
    found = await resolver(AssertionError("asked")).resolve(host, 1, ANY, 1.0)
    assert found.addresses[0].ip == host.strip("[]")
    assert found.resolve_seconds == 0.0


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "not known"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "ours"),
        (UnicodeError("label too long"), "not a host name"),
    ],
)
async def test_failures(error: Exception, word: str) -> None:
    found = await resolver(error).resolve("door", 1, ANY, 1.0)
    assert found.failure is not None
    assert found.failure.reason is Reason.DNS_FAILURE
    assert word in found.failure.detail


async def test_a_resolver_that_hangs_costs_its_limit_and_keeps_its_thread() -> None:
    """One thread hangs; whoever comes next waits for it, and that wait is `queued`."""
    release = threading.Event()

    def lookup(host: str, _port: int, _family: int) -> list[str]:
        if host == "hangs":
            release.wait(10)
        return ["192.0.2.1"]

    narrow = Resolver(lookup, threads=1)
    hung = await narrow.resolve("hangs", 1, ANY, 0.05)
    assert hung.failure is not None
    assert hung.resolve_seconds >= 0.05
    second = asyncio.create_task(narrow.resolve("quick", 1, ANY, 1.0))
    await asyncio.sleep(0.1)
    assert not second.done()
    release.set()
    found = await second
    assert found.queued_seconds >= 0.1
    assert found.resolve_seconds < 0.1
    narrow.close()
