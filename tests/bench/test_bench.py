"""The benchmark itself: it does the work that it claims to measure, and says so when it could not."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.copies import ExchangesFailedError, contest, spend
from bench.load import Load
from bench.measure import Measure, interleaved, median_ratio, table
from bench.probing import Task
from bench.responder import responder
from bench.root import spend as spend_probes
from tests.support.raw_https import exchange
from tpcharness.cli.testbed_child import running_testbed
from tpcharness.model.variant import Variant
from tpcharness.testbed.pki import Authority

ROOT = Path(__file__).parents[2]
CLIENTS = ("ours", "bare", "curl")
EXCHANGES = 48


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    authority = Authority(tmp_path)
    with responder(authority.issue("responder")) as url:
        yield Load(url, str(authority.ca_file), EXCHANGES, reuse=True)


@pytest.mark.parametrize("reuse", [True, False])
async def test_responder_answers_as_recorded(load: Load, *, reuse: bool) -> None:
    recording = (ROOT / "tests/recordings/xrootd-6.1/pull-ok.txt").read_text()
    url = urlsplit(replace(load, reuse=reuse).base)
    context = ssl.create_default_context(cafile=load.ca_file)
    answer = await exchange(url.port or 0, context, f"COPY {url.path} HTTP/1.1")
    assert answer.status == 202
    assert answer.header("Connection") == ("Keep-Alive" if reuse else "Close")
    lines = [line for line in answer.text.replace("\r", "").split("\n") if line]
    assert lines[1] == "Perf Marker"
    assert "success: Created" in lines
    assert [line for line in lines if line not in recording] == []


@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize("client", CLIENTS)
def test_client_does_every_exchange(client: str, load: Load, *, reuse: bool) -> None:
    spent = spend(client, replace(load, reuse=reuse))
    assert spent.failed == 0
    assert spent.cpu_seconds > 0


@pytest.mark.parametrize("client", CLIENTS)
def test_client_counts_what_fails(client: str, load: Load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert spend(client, replace(load, url=f"https://127.0.0.1:{port}")).failed >= EXCHANGES


def test_no_figure_comes_of_failed_exchanges(load: Load) -> None:
    untrusted = replace(load, ca_file=ssl.get_default_verify_paths().openssl_cafile)
    with pytest.raises(ExchangesFailedError, match="on fresh connections failed"):
        list(contest(untrusted, "fresh", 1))


def test_no_figure_comes_of_failed_probes() -> None:
    options = ("--dialect", "xrootd5", "--root", "--fault", "SITE-B=root_no_tpc")
    with running_testbed(2, options) as config:
        task = Task(str(config.path), Variant.HTTPS_PULL, 2, 1024)
        assert spend_probes(task).failed == 0
        with pytest.raises(ExchangesFailedError, match="root-pull probes failed"):
            spend_probes(replace(task, variant=Variant.ROOT_PULL))


def test_command_reports_every_measure(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "bench", "--quick", "--profile", str(tmp_path / "seen" / "profile.txt"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    documents = {document["name"]: document for document in json.loads(done.stdout)}
    assert all(document["value"] > 0 for document in documents.values())
    for kind in ("reused", "fresh"):
        document = documents[f"copy_{kind}_vs_bare"]
        assert list(document) == ["name", "value", "unit", "yardstick", "budget", "met"]
        assert (document["unit"], document["budget"]) == ("x", 1.5)
        assert document["met"] is (document["value"] <= document["budget"])
        assert "run_copy" in (tmp_path / "seen" / f"profile-{kind}.txt").read_text()
    assert documents["root_pull_vs_https_pull"]["budget"] == 2
    assert "root_transfer" in (tmp_path / "seen" / "profile-root-pull.txt").read_text()
    assert {"copy_fresh_vs_curl", "markers_vs_split", "plan_vs_pairs", "document_vs_json"} <= documents.keys()
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["measure", *documents]


@pytest.mark.parametrize(("value", "budget", "met"), [(1.5, 1.5, True), (1.51, 1.5, False), (99.0, None, None)])
def test_budget_is_the_most_that_may_be(value: float, budget: float | None, met: bool | None) -> None:
    measure = Measure("a", value, "x", "b", budget)
    assert measure.document()["met"] is met
    assert ("MISSED" in table([measure])) is (met is False)


def test_ratio_pairs_neighbours() -> None:
    # The machine was four times slower in the second turn, for both.
    assert median_ratio([2.0, 8.0, 2.0], [1.0, 4.0, 1.0]) == 2.0


def test_jobs_of_one_process_take_turns() -> None:
    turns: list[str] = []
    ours, bare = interleaved(2, lambda: turns.append("a"), lambda: turns.append("b"))
    assert turns == ["a", "b"] * 3  # the first turn counts for nothing
    assert (len(ours), len(bare)) == (2, 2)
