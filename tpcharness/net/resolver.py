"""Host names to addresses, with the wait for a free thread told apart from the wait for the answer."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Phase
from tpcharness.net.transport import lookup_failure, timeout_failure

THREADS = 32

_FAMILIES = {
    AddressFamily.ANY: socket.AF_UNSPEC,
    AddressFamily.IPV4: socket.AF_INET,
    AddressFamily.IPV6: socket.AF_INET6,
}

Lookup = Callable[[str, int, int], list[str]]


@dataclass(frozen=True, slots=True)
class Address:
    """One IP address of a host."""

    ip: str
    family: AddressFamily

    @classmethod
    def of(cls, ip: str) -> Address:
        """Raises ValueError for what is not an IP address."""
        version = ipaddress.ip_address(ip.partition("%")[0]).version
        return cls(ip, AddressFamily.IPV6 if version == 6 else AddressFamily.IPV4)


@dataclass(frozen=True, slots=True)
class Resolution:
    """The addresses in the system's order of preference, or why there are none; and where the time went."""

    addresses: tuple[Address, ...]
    failure: Failure | None
    queued_seconds: float
    resolve_seconds: float


def system_lookup(host: str, port: int, family: int) -> list[str]:
    """The C library's answer, without repetitions. Blocks."""
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Looks names up in threads of its own.

    The C library blocks, and uvloop's and asyncio's shared pools are small: hundreds of look-ups would wait for
    each other and be taken for a slow name server. A look-up whose caller has gone keeps its place until the
    thread is done, so that `queued_seconds` stays true.
    """

    def __init__(self, lookup: Lookup = system_lookup, threads: int = THREADS) -> None:
        self._lookup = lookup
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="resolver")
        self._places = asyncio.Semaphore(threads)

    async def resolve(self, host: str, port: int, family: AddressFamily, timeout_seconds: float) -> Resolution:
        """All addresses of the host in the family; a literal address needs no thread."""
        literal = _literal(host)
        if literal is not None:
            return self._resolution(host, (literal,), family, 0.0, 0.0)
        loop = asyncio.get_running_loop()
        begin = perf_counter()
        await self._places.acquire()
        start = perf_counter()
        work = self._pool.submit(self._lookup, host, port, _FAMILIES[family])
        work.add_done_callback(lambda _done: self._free(loop))
        try:
            async with asyncio.timeout(timeout_seconds):
                found = await asyncio.wrap_future(work)
        except TimeoutError:
            failure: Failure = timeout_failure(Phase.RESOLVE, timeout_seconds)
        except OSError as error:
            failure = lookup_failure(error, host)
        except UnicodeError:
            failure = Failure(Reason.DNS_FAILURE, f"{host}: not a host name")
        else:
            addresses = tuple(map(Address.of, found))
            return self._resolution(host, addresses, family, start - begin, perf_counter() - start)
        return Resolution((), failure, start - begin, perf_counter() - start)

    def _free(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._places.release)

    @staticmethod
    def _resolution(
        host: str,
        addresses: tuple[Address, ...],
        family: AddressFamily,
        queued_seconds: float,
        resolve_seconds: float,
    ) -> Resolution:
        usable = tuple(a for a in addresses if family in (AddressFamily.ANY, a.family))
        failure = None
        if not usable:
            failure = Failure(Reason.NO_ADDRESS_IN_FAMILY, f"{host} has no {family.value} address")
        return Resolution(usable, failure, queued_seconds, resolve_seconds)

    def close(self) -> None:
        """Lets the threads end; does not wait for look-ups that hang in the C library."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _literal(host: str) -> Address | None:
    try:
        return Address.of(host.strip("[]"))
    except ValueError:
        return None
