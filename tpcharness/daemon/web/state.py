"""How the service itself is: what stands at the top of a page when something is amiss, and at its end always."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from tpcharness import __version__
from tpcharness.daemon.running import Running
from tpcharness.model.variant import Variant

TICK_SECONDS = 60.0
"""A scheduler that has not ticked for so long is stuck. It ticks each few seconds, whatever there is to do."""


def tick_age_seconds(running: Running) -> float:
    """How long ago the scheduler last ticked. Call it on the loop."""
    return max(0.0, asyncio.get_running_loop().time() - running.service.status().ticked_at)


def state_of(running: Running) -> dict[str, Any]:
    """Plain values for templates and for `/api/v1/status`, without anything secret."""
    status, reload = running.service.status(), running.reload_state
    now = running.clock.now()
    next_at = running.schedule.next_at(now.timestamp())
    age_seconds = tick_age_seconds(running)
    warnings = []
    if age_seconds > TICK_SECONDS:
        warnings.append(f"The scheduler has not ticked for {age_seconds:.0f} s: nothing below is getting newer.")
    if not reload.ok:
        warnings.append("The configuration file was not taken; the one before it holds. " + " ".join(reload.errors))
    elif reload.errors:
        warnings.append("Some changes wait for a restart. " + " ".join(reload.errors))
    if running.history.journal.refusing:
        warnings.append(
            "The history cannot be written, nor can its journal: what is measured now is shown and then lost."
        )
    elif not running.history.healthy:
        warnings.append("The history cannot be written: results are kept in the journal for as long as there is room.")
    return {
        "harness": running.config.harness.name,
        "version": __version__,
        "run_id": running.run_id,
        "now": now,
        "started_at": running.started_at,
        "ready": running.ready,
        "tick_age_seconds": round(age_seconds, 3),
        "next_probe_at": None if next_at is None else datetime.fromtimestamp(next_at, UTC),
        "scheduled": len(running.schedule.scheduled),
        "in_flight": {variant.value: status.in_flight.get(variant, 0) for variant in Variant},
        "waiting": status.waiting,
        "due": status.due,
        "skipped": {str(reason): count for reason, count in sorted(running.schedule.skipped.items())},
        "results_version": running.latest.version,
        "reload": {
            "ok": reload.ok,
            "at": reload.at,
            "succeeded_at": reload.succeeded_at,
            "errors": list(reload.errors),
        },
        "history": {"healthy": running.history.healthy, "write_failures": running.history.write_failures},
        "leftovers": {name: count for name, count in sorted(running.leftovers().items()) if count},
        "token_expiries": dict(sorted(running.token_expiries().items())),
        "warnings": warnings,
    }
