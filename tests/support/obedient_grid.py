"""A grid in a process of its own that can be asked and told while it runs: a line of JSON in, a line of JSON out.

`obedient_grid` starts it; run as a program, this module is it. It ends when its stdin does, so it outlives nobody.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.grid import ROOT, running_grid
from tpcharness.testbed.call import Call
from tpcharness.testbed.dialects.vocabulary import Reply
from tpcharness.testbed.grid import Grid
from tpcharness.testbed.issuer import ISSUER_FAULTS, Misbehaviour
from tpcharness.testbed.narration import Narration

# None of them goes on with a copy whose client has left, as StoRM does: what is taken away stays away.
DIALECTS = ("dcache", "xrootd5", "xrootd6", "eos")
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ObedientGrid:
    """The parent's side. `config` is the grid's endpoints.toml, with short time limits."""

    process: subprocess.Popen[str]
    config: Path
    secret: str

    def faults(self, site: str, *faults: str) -> None:
        """What is wrong at a site from now on, besides what is already."""
        self._tell("faults", site, *faults)

    def issuer(self, fault: str) -> None:
        """What is wrong with the issuer from now on."""
        self._tell("issuer", fault)

    def echo(self) -> None:
        """From now on every refusal repeats the tokens that came with the request, wherever there is room."""
        self._tell("echo")

    def heal(self) -> None:
        """Nothing is wrong any more, and nothing is left at the storages; waits until no copy runs."""
        self._tell("heal")

    def quiet(self) -> None:
        """Waits until no storage serves anybody."""
        self._tell("quiet")

    def put(self, site: str, name: str) -> str:
        """A file of somebody else in the directory of our payload files; its path."""
        return str(self._tell("put", site, name))

    def files(self) -> set[str]:
        """The URLs of everything below the harnesses' directories."""
        return set(self._tell("files"))

    def requests(self) -> dict[str, int]:
        """How often each method was asked of the storages."""
        return dict(self._tell("requests"))

    def _tell(self, *words: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def obedient_grid(folder: Path, *dialects: str) -> Iterator[ObedientGrid]:
    """A grid with one site for each dialect (four, when none is named); its files lie in `folder`."""
    config = folder / "endpoints.toml"
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), *(dialects or DIALECTS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            config.write_text(ready["config"] + _TIMEOUTS)
            yield ObedientGrid(process, config, ready["secret"])
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


_TIMEOUTS = """
[timeouts]
settle = "100ms"
cleanup = "10s"
"""


class _Wishes:
    """The child's side: each method is a wish, and what it returns the answer."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._echoes = False
        self._asked: dict[str, int] = {}
        self._listen()

    def faults(self, site: str, *faults: str) -> None:
        for fault in faults:
            self._grid.site(site).storage.faults.add(fault)

    def issuer(self, fault: str) -> None:
        self._grid.issuer.misbehaviour = ISSUER_FAULTS[fault].misbehaviour

    def echo(self) -> None:
        self._echoes = True

    async def heal(self) -> None:
        self._echoes = False
        self._grid.issuer.misbehaviour = Misbehaviour()
        for site in self._grid.sites:
            site.storage.faults.clear()
        await self.quiet()
        for site in self._grid.sites:
            for path in self._paths(site.name):
                site.storage.files.remove(path)

    async def quiet(self) -> None:
        while any(site.storage.busy for site in self._grid.sites):
            await asyncio.sleep(0.02)

    def put(self, site: str, name: str) -> str:
        where = self._grid.site(site)
        path = f"{where.prefix}/tpcharness/testbed/{name}"
        where.storage.files.make_parents(path)
        where.storage.files.add(path, b"somebody else's")
        return where.audience + path

    def files(self) -> list[str]:
        return [site.audience + path for site in self._grid.sites for path in self._paths(site.name)]

    def requests(self) -> dict[str, int]:
        return self._asked

    def _paths(self, site: str) -> list[str]:
        return self._grid.leftovers()[site]

    def _listen(self) -> None:
        """Counts requests, and lets refusals echo; for the tests alone, so it is done from outside."""
        answer, chunk, misbehave = Call.answer, Narration._chunk, Call.misbehave

        async def counting(call: Call) -> bool:
            self._asked[call.method] = self._asked.get(call.method, 0) + 1
            return await misbehave(call)

        async def echoing_answer(call: Call, reply: Reply, *, refused: bool = False) -> None:
            if refused and self._echoes:
                said = _tokens(call)
                # Far down, so that a cut for readability would go through the middle of one.
                body = reply.body + b"\n" + said + b" " * 3000 + said * 20
                phrase = f"No {said.decode('latin-1')[:200]}"
                reply = replace(reply, body=body, phrase=phrase, fields=(*reply.fields, ("X-Echo", said.decode())))
            await answer(call, reply, refused=refused)

        async def echoing_chunk(narration: Narration, data: bytes) -> None:
            if self._echoes and data.startswith(b"failure"):
                data = data.rstrip() + b" for " + _tokens(narration._call) + b"\n"
            await chunk(narration, data)

        Call.misbehave = counting  # type: ignore[method-assign]
        Call.answer = echoing_answer  # type: ignore[method-assign]
        Narration._chunk = echoing_chunk  # type: ignore[method-assign]


def _tokens(call: Call) -> bytes:
    fields = call.request.fields
    return " ".join(value for _, value in fields if value.startswith("Bearer ")).encode()


async def _serve(folder: Path, dialects: tuple[str, ...]) -> None:
    async with running_grid(sites=len(dialects), dialects=dialects, directory=folder) as grid:
        secret = grid.issuer.client_secret.reveal()
        print(json.dumps({"config": grid.config_text(), "secret": secret}), flush=True)
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        wishes = _Wishes(grid)
        while line := await lines.readline():
            name, *words = json.loads(line)
            said = getattr(wishes, name)(*words)
            print(json.dumps(await said if asyncio.iscoroutine(said) else said), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), tuple(sys.argv[2:])))
