"""What we have learned so far about the software behind each endpoint."""

from __future__ import annotations

from collections.abc import Iterable

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.result import Exchange
from tpcharness.net.messages import Answer
from tpcharness.wire.fingerprint import Implementation, Server, identify

MAX_SERVERS = 8


# They give a copy up within a marker period when its client leaves (http-tpc 1.9); StoRM goes on to its end.
_STOP_WITH_THEIR_CLIENT = frozenset(
    {Implementation.DCACHE, Implementation.XROOTD, Implementation.EOS, Implementation.PELICAN}
)


class ServerBook:
    """Remembers the Server headers per endpoint, hop by hop, from whatever probe saw them last.

    A copy talks to the active party only; who the passive one is, its door or its seed has told before.
    """

    def __init__(self) -> None:
        self._texts: dict[str, tuple[str, ...]] = {}

    def learn(self, endpoint: Endpoint, exchanges: Iterable[Exchange]) -> None:
        """Takes the servers of every exchange that began at the endpoint's host."""
        for exchange in exchanges:
            if exchange.hops and exchange.hops[0].host.lower() == endpoint.host:
                texts = tuple(dict.fromkeys(hop.server for hop in exchange.hops if hop.server))
                if texts:
                    self._texts[endpoint.name] = texts[:MAX_SERVERS]

    def texts(self, endpoint: Endpoint) -> tuple[str, ...]:
        """What its servers call themselves, the last hop last; the configured name when they do not say."""
        return self._texts.get(endpoint.name) or ((endpoint.implementation,) if endpoint.implementation else ())

    def software(self, endpoint: Endpoint) -> Implementation:
        """What stands behind an endpoint: as its last server says, or else as it is configured."""
        texts = self.texts(endpoint)
        seen = identify(texts[-1]).implementation if texts else Implementation.UNKNOWN
        if seen is Implementation.UNKNOWN and endpoint.implementation in set(Implementation):
            return Implementation(endpoint.implementation)
        return seen

    def identify_copy(self, endpoint: Endpoint, head: Answer) -> Server:
        """The software of the server that answered a COPY.

        What it said before, or else what is configured, stands in for one that does not say.
        """
        seen = identify(head.server, header=lambda name: head.headers.get(name, ""), copy_status=head.status)
        if seen.implementation is not Implementation.UNKNOWN:
            return seen
        known = identify(texts[-1]) if (texts := self._texts.get(endpoint.name)) else seen
        if head.status is None and known.implementation is not Implementation.UNKNOWN:
            return known
        try:
            return Server(Implementation(endpoint.implementation), None, seen.text)
        except ValueError:
            return seen

    def stops_with_its_client(self, endpoint: Endpoint, head: Answer | None) -> bool:
        """Whether a copy ends when we go: at those that watch their client, unless they were silent about the COPY.

        `head` None is a copy that we left before its answer; then counts what the endpoint has said of itself before.
        """
        if head is None:
            texts = self.texts(endpoint)
            return bool(texts) and identify(texts[-1]).implementation in _STOP_WITH_THEIR_CLIENT
        if head.status is None:
            return False
        return self.identify_copy(endpoint, head).implementation in _STOP_WITH_THEIR_CLIENT
