"""One worker: a child process in a session of its own, which does one job at a time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeVar

from tpcharness.model.secret import redact
from tpcharness.workers.messages import MAX_LINE_BYTES, Ended, GfalJob, Message, MessageError, Ready, Started, parse

START_SECONDS = 30.0
BEGIN_SECONDS = 30.0
"""To load gfal2, and from a job to its beginning: both are done in this machine alone."""

GRACE_SECONDS = 2.0
REAP_SECONDS = 10.0
MAX_MESSAGES = 100_000
"""Of one job. gfal2 speaks every five seconds; who says more has gone mad."""

MAX_STDERR_BYTES = 8 * 1024

Stream = TypeVar("Stream", asyncio.StreamReader, asyncio.StreamWriter)
Notice = Callable[[Message], None]


class WorkerLostError(Exception):
    """The process died or talks nonsense; the message says which. `started`: the storages may know of the job."""

    def __init__(self, text: str, *, started: bool = False) -> None:
        super().__init__(text)
        self.started = started


class Worker:
    """A running process. Whoever has it ends it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stdin = _piped(process.stdin)
        self._stdout = _piped(process.stdout)
        self._stderr = _piped(process.stderr)
        self._last_words = b""
        self._listener = asyncio.create_task(self._listen(), name=f"stderr of worker {process.pid}")
        self.version = ""

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """A worker that is ready for a job. Raises WorkerLostError, and leaves nothing behind."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                limit=MAX_LINE_BYTES,
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerLostError(f"{command[0]} does not start: {error.strerror}") from None
        worker = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                message = await worker._message()
        except TimeoutError:
            await worker.end()
            raise WorkerLostError(f"it was not ready after {START_SECONDS:g} s") from None
        except BaseException:
            await worker.end()
            raise
        if not isinstance(message, Ready):
            await worker.end()
            raise WorkerLostError("it does not begin with `ready`")
        worker.version = message.version
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether nothing is known against it."""
        return self._process.returncode is None

    async def copy(self, job: GfalJob, notice: Notice) -> Ended:
        """Has one job done; `notice` is told everything on the way. No clock once it has begun: who waits, cancels.

        Raises WorkerLostError. After that, or when cancelled, nothing can be done with it but to end it.
        """
        started = False
        try:
            async with asyncio.timeout(BEGIN_SECONDS) as clock:
                await self._send(job)
                for _ in range(MAX_MESSAGES):
                    message = await self._message()
                    if isinstance(message, Started):
                        started = True
                        clock.reschedule(None)
                    notice(message)
                    if isinstance(message, Ended):
                        return message
        except TimeoutError:
            raise WorkerLostError(f"it did not begin with its job within {BEGIN_SECONDS:g} s") from None
        except WorkerLostError as lost:
            raise WorkerLostError(str(lost), started=started) from None
        raise WorkerLostError(f"it said more than {MAX_MESSAGES} things about one job", started=started)

    async def end(self) -> None:
        """Ends the process with its whole session: SIGTERM, then SIGKILL; SIGKILL at once when cancelled."""
        try:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)  # who is stopped hears no other signal
            async with asyncio.timeout(GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self._listener.cancel()
            self._stdin.close()
        try:
            async with asyncio.timeout(REAP_SECONDS):
                while await self._stdout.read(MAX_LINE_BYTES):
                    pass  # what nobody has read keeps the pipe open
                await self._process.wait()
        except TimeoutError:
            pass  # it hangs in the kernel, where no signal reaches it: it ends when that lets go, or with us
        await asyncio.wait({self._listener})

    async def _send(self, job: GfalJob) -> None:
        try:
            self._stdin.write(job.line())
            await self._stdin.drain()
        except (OSError, RuntimeError):  # uvloop's word for a pipe that is closed is RuntimeError
            raise WorkerLostError(await self._obituary()) from None

    async def _message(self) -> Message:
        try:
            line = await self._stdout.readline()
        except ValueError:
            raise WorkerLostError(f"it wrote a line of more than {MAX_LINE_BYTES} bytes") from None
        if not line.endswith(b"\n"):
            raise WorkerLostError(await self._obituary())
        try:
            return parse(line)
        except MessageError as error:
            raise WorkerLostError(f"it wrote what is {error}") from None

    async def _obituary(self) -> str:
        """How it died, in one line. Who closed its pipes only is still alive after a moment."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                code = await self._process.wait()
                await asyncio.wait({self._listener})
        except TimeoutError:
            return "it closed its pipe"
        how = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with {code}"
        last = redact(self._last_words.decode(errors="replace"), cut=True).strip().rpartition("\n")[2]
        return f"{how}: {last[:200]}" if last else how

    async def _listen(self) -> None:
        """Keeps the end of what the process writes to stderr, so that it can always write on."""
        while data := await self._stderr.read(MAX_STDERR_BYTES):
            self._last_words = (self._last_words + data)[-MAX_STDERR_BYTES:]

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:  # just gone
                pass


def _piped(stream: Stream | None) -> Stream:
    if stream is None:
        raise TypeError("a worker's process has three pipes")
    return stream
