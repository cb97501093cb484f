"""One culprit, one alert: faults are planted in a running grid, and a real Alertmanager hears of the culprit only."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.grafana.site import Site, running_site

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(400)]

FULL = ("SITE-A", "SITE-B", "SITE-C", "SITE-D", "SITE-E")
LONELY = ("SITE-F", "SITE-A")
"""The only link that SITE-F has as a source; it is a destination for everybody."""

PROBES = f"""
[[probes]]
variant = ["https-pull", "https-push"]
sources = {list(FULL)}
destinations = ["*"]
interval = "6s"

[[probes]]
variant = ["https-pull", "https-push"]
sources = ["{LONELY[0]}"]
destinations = ["{LONELY[1]}"]
interval = "6s"
"""

PLANTED = {
    "an endpoint that is down": ("SITE-B=refuse", ("TpcharnessEndpointDown", "SITE-B")),
    "an endpoint whose certificate has expired": ("SITE-D=tls_expired", ("TpcharnessEndpointDown", "SITE-D")),
    "an endpoint that is bad as destination": ("SITE-C=passive_507", ("TpcharnessEndpointBad", "SITE-C")),
    "an endpoint that is bad as source": ("SITE-E=missing_file", ("TpcharnessEndpointBad", "SITE-E")),
    "a single link": ("SITE-F=missing_file", ("TpcharnessLinkFailing", *LONELY)),
    "an endpoint that damages what it copies": ("SITE-D=wrong_content", ("TpcharnessEndpointBad", "SITE-D")),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), 6, PROBES) as site:
        yield site


@pytest.fixture(autouse=True)
def well(site: Site) -> None:
    """Each fault comes to a grid in which all is well and nothing fires."""
    site.plant()
    site.all_well()
    site.alertmanager.until(set())


@pytest.mark.parametrize("case", PLANTED)
def test_the_culprit_is_named_and_forgotten(site: Site, case: str) -> None:
    fault, alert = PLANTED[case]
    began = time.time()
    site.plant(fault)
    site.alertmanager.until({alert}, 90)
    site.plant()
    site.alertmanager.until(set(), 90)
    assert site.prometheus.fired(time.time() - began) == {alert}


def test_two_culprits_are_two_alerts(site: Site) -> None:
    site.plant("SITE-B=refuse", "SITE-C=passive_507")
    site.alertmanager.until({("TpcharnessEndpointDown", "SITE-B"), ("TpcharnessEndpointBad", "SITE-C")}, 90)


def test_a_configuration_that_was_refused(site: Site) -> None:
    good = site.grid.config.read_text()
    try:
        site.grid.config.write_text(good.replace("[daemon]", "[daemon]\nno_such_key = 1"))
        site.daemon.send(signal.SIGHUP)
        site.alertmanager.until({("TpcharnessReloadFailed",)})
    finally:
        site.grid.config.write_text(good)
        site.daemon.send(signal.SIGHUP)
    site.alertmanager.until(set())


def test_a_harness_that_does_not_answer(site: Site) -> None:
    site.daemon.send(signal.SIGSTOP)
    try:
        site.alertmanager.until({("TpcharnessDown",)})
    finally:
        site.daemon.send(signal.SIGCONT)
    site.alertmanager.until(set())
