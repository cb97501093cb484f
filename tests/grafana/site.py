"""A whole site on this machine: testbed, daemon, Prometheus and Alertmanager, each a process of its own."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.grafana.boards import RULES
from tests.support.command import Running, Shell
from tests.support.grid import GridProcess, grid_process
from tests.support.real_prometheus import Alertmanager, Job, Prometheus, alertmanager, prometheus
from tests.support.real_xrootd import reserved_port

INTERVAL_SECONDS = 6
"""Short against the `for` of an alert about a link, as six hours are at a real site."""

_DIALECTS = ("--dialect", "dcache", "--dialect", "xrootd6")  # copy in both modes, which not every storage does

_HASTE = {
    "defaults": {"interval": f'"{INTERVAL_SECONDS}s"', "bytes_per_day": "0", "transfers_per_day": "0"},
    "daemon": {
        "door_interval": '"3s"',
        "confirm_interval": '"1s"',
        "confirmations": "2",
        "max_refusals": "1000",
        "stale_after": "10",
    },
}


@dataclass(frozen=True, slots=True)
class Site:
    """What an operator has before him. `address` is the daemon's."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    address: str
    shell: Shell
    daemon: Running
    grid: GridProcess

    def plant(self, *faults: str) -> None:
        """From now on exactly these are on; none: all is well."""
        ready = self.grid.config.with_name("ready.json")
        ended = self.shell.run("testbed", "fault", "--clear", "--ready-file", ready, *faults)
        assert ended.code == 0, ended.stderr
        assert sorted(ended.stdout.split()) == sorted(faults)

    def all_well(self) -> None:
        """Waits until every door and every link is ok."""
        self.prometheus.until(lambda _: self.is_well(), "a healthy grid", 90)

    def is_well(self) -> bool:
        """Whether every door and every link is ok, by the latest scrape."""
        well = 'sum(tpcharness_links{state!="ok"}) == 0 and min(tpcharness_endpoint_probe_success) == 1'
        return bool(self.prometheus.query(well))


@contextmanager
def running_site(folder: Path, sites: int, probes: str = "", webhook: str = "") -> Iterator[Site]:
    """Everything up, and the first metrics scraped. `probes` stands in the configuration in place of the full mesh;
    a URL `webhook` is told of every alert and of its end.
    """
    with ExitStack() as stack:
        grid = stack.enter_context(grid_process(folder, "--sites", str(sites), *_DIALECTS))
        grid.config.write_text(_hasty(grid.config.read_text()) + probes)
        shell = Shell(folder)
        port = stack.enter_context(reserved_port())
        address = f"127.0.0.1:{port}"
        daemon = stack.enter_context(shell.start("daemon", grid.config, "--listen", address))
        stack.callback(daemon.end)
        stack.callback(daemon.send, signal.SIGTERM)
        manager = stack.enter_context(alertmanager(folder / "alertmanager", webhook))
        jobs = (Job("tpcharness", address), Job("tpcharness-links", address, "/metrics/links"))
        server = stack.enter_context(prometheus(folder / "prometheus", jobs, RULES, manager))
        daemon.until(lambda: len(server.query("up == 1")) == len(jobs))
        yield Site(server, manager, address, shell, daemon, grid)


def _hasty(config: str) -> str:
    """The testbed's configuration with short intervals and no budget."""
    for section, settings in _HASTE.items():
        for key, value in settings.items():
            config = re.sub(rf"^{key} = .*\n", "", config, flags=re.MULTILINE)
            config = config.replace(f"[{section}]\n", f"[{section}]\n{key} = {value}\n", 1)
    return config
