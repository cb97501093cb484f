"""Our own way through an exchange: the modules that a probe uses, with a full Result built, judged and stored."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.load import TOKEN, USER_AGENT, Load, Spent, drive, request_headers, run
from tpcharness.diagnosis.copy_verdict import judge_copy
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.progress import Nobody
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import MIB, TimeLimits
from tpcharness.model.variant import Variant
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import HttpRequest
from tpcharness.net.trail import Trail
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.copying import run_copy
from tpcharness.probes.servers import ServerBook
from tpcharness.results.store import MatrixStore
from tpcharness.wire.copy_request import Mode


class _WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def spend(load: Load) -> Spent:
    """What `probes.https_transfer` does between the tokens and the verification, and the record of it."""
    limits, clock, observer = TimeLimits(), _WallClock(), Nobody()
    source = Endpoint("SOURCE", "https://source.example.org:2880/bench")
    destination = Endpoint("DESTINATION", load.base, ca_path=load.ca_file)
    link, servers, store = Link(source, destination), ServerBook(), MatrixStore()
    async with HttpClient(user_agent=USER_AGENT, limits=limits, reuse_connections=load.reuse) as client:

        async def exchange(number: int) -> bool:
            context = ProbeContext("bench", f"{number:05d}", 1, MIB, 0.0, clock, observer)
            trail = Trail(context.probe_id, observer)
            attempt = CopyAttempt(Variant.HTTPS_PULL, link, context, trail, clock.now())
            request = HttpRequest.for_endpoint(
                destination, "COPY", f"{destination.path}/{number}", token=TOKEN, headers=request_headers(number)
            )
            attempt.run = await run_copy(client, request, MIB, limits, trail)
            seen = attempt.run.seen(Mode.PULL, servers.identify_copy(destination, attempt.run.head))
            attempt.verdict = judge_copy(seen) or attempt.verdict
            servers.learn(destination, trail.exchanges)
            result = attempt.result(servers)
            store.add(result)
            return result.ok

        return await drive(load, exchange)


if __name__ == "__main__":
    run(spend)
