"""`tpcharness check`: the doors alone, as a table and as JSON."""

from __future__ import annotations

import json

import jsonschema

from tests.support.command import Shell
from tests.support.grid import ROOT
from tests.support.obedient_grid import DIALECTS, ObedientGrid
from tpcharness.cli.exits import ExitCode

SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())


def test_all_of_them_in_a_table(grid: ObedientGrid, shell: Shell):
    before = grid.requests()
    ended = shell.run("check", "-c", grid.config, "-q")
    assert (ended.code, ended.stderr) == (ExitCode.OK, "")
    lines = ended.stdout.splitlines()
    assert lines[0].split()[:3] == ["endpoint", "family", "implementation"]
    assert [line.split()[0] for line in lines[1:5]] == ["SITE-A", "SITE-B", "SITE-C", "SITE-D"]
    assert all(line.rstrip().endswith("✓ ok") for line in lines[1:5])
    assert lines[-1] == "4 of 4 doors ok"
    asked = {method: count - before.get(method, 0) for method, count in grid.requests().items()}
    assert asked.get("COPY", 0) == 0
    assert asked["DELETE"] >= len(DIALECTS)
    assert grid.files() == shell.ledger() == set()


def test_some_of_them_as_json(grid: ObedientGrid, shell: Shell):
    ended = shell.run("check", "SITE-[AB]", "SITE-D", "-c", grid.config, "--format", "json")
    assert ended.code == ExitCode.OK
    jsonschema.validate(ended.document, SCHEMA)
    results = ended.document["results"]
    assert {result["subject"]["endpoint"] for result in results} == {"SITE-A", "SITE-B", "SITE-D"}
    for result in results:
        assert (result["outcome"], result["variant"]) == ("ok", "door")
        assert result["checksum"]["found"] == result["checksum"]["expected"] != ""
        assert result["evidence"]["tls"]
        assert result["implementation"]["destination"]
    assert ended.stderr.splitlines()[-1].startswith("3 of 3")


def test_a_table_beside_a_file(grid: ObedientGrid, shell: Shell):
    ended = shell.run("check", "SITE-A", "-c", grid.config, "-q", "-o", "jsonl:check.jsonl")
    assert ended.stdout.splitlines()[-1] == "1 of 1 doors ok"
    kinds = [json.loads(line)["type"] for line in (shell.folder / "check.jsonl").read_text().splitlines()]
    assert kinds == ["run", "result", "summary"]


def test_what_fails_says_what_was_asked_and_answered(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "refuse")
    grid.faults("SITE-C", "delete_refused")
    ended = shell.run("check", "-c", grid.config, "-q", COLUMNS="200")
    assert ended.code == ExitCode.FAILED
    assert ended.stdout.splitlines()[-1] == "2 of 4 doors ok"
    blocks = {block.splitlines()[0]: block for block in ended.stdout.split("\n\n") if block.startswith("failure: ")}
    refused, kept = blocks.values()
    assert "SITE-B door" in refused
    assert "asked:  OPTIONS https://" in refused
    assert "connection refused" in refused
    assert "SITE-C door" in kept
    assert "asked:  DELETE https://" in kept
    assert [line.split()[1] for line in kept.splitlines() if line.startswith("  token:")] == ["cleanup:"]
    assert len(shell.ledger()) == 1
    assert "1 file of ours is still at the storages" in ended.stderr
