"""What is preloaded into real servers (`support/xrootd/poller.c`), as XRootD before 5.6 mixes up its connections."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

SOURCE = Path(__file__).parents[1] / "support" / "xrootd" / "poller.c"
GIVEN_UP_SECONDS = 0.5
"""How long the poller gives who takes the connection out to overtake it; the shim holds that one back for a second."""

# A poller that still has an event of a connection in its hands when another thread takes that connection out.
SCRIPT = f"""
import json, select, socket, sys, threading
near, far = socket.socketpair()
epoll, order = select.epoll(), []
has_event, is_removing, is_removed, is_handled = [threading.Event() for _ in range(4)]
limit = None if sys.argv[1] == "for ever" else 60

def polls():
    epoll.poll(limit)
    has_event.set()
    is_removing.wait()
    is_removed.wait({GIVEN_UP_SECONDS})
    order.append("handled")
    is_handled.set()
    epoll.poll(0 if limit else None)

def removes():
    is_removing.set()
    epoll.unregister(near)
    order.append("removed")
    is_removed.set()

epoll.register(near, select.EPOLLIN)
threading.Thread(target=polls, daemon=True).start()
far.send(b"x")
has_event.wait()
remover = threading.Thread(target=removes)
remover.start()
remover.join()
is_handled.wait()
print(json.dumps(order))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("poller") / "poller.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-o", str(made), str(SOURCE)], check=True)
    return made


@pytest.mark.parametrize(
    ("preloaded", "waits", "order"),
    [
        (True, "for ever", ["handled", "removed"]),
        (False, "for ever", ["removed", "handled"]),  # XRootD 5.5.3 as it is, and why the shim is there
        (True, "with a limit", ["removed", "handled"]),  # a client's: not its matter
    ],
)
def test_who_takes_a_connection_out_waits_for_the_poller(
    shim: Path, preloaded: bool, waits: str, order: list[str]
) -> None:
    environment = {"PATH": os.defpath, **({"LD_PRELOAD": str(shim)} if preloaded else {})}
    command = [sys.executable, "-c", SCRIPT, waits]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=30)
    assert json.loads(said.stdout) == order
