"""Downtimes that are known: the manual list, and documents of GOCDB and OSG, read anew every so often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from tpcharness.config.configuration import Config
from tpcharness.model.downtime import Downtime
from tpcharness.model.seams import Clock
from tpcharness.model.settings import DowntimeKind, DowntimeSource
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import HttpRequest
from tpcharness.wire.downtime_documents import parse_gocdb, parse_osg
from tpcharness.wire.errors import WireError

log = logging.getLogger(__name__)

MAX_BYTES = 8 * 1024 * 1024
FETCH_SECONDS = 60.0
RETRY_SECONDS = 60.0

_PARSERS: dict[DowntimeKind, Callable[[bytes], list[Downtime]]] = {
    DowntimeKind.GOCDB: parse_gocdb,
    DowntimeKind.OSG: parse_osg,
}


class Downtimes:
    """What is known of downtimes; `changed` is told of all of them whenever that changes.

    A source that cannot be read keeps what it said before, and says so in the log once per trouble.
    """

    def __init__(self, clock: Clock, changed: Callable[[tuple[Downtime, ...]], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._manual: tuple[Downtime, ...] = ()
        self._documents: dict[DowntimeSource, tuple[Downtime, ...]] = {}
        self._troubles: dict[DowntimeSource, str] = {}

    async def follow(self, config: Config, client: HttpClient) -> None:
        """Keeps up with a configuration's list and documents until it is cancelled; the last one called holds."""
        self._manual = tuple(
            Downtime(
                start=each.start, end=each.end, endpoints=each.endpoints, hosts=(), text=each.text, origin="manual"
            )
            for each in config.downtimes
        )
        sources = set(config.downtime_sources.values())
        self._documents = {source: known for source, known in self._documents.items() if source in sources}
        self._publish()
        async with asyncio.TaskGroup() as group:
            for source in config.downtime_sources.values():
                group.create_task(self._read_again(source, client), name=f"downtimes {source.name}")

    async def _read_again(self, source: DowntimeSource, client: HttpClient) -> None:
        while True:
            try:
                document = await _fetch(source, client)
                found = await asyncio.to_thread(_PARSERS[source.kind], document)
            except (OSError, WireError) as error:
                trouble = str(error)
                if self._troubles.get(source) != trouble:
                    log.warning("downtimes %s: %s; what it said before holds", source.name, trouble)
                self._troubles[source] = trouble
                await asyncio.sleep(min(RETRY_SECONDS, source.refresh_seconds))
                continue
            self._troubles.pop(source, None)
            now = self._clock.now()
            self._documents[source] = tuple(downtime for downtime in found if downtime.end > now)
            self._publish()
            await asyncio.sleep(source.refresh_seconds)

    def _publish(self) -> None:
        self._changed((*self._manual, *(each for known in self._documents.values() for each in known)))


async def _fetch(source: DowntimeSource, client: HttpClient) -> bytes:
    """The document; raises OSError with a sentence for people."""
    if source.file:
        return await asyncio.to_thread(_read, Path(source.file))
    answer = await client.exchange(
        HttpRequest("GET", source.url, (("Accept", "application/xml, text/xml"),)),
        max_body=MAX_BYTES,
        timeout_seconds=FETCH_SECONDS,
    )
    if answer.failure is not None:
        raise OSError(f"{source.url}: {answer.failure.detail or answer.failure.reason.info.sentence}")
    if answer.status != HTTPStatus.OK:
        raise OSError(f"{source.url} answered {answer.status} {answer.status_text}")
    if answer.truncated:
        raise OSError(f"{source.url} is larger than {MAX_BYTES} bytes")
    return answer.body


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            document = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise OSError(f"{file}: {error.strerror or error}") from error
    if len(document) > MAX_BYTES:
        raise OSError(f"{file} is larger than {MAX_BYTES} bytes")
    return document
