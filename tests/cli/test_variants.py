"""What is asked of endpoints alone, by each command that can: beside links, and by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.command import TOKEN, Shell
from tests.support.grid import GridProcess, grid_process
from tpcharness.cli.exits import ExitCode

INFO = ("--variant", "tape-info")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GridProcess]:
    """Two storages with root doors and tape services; SITE-A speaks like dCache, SITE-B like EOS."""
    words = ("--dialect", "dcache", "--dialect", "eos")
    with grid_process(tmp_path_factory.mktemp("grid"), "--sites", "2", "--root", "--tape", *words) as process:
        yield process


def found(document: dict[str, object]) -> set[tuple[str, str, str]]:
    results = document["results"]
    assert isinstance(results, list)
    return {(" ".join(each["subject"].values()), each["variant"], each["outcome"]) for each in results}


def test_a_matrix_of_endpoints_alone(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("matrix", grid.config, *INFO, "--format", "jsonl", "--quiet")
    assert ended.code == ExitCode.OK
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (lines[0]["planned_doors"], lines[0]["planned_alone"], lines[0]["planned_links"]) == (0, 2, 0)
    assert {(each["subject"]["endpoint"], each["variant"]) for each in lines[1:-1]} == {
        ("SITE-A", "tape-info"),
        ("SITE-B", "tape-info"),
    }
    assert {each["type"] for each in lines[1:-1]} == {"result"}
    assert (lines[-1]["alone"]["ok"], lines[-1]["doors"]["ok"]) == (2, 0)
    assert not TOKEN.search(ended.stdout)


def test_a_matrix_of_links_and_endpoints_alone(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("matrix", grid.config, *INFO, "--variant", "https-pull", "--format", "json", "--quiet")
    assert ended.code == ExitCode.OK
    assert found(ended.document) == {
        ("link SITE-A SITE-B", "https-pull", "ok"),
        ("link SITE-B SITE-A", "https-pull", "ok"),
        ("endpoint SITE-A", "tape-info", "ok"),
        ("endpoint SITE-B", "tape-info", "ok"),
    }
    assert {each["variant"] for each in ended.document["run"]["doors"]} == {"door"}


def test_a_plan_shows_them(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("matrix", grid.config, *INFO, "--variant", "srm-door", "--plan")
    assert ended.code == ExitCode.OK
    assert "0 doors, 2 endpoint probes and 0 link probes on 2 endpoints, 0 B to copy" in ended.stdout
    assert "SITE-A: storage.poll:/tape-probe/file" in ended.stdout
    for word in ("storage.create", "storage.modify", "storage.stage", "written"):
        assert word not in ended.stdout
    assert "2 not configured: srm of SITE-A, SITE-B (SITE-A srm-door, SITE-B srm-door)" in ended.stdout


def test_a_plan_shows_what_tapes_need(grid: GridProcess, shell: Shell) -> None:
    """A recall stages at its source, an archive writes below another directory of its destination."""
    named = ("--variant", "tape-recall", "--variant", "tape-archive", "--source", "SITE-A")
    ended = shell.run("matrix", grid.config, *named, "--plan")
    assert ended.code == ExitCode.OK
    assert "SITE-A: storage.stage:/tape-probe/file" in ended.stdout
    assert "SITE-B: storage.stage" not in ended.stdout
    assert "SITE-B: storage.create:/tape-archive/tpcharness/" in ended.stdout
    assert "SITE-A: storage.create:/tape-archive" not in ended.stdout
    places = [line for line in ended.stdout.splitlines() if "https://" in line]
    assert ["/tape-archive/tpcharness/" in line for line in places] == [False, False, True]


def test_all_means_no_line_about_what_nobody_has(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("matrix", grid.config, "--variant", "all", "--plan")
    assert ended.code == ExitCode.OK
    for variant in ("https-pull", "https-push", "root-pull", "gfal-davs-davs", "gfal-root-root"):
        assert f"\n{variant} " in ended.stdout
    for word in ("gsiftp", "srm", "tape", "left out", "not configured"):
        assert word not in ended.stdout


def test_nothing_is_left(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("matrix", grid.config, "--variant", "srm-door")
    assert (ended.code, ended.stdout) == (ExitCode.NOTHING_TO_DO, "")
    ended = shell.run("check", "-c", grid.config, "--variant", "srm-door")
    assert (ended.code, ended.stdout) == (ExitCode.NOTHING_TO_DO, "")
    assert "nothing to do: not configured: srm of SITE-A, SITE-B\n" in ended.stderr
    ended = shell.run("probe", "SITE-A", "-c", grid.config, "--variant", "srm-door")
    assert (ended.code, ended.stdout) == (ExitCode.NOTHING_TO_DO, "")
    assert "nothing to do: not configured: srm of SITE-A\n" in ended.stderr


def test_a_check_of_one_endpoint_in_another_way(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("check", "SITE-A", "-c", grid.config, *INFO, "-o", "json:out.json")
    assert ended.code == ExitCode.OK
    assert "SITE-A tape-info" in ended.stdout
    assert found(json.loads((shell.folder / "out.json").read_text())) == {("endpoint SITE-A", "tape-info", "ok")}
    ended = shell.run("check", "SITE-A", "-c", grid.config, "--variant", "https-pull")
    assert ended.code == ExitCode.USAGE
    assert '"https-pull" is about a link: tpcharness probe SRC DST --variant https-pull' in ended.stderr


def test_a_plugin_asks_one_endpoint_in_another_way(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("plugin", "SITE-A", *INFO, "-c", grid.config)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("TPCHARNESS OK - SITE-A tape-info: ")
    ended = shell.run("plugin", "SITE-A", "SITE-B", *INFO, "-c", grid.config)
    assert ended.code == 3
    assert "tape-info is about one endpoint" in ended.stdout
    ended = shell.run("plugin", "SITE-A", "--variant", "srm-door", "-c", grid.config)
    assert ended.code == 3
    assert "not_configured srm of SITE-A" in ended.stdout


def test_the_story_of_one_endpoint(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("probe", "SITE-A", "-c", grid.config, "-o", "json:doors.json")
    assert ended.code == ExitCode.OK
    doors = json.loads((shell.folder / "doors.json").read_text())
    assert found(doors) == {("endpoint SITE-A", "door", "ok"), ("endpoint SITE-A", "root-door", "ok")}
    ended = shell.run("probe", "SITE-A", *INFO, "-c", grid.config)
    assert ended.code == ExitCode.OK
    assert "tape-info" in ended.stdout


def test_the_story_of_a_link_and_its_ends(grid: GridProcess, shell: Shell) -> None:
    words = (*INFO, "--variant", "https-pull", "-o", "json:out.json")
    assert shell.run("probe", "SITE-A", "SITE-B", *words, "-c", grid.config).code == ExitCode.OK
    assert found(json.loads((shell.folder / "out.json").read_text())) == {
        ("link SITE-A SITE-B", "https-pull", "ok"),
        ("endpoint SITE-A", "tape-info", "ok"),
        ("endpoint SITE-B", "tape-info", "ok"),
    }


def test_a_testbed_has_what_its_variants_need(shell: Shell) -> None:
    ways = ("root-download", "cache-read", "tape-info")
    words = [word for way in ways for word in ("--variant", way)]
    ended = shell.run("matrix", "--testbed", "2", *words, "--format", "json", "--quiet")
    assert ended.code == ExitCode.OK
    assert found(ended.document) == {(f"endpoint {site}", way, "ok") for site in ("SITE-A", "SITE-B") for way in ways}
    for each in ended.document["results"]:
        assert each["warnings"] == []  # nor is it left open which of two reads came from the cache
