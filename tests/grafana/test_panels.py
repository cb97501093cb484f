"""Every query of every panel against a real Prometheus that scrapes the real daemon on a testbed with faults."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from tests.grafana.boards import Asked, all_boards, asked, urls, variables
from tests.grafana.site import Site, running_site

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

SITES = 8
BAD = "SITE-C"
UNCLEAN = "SITE-F"
FAULTS = (
    "SITE-B=passive_403",
    f"{BAD}=wrong_content",
    "SITE-E=tls_expired",
    f"{UNCLEAN}=delete_refused",
)
DOWN = {"SITE-E", UNCLEAN}

CHOSEN = {
    "instance": ".+",
    "variant": ".+",
    "endpoint": BAD,
    "source": "SITE-A",
    "destination": BAD,
    "window": "5m",
    "__range": "5m",
    "__rate_interval": "10s",
}

PROBES = """
[[probes]]
variant = ["https-pull", "https-push"]

[[probes]]
variant = "webdav-download"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A grid that was well, and has had its faults for some rounds."""
    with running_site(tmp_path_factory.mktemp("site"), SITES, PROBES) as site:
        site.all_well()
        site.plant(*FAULTS)
        wanted = {("TpcharnessEndpointDown", name) for name in DOWN} | {("TpcharnessEndpointBad", BAD)}
        site.prometheus.until(lambda server: wanted <= server.firing(), "the culprits' alerts", 120)
        # The new configuration's seeds replace the old ones, and one endpoint does not let us delete.
        config = site.grid.config.read_text()
        site.grid.config.write_text(config.replace("max_refusals = 1000", "max_refusals = 2000"))
        site.daemon.send(signal.SIGHUP)
        yield site


@pytest.mark.parametrize("query", asked(), ids=lambda query: f"{query.name} {query.expr[:50]}")
def test_panel_has_what_it_needs(site: Site, query: Asked) -> None:
    """The query returns series, and each label that the panel shows or follows has a value in one of them."""
    chosen = CHOSEN | {"endpoint": UNCLEAN} if "tpcharness_cleanup_failures_total" in query.expr else CHOSEN
    expr = query.with_values(chosen)

    def labels() -> list[dict[str, str]]:
        if query.instant:
            return [labels for labels, _ in site.prometheus.query(expr)]
        return [labels for labels, values in site.prometheus.query_range(expr, 30) if values]

    def complete() -> bool:
        return _sometimes_empty(query) <= {name for series in labels() for name in series} and bool(labels())

    site.prometheus.until(lambda _: complete(), f"{sorted(query.needs)} of {expr}", 30)


def _sometimes_empty(query: Asked) -> frozenset[str]:
    """The labels that must be there now: no link is alone in this grid, so no alert names one."""
    return query.needs - {"source", "destination", "culprit"} if "ALERTS" in query.expr else query.needs


@pytest.mark.parametrize("uid", all_boards())
def test_variables_offer_what_there_is(site: Site, uid: str) -> None:
    endpoints = [f"SITE-{letter}" for letter in "ABCDEFGH"]
    wanted = {
        "instance": [site.address],
        "variant": ["https-pull", "https-push"],
        "endpoint": endpoints,
        "source": endpoints,
        "destination": [name for name in endpoints if name != CHOSEN["source"]],
    }
    for name, variable in variables(all_boards()[uid]).items():
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
        assert found
        selector = re.sub(r"\$(\w+)", lambda word: CHOSEN[word[1]], found[1])
        assert site.prometheus.label_values(found[2], selector) == wanted[name], name


@pytest.mark.parametrize("uid", all_boards())
def test_ways_lead_to_pages_of_the_daemon(site: Site, uid: str) -> None:
    board = all_boards()[uid]
    found = [*urls(board), *re.findall(r"\]\((\$\{daemon_url\}[^)]*)\)", json.dumps(board))]
    pages = {url for url in found if url.startswith("${daemon_url}")}
    assert pages
    for page in pages:
        url = re.sub(r"\$\{(\w+)\}", lambda word: (CHOSEN | {"daemon_url": f"http://{site.address}"})[word[1]], page)
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.status == HTTPStatus.OK, url


def test_the_matrix_has_every_link_that_was_tried(site: Site) -> None:
    (cells,) = [query for query in asked() if "From row to column" in query.panel]
    names = {f"SITE-{letter}" for letter in "ABCDEFGH"} - DOWN
    tried = {(source, destination) for source in names for destination in names if source != destination}

    def seen() -> dict[tuple[str, str], float]:
        found = site.prometheus.query(cells.with_values(CHOSEN | {"variant": "https-pull"}))
        return {(labels["source"], labels["destination"]): code for labels, code in found}

    site.prometheus.until(lambda _: set(seen()) == tried, "the cells of the matrix")
    assert {link for link, code in seen().items() if code} >= {(name, BAD) for name in names - {BAD}}


def test_who_is_to_blame_is_who_was_planted(site: Site) -> None:
    (table,) = [query for query in asked() if query.panel == "Who is to blame"]
    culprits = {"SITE-B", BAD} | DOWN

    def named() -> set[str]:
        return {labels["culprit"] for labels, _ in site.prometheus.query(table.with_values(CHOSEN))}

    site.prometheus.until(lambda _: named() == culprits, f"findings about {sorted(culprits)} only", 60)
