"""A network of our own for real servers: sites on a bridge, with links that are slow, and firewalls that drop.

Everything lies within one namespace that a process of ours was started in, by `apart`: nothing of it is seen from
outside, and it is gone with that process however it ends. That needs root or the right to make user namespaces.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

NETWORK = "198.18.0"
"""Of the block for benchmarks (RFC 2544): no host in the world has such an address."""

_OUTSIDE = "TPCHARNESS_TESTS_OUTSIDE"
_NAMESPACE = Path("/proc/self/ns/net")
_PATH = f"{os.defpath}:/sbin:/usr/sbin"


class NetnsError(RuntimeError):
    """The kernel or a program refuses; the message says what was tried and what was answered."""


def apart(command: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command that runs `command` with mounts and a network of its own, and the environment that it needs.

    It ends with the process that started it. Who is not root stays who he is, and has root's rights in there only.
    """
    rights = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
    return (
        ["setpriv", "--pdeathsig", "KILL", "unshare", *rights, "--mount", "--net", *command],
        {**os.environ, _OUTSIDE: str(_NAMESPACE.readlink())},
    )


@dataclass(frozen=True, slots=True)
class Host:
    """One machine of the network. What is prefixed by `within` runs on it."""

    name: str
    address: str

    @property
    def within(self) -> tuple[str, ...]:
        return ("nsenter", f"--net=/run/netns/{self.name}")

    async def delay(self, bytes_per_second: int) -> None:
        """Its link carries no more than this, in either direction."""
        rate = ["root", "tbf", "rate", f"{bytes_per_second * 8}bit", "burst", "32kb", "latency", "400ms"]
        await _run("tc", "-n", self.name, "qdisc", "add", "dev", "eth0", *rate)
        await _run("tc", "qdisc", "add", "dev", self.name, *rate)

    async def drop(self, peer: Host, *, after_bytes: int = 0) -> None:
        """Its firewall drops what comes from and goes to one peer, all of it or from so many bytes on."""
        rule = "quota name allowance drop" if after_bytes else "drop"
        await self._filter(f"ip saddr {peer.address} {rule}", f"ip daddr {peer.address} {rule}", after_bytes)

    async def refuse(self, peer: Host) -> None:
        """Its router tells one peer that it cannot be reached."""
        await self._filter(f"ip saddr {peer.address} reject with icmp host-unreachable")

    async def reset(self, peer: Host, *, after_bytes: int) -> None:
        """Something before it resets the connections of one peer, once so many bytes have gone either way."""
        over = "quota name allowance ct mark set 1"
        await self._filter(
            f"ip saddr {peer.address} {over}; ip saddr {peer.address} ct mark 1 reject with tcp reset",
            f"ip daddr {peer.address} {over}",
            after_bytes,
        )

    async def _filter(self, coming: str, going: str = "", after_bytes: int = 0) -> None:
        rules = (
            "table ip faults {\n"
            f"quota allowance {{ over {after_bytes} bytes }}\n"
            f"chain coming {{ type filter hook input priority 0; {coming}; }}\n"
            f"chain going {{ type filter hook output priority 0; {going}; }}\n"
            "}\n"
        )
        await _run(*self.within, "nft", "--file", "-", text=rules)


class Network:
    """The bridge that joins the hosts; `here` is the host that this process is on."""

    here = Host("here", f"{NETWORK}.1")

    def __init__(self) -> None:
        self._numbers = count(2)

    @classmethod
    async def build(cls) -> Self:
        """Raises NetnsError in a process that was not started by `apart`, or when something is missing."""
        if os.environ.get(_OUTSIDE) in (None, str(_NAMESPACE.readlink())):
            raise NetnsError("this process has no network of its own: start it with netns.apart")
        await mount_tmpfs(Path("/run"))  # where `ip netns` keeps its names
        await _run("ip", "link", "set", "lo", "up")
        await _run("ip", "link", "add", "bridge", "type", "bridge")
        await _run("ip", "address", "add", f"{cls.here.address}/24", "dev", "bridge")
        await _run("ip", "link", "set", "bridge", "up")
        return cls()

    async def host(self) -> Host:
        """One more host, with a good link to all others."""
        number = next(self._numbers)
        host = Host(f"host{number}", f"{NETWORK}.{number}")
        await _run("ip", "netns", "add", host.name)
        await _run("ip", "link", "add", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        await _run("ip", "link", "set", host.name, "master", "bridge", "up")
        await _run("ip", "-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            await _run("ip", "-n", host.name, "link", "set", device, "up")
        return host


async def mount_tmpfs(directory: Path, *, size_bytes: int = 0) -> None:
    """A file system in memory of that size, seen by this process and its children only."""
    options = ["-o", f"size={size_bytes}"] if size_bytes else []
    await _run("mount", "-t", "tmpfs", *options, "tmpfs", str(directory))


async def unmount(directory: Path) -> None:
    """Takes a file system away, as soon as nobody uses it any more."""
    await _run("umount", "--lazy", str(directory))


async def make_read_only(directory: Path) -> None:
    """What an administrator or a failing disk does to a mounted file system."""
    await _run("mount", "-o", "remount,ro", str(directory))


async def _run(*command: str, text: str = "") -> None:
    try:
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": _PATH},
            check=False,
        )
    except FileNotFoundError:
        raise NetnsError(f"{command[0]} is not installed: run packaging/install-debian-packages") from None
    if done.returncode:
        raise NetnsError(f"{' '.join(command)}: {done.stdout.decode(errors='replace').strip()}")
