"""Third-party copy by WebDAV COPY, in pull and in push mode: seed, tokens, COPY, verification, clean-up."""

from __future__ import annotations

from functools import partial

from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext, TokenSource
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Variant
from tpcharness.net.client import HttpClient
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.copying import CopyRun
from tpcharness.probes.https_transfer import HttpsTransfer
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.wire.copy_request import Mode

_VARIANTS = {Mode.PULL: Variant.HTTPS_PULL, Mode.PUSH: Variant.HTTPS_PUSH}


class HttpsCopyProbe:
    """Copies a seed from the source of a link to a new file at its destination, and takes the file away again.

    In pull mode the destination gets the COPY and fetches, in push mode the source gets it and sends. Nothing
    falls back to anything: pull and push are two probes (design 5.2).
    """

    def __init__(
        self,
        mode: Mode,
        client: HttpClient,
        tokens: TokenSource,
        payload: PayloadStore,
        names: PayloadNames,
        verifier: Verifier,
        servers: ServerBook,
        limits: TimeLimits,
    ) -> None:
        self._mode = mode
        self._payload = payload
        self._names = names
        self._servers = servers
        self._transfer = HttpsTransfer(mode, client, tokens, payload, verifier, servers, limits)

    @property
    def variant(self) -> Variant:
        return _VARIANTS[self._mode]

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result. When cancelled before there is a verdict it cleans up within its limits and passes the
        cancellation on; what it could not clean stays in the ledger.
        """
        if not isinstance(subject, Link):
            raise TypeError(f"{self.variant} probes links, not {subject!r}")
        attempt = CopyAttempt[CopyRun].begin(self.variant, subject, context)
        await attempt.go(self._payload, self._copy)
        self._servers.learn(subject.source, attempt.trail.exchanges)
        self._servers.learn(subject.destination, attempt.trail.exchanges)
        return attempt.result(self._servers)

    async def _copy(self, attempt: CopyAttempt[CopyRun], seed: Seed) -> None:
        context = attempt.context
        file = self._names.destination(attempt.link.destination, context.probe_id, context.attempt)
        await self._transfer.copy(attempt, seed, file, doubt=partial(self._transfer.doubt_seed, seed, attempt.trail))
