"""`tpcharness probe SRC DST`: one link as a story, in the order in which it happened."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.command import Shell
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode
from tpcharness.model.variant import Phase


def story(stdout: str) -> list[str]:
    """The lines of the link's own story, from its title to the next one."""
    lines = stdout.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("SITE-A -> SITE-B"))
    end = next((number for number, line in enumerate(lines) if line == "cleanup"), len(lines))
    return lines[begin:end]


def place(lines: list[str], pattern: str) -> int:
    """Where the first line is that matches."""
    found = [number for number, line in enumerate(lines) if re.search(pattern, line)]
    assert found, f"no {pattern!r} in what follows:\n" + "\n".join(lines)
    return found[0]


def test_a_story_has_every_step_in_order(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-A", "passive_slow:4000000")  # a quarter of a second: time for markers
    ended = shell.run("probe", "SITE-A", "SITE-B", "-c", grid.config)
    assert (ended.code, ended.stderr) == (ExitCode.OK, "")
    assert ended.stdout.index("SITE-A door") < ended.stdout.index("SITE-A -> SITE-B")
    assert ended.stdout.index("SITE-B door") < ended.stdout.index("SITE-A -> SITE-B")
    lines = story(ended.stdout)
    steps = (
        r"\* prepare",
        r"> PUT .*/seed-",
        r"\* token",
        r"> COPY .*/copy-",
        "> Source: https://",
        "> TransferHeaderAuthorization: <redacted>",
        r"< 20[12] ",
        r"\* transfer",
        "< marker: ",
        "< success",
        r"\* verify",
        "> HEAD .*/copy-",
        r"\* cleanup",
        "> DELETE .*/copy-",
        "> HEAD .*/copy-",
        "< 404",
        "^queued ",
        "^✓ SITE-A → SITE-B https-pull: ok, 1 MiB in .*, adler32 [0-9a-f]{8} by digest$",
    )
    rest = lines
    for step in steps:
        rest = rest[place(rest, step) + 1 :]
    times = [float(line[:8]) for line in lines if re.match(r" *\d+\.\d{3} ", line)]
    assert times == sorted(times)
    summary = " ".join(lines[place(lines, "^queued ") :])
    assert [phase for phase in Phase if f"{phase} " not in summary] == []
    assert grid.files() == shell.ledger() == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("show", "heads", "markers"), [("heads", True, False), ("markers", False, True), ("all", True, True)]
)
def test_what_is_told_can_be_chosen(grid: ObedientGrid, shell: Shell, show: str, heads: bool, markers: bool):
    grid.faults("SITE-A", "passive_slow:4000000")
    ended = shell.run("probe", "SITE-A", "SITE-B", "-c", grid.config, "--show", show)
    assert ("> Credential: none" in ended.stdout) is heads
    assert ("< marker: " in ended.stdout) is markers
    assert "> COPY " in ended.stdout


def test_a_failing_link_says_who_was_asked_what_and_who_has_to_act(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-A", "missing_file")
    ended = shell.run("probe", "SITE-A", "SITE-B", "-c", grid.config, "-o", "json:run.json", COLUMNS="300")
    assert ended.code == ExitCode.FAILED
    lines = story(ended.stdout)
    verdict = lines[place(lines, "^failure: SITE-A → SITE-B https-pull: ") :]
    assert "passive_not_found; phase transfer, blame source SITE-A" in verdict[0]
    asked, *tokens, answer, hint = verdict[1:6]
    assert re.match(r"  asked: +COPY https://\S+/copy-\S+$", asked)
    assert [re.match(r"  token: +(\w+): storage\.", token)[1] for token in tokens] == ["read", "write"]
    assert re.match(r"  answer: 20[12] .*404", answer)
    assert hint.endswith("See: tpcharness explain passive_not_found")
    results = json.loads((shell.folder / "run.json").read_text())["results"]
    assert [result["outcome"] for result in results] == ["failure"]


def test_a_link_whose_end_is_down_is_told_without_a_copy(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "refuse")
    ended = shell.run("probe", "SITE-A", "SITE-B", "-c", grid.config)
    assert ended.code == ExitCode.FAILED
    assert "failure: SITE-B door: " in ended.stdout
    assert "connection_refused" in ended.stdout
    assert "skipped: SITE-A → SITE-B https-pull: " in ended.stdout
    assert "> COPY" not in ended.stdout


@pytest.mark.slow
def test_two_variants_and_sizes_are_told_one_after_the_other(grid: ObedientGrid, shell: Shell):
    words = ("--variant", "https-pull", "--variant", "https-push", "--size", "1B", "--size", "10kB")
    ended = shell.run("probe", "SITE-C", "SITE-D", "-c", grid.config, *words)
    assert ended.code == ExitCode.OK
    titles = re.findall(r"^SITE-C -> SITE-D (\S+)  \(probe", ended.stdout, re.MULTILINE)
    verdicts = re.findall(r"^✓ SITE-C → SITE-D (\S+): ok, (\S+ \S+)", ended.stdout, re.MULTILINE)
    assert sorted(titles) == ["https-pull"] * 2 + ["https-push"] * 2
    assert [variant for variant, _ in verdicts] == titles
    assert sorted({size.rstrip(" in") for _, size in verdicts}) == ["1 B", "9.77 KiB"]
