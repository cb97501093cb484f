"""The faults: what can be wrong at a storage, what the harness must make of it, and who has seen it on a real wire."""

from __future__ import annotations

from tpcharness.testbed.effects import Fault
from tpcharness.testbed.fault_rows import accepted, asked, direct, door, passive

CATALOGUE: dict[str, Fault] = {
    fault.name: fault
    for rows in (door.FAULTS, asked.FAULTS, accepted.FAULTS, passive.FAULTS, direct.FAULTS)
    for fault in rows
}
"""In the order in which they are listed: doors first, then copies from the request to the last byte."""
