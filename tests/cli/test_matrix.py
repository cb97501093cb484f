"""`tpcharness matrix` on a healthy grid: what is printed where, and what is written and asked."""

from __future__ import annotations

import json
import select
import socket
from pathlib import Path

import jsonschema
import pytest

from tests.support.command import Shell
from tests.support.grid import ROOT
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode
from tpcharness.config.quantities import parse_size
from tpcharness.export.jsonl import read_jsonl

SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
ENDPOINTS = ("SITE-A", "SITE-B", "SITE-C", "SITE-D")
LINKS = {(source, destination) for source in ENDPOINTS for destination in ENDPOINTS if source != destination}


def pairs(results):
    return {(each["subject"]["source"], each["subject"]["destination"]) for each in results}


def test_a_testbed_of_its_own_and_json_on_stdout(shell: Shell):
    ended = shell.run("matrix", "--testbed", "4", "--format", "json")
    assert ended.code == ExitCode.OK
    document = ended.document
    jsonschema.validate(document, SCHEMA)
    copies, doors = document["results"], document["run"]["doors"]
    assert (len(copies), len(doors)) == (24, 4)
    assert {door["outcome"] for door in doors} == {"ok"}
    assert {(*pairs([each]), each["variant"]) for each in copies} == {
        (pair, variant) for pair in LINKS for variant in ("https-pull", "https-push")
    }
    for copy in copies:
        assert (copy["outcome"], copy["reason"], copy["blame"], copy["warnings"]) == ("ok", "ok", "nobody", [])
        assert {"token", "connect", "tls", "prepare", "request", "transfer", "verify", "cleanup"} <= set(copy["phases"])
        assert copy["checksum"]["found"] == copy["checksum"]["expected"] != ""
        assert copy["checksum"]["verified_by"] in ("digest", "readback")
        assert copy["bytes"] == copy["size_bytes"] == parse_size("1MiB")
        assert copy["markers"]["count"] >= 0
    assert document["findings"] == []
    assert document["run"]["ended"] == "complete"
    progress = ended.stderr.splitlines()
    assert progress[-1].startswith("28 of 28, 0 in flight")
    assert all(" of 28, " in line for line in progress)
    assert list(shell.scratch.iterdir()) == []
    assert not shell.state.exists()  # a testbed's ledger means nothing after it


def test_root_pull_between_root_doors_of_a_testbed(shell: Shell):
    ended = shell.run("matrix", "--testbed", "3", "--variant", "root-pull", "--format", "json", "--quiet")
    assert ended.code == ExitCode.OK
    copies = ended.document["results"]
    assert {(*pairs([each]), each["variant"], each["outcome"]) for each in copies} == {
        (pair, "root-pull", "ok") for pair in LINKS if "SITE-D" not in pair
    }


@pytest.mark.slow
@pytest.mark.real
def test_all_variants_at_once(shell: Shell):
    ended = shell.run("matrix", "--testbed", "2", "--variant", "all", "--format", "json", "--quiet")
    assert ended.code == ExitCode.OK
    found = {(each["variant"], each["outcome"]) for each in ended.document["results"]}
    variants = ("https-pull", "https-push", "root-pull", "gfal-davs-davs", "gfal-root-root")
    assert found == {(variant, "ok") for variant in variants}


@pytest.mark.slow
def test_a_root_door_that_fails_keeps_root_links_only(shell: Shell):
    variants = [word for name in ("https-*", "root-pull") for word in ("--variant", name)]
    words = (*variants, "--fault", "SITE-B=root_login_refused", "--format", "json", "--quiet")
    ended = shell.run("matrix", "--testbed", "3", *words)
    assert ended.code == ExitCode.FAILED
    assert [
        each for each in ended.document["results"] if each["outcome"] != "ok" and each["variant"] != "root-pull"
    ] == []
    at_b = {
        (each["outcome"], each["reason"])
        for each in ended.document["results"]
        if each["variant"] == "root-pull" and "SITE-B" in each["subject"].values()
    }
    assert at_b == {("skipped", "endpoint_down")}
    (finding,) = ended.document["findings"]
    assert (finding["culprits"], finding["cells"]) == (["SITE-B"], 4)
    assert "root-door" in finding["sentence"]


def test_root_pull_where_no_endpoint_has_a_root_door(grid: ObedientGrid, shell: Shell):
    ended = shell.run("matrix", grid.config, "--variant", "root-pull")
    assert (ended.code, ended.stdout) == (ExitCode.NOTHING_TO_DO, "")
    planned = shell.run("matrix", grid.config, "--variant", "root-pull", "--plan").stdout
    assert "SITE-A" in planned
    assert "root" in planned


@pytest.mark.slow
def test_json_lines_come_in_order_and_can_be_read_back(grid: ObedientGrid, shell: Shell):
    ended = shell.run("matrix", grid.config, "--format", "jsonl", "--quiet")
    assert (ended.code, ended.stderr) == (ExitCode.OK, "")
    kinds = [line["type"] for line in ended.lines]
    assert (kinds[0], kinds[-1]) == ("run", "summary")
    assert (kinds.count("door"), kinds.count("result"), len(kinds)) == (4, 24, 30)
    recording = read_jsonl(ended.stdout.splitlines(keepends=True))
    assert recording.incomplete == ""
    assert len(recording.results) == 28
    assert grid.files() == shell.ledger() == set()


def test_the_table_stays_on_stdout_beside_files(grid: ObedientGrid, shell: Shell):
    words = ("--output", "json:run.json", "--output", "jsonl:run.jsonl", "--quiet")
    ended = shell.run("matrix", grid.config, *words)
    assert ended.code == ExitCode.OK
    row = next(line for line in ended.stdout.splitlines() if line.startswith("SITE-A"))
    assert " ".join(row.split()) == "SITE-A ✓ — ✓ ✓ ✓ ✓ ✓ ✓"
    assert "links: 24 of 24 ok in " in ended.stdout.splitlines()[-1]
    assert "\x1b" not in ended.stdout
    document = json.loads((shell.folder / "run.json").read_text())
    jsonschema.validate(document, SCHEMA)
    assert len(document["results"]) == 24
    assert (shell.folder / "run.jsonl").read_text().count("\n") == 30


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "behind", "failures", "requests"),
    [
        ("--color=never", "-q", 0, 0),
        ("-v", "-q", 1, 0),
        ("-vv", "-q", 1, 10),
        ("--color=never", "-v", 1, 0),
        ("-v", "-v", 1, 10),
    ],
)
def test_verbose_tells_failures_and_requests_on_stderr(
    grid: ObedientGrid, shell: Shell, before: str, behind: str, failures: int, requests: int
):
    grid.faults("SITE-A", "missing_file")
    words = ("-s", "SITE-A", "-d", "SITE-B", "--variant", "https-pull", behind, "--format", "json")
    ended = shell.run(before, "matrix", grid.config, *words)
    assert ended.code == ExitCode.FAILED
    assert len(ended.document["results"]) == 1
    assert ended.stderr.count("failure: SITE-A → SITE-B https-pull: ") == failures
    assert ended.stderr.count(" COPY https://") == bool(requests) + failures
    assert ended.stderr.count(" https://localhost:") >= requests


def test_an_output_that_cannot_be_written_stops_everything_before_it_begins(grid: ObedientGrid, shell: Shell):
    before = grid.requests()
    ended = shell.run("matrix", grid.config, "--output", "json:nowhere/run.json")
    assert ended.code == ExitCode.USAGE
    assert "nowhere/run.json" in ended.stderr
    assert grid.requests() == before


@pytest.mark.slow
def test_filters_and_sizes(grid: ObedientGrid, shell: Shell):
    words = ("-s", "SITE-[AB]", "-d", "SITE-C", "--variant", "https-push", "--size", "100kB", "--size", "1B")
    ended = shell.run("matrix", grid.config, *words, "--format", "json", "-q")
    assert ended.code == ExitCode.OK
    results = ended.document["results"]
    assert pairs(results) == {("SITE-A", "SITE-C"), ("SITE-B", "SITE-C")}
    assert {each["variant"] for each in results} == {"https-push"}
    assert sorted(each["bytes"] for each in results) == [1, 1, 100_000, 100_000]
    doors = {each["subject"]["endpoint"] for each in ended.document["run"]["doors"]}
    assert doors == {"SITE-A", "SITE-B", "SITE-C"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-s", "SITE-a"), 'no such endpoint: "SITE-a"; did you mean "SITE-A"?'),
        (("-d", "SIT-B"), 'no such endpoint: "SIT-B"; did you mean "SITE-B"?'),
        (("--variant", "https-pul"), 'no such variant: "https-pul"; did you mean "https-pull"?'),
        (("--size", "1Mb"), "1Mb"),
        (("--format", "jsn"), "did you mean json?"),
        (("--output", "json:a", "--output", "jsonl:a"), "two outputs go to"),
        (("--testbed", "3"), "leave CONFIG out"),
    ],
)
def test_words_that_mean_nothing(grid: ObedientGrid, shell: Shell, words: tuple[str, ...], message: str):
    before = grid.requests()
    ended = shell.run("matrix", grid.config, *words)
    assert (ended.code, ended.stdout) == (ExitCode.USAGE, "")
    assert message in ended.stderr
    assert grid.requests() == before
    assert not shell.state.exists()


def test_a_plan_touches_nothing(shell: Shell):
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        config = silent_endpoints(shell.folder, first, second)
        ended = shell.run("matrix", config, "--plan")
        knocked, _, _ = select.select([first, second], [], [], 0)
        assert knocked == []
        # The same look sees it when somebody does knock.
        with socket.create_connection(first.getsockname()):
            assert select.select([first, second], [], [], 5)[0] == [first]
    assert (ended.code, ended.stderr) == (ExitCode.OK, "")
    for text in ("ONE", "TWO", "storage.create:", "/data/tpcharness/plan/..."):
        assert text in ended.stdout
    assert not shell.state.exists()


def silent_endpoints(folder: Path, *listeners: socket.socket) -> Path:
    """Two endpoints and an issuer, at ports that only listen."""
    ports = [listener.getsockname()[1] for listener in listeners]
    secret, config = folder / "secret", folder / "endpoints.toml"
    secret.write_text("not much of one")
    secret.chmod(0o600)
    config.write_text(
        f"""\
[harness]
name = "plan"
[defaults]
tokens = "none"
scope_base = "/data"
[tokens.none]
kind = "client-credentials"
issuer = "https://127.0.0.1:{ports[0]}/"
client_id = "me"
client_secret_file = "{secret}"
[endpoints.ONE]
https = "https://127.0.0.1:{ports[0]}/data"
[endpoints.TWO]
https = "https://127.0.0.1:{ports[1]}/data"
"""
    )
    return config
