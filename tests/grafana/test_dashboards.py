"""The dashboards are what the code says, and hang together: places, names, variables, ways, metrics."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.codes import MARKS
from grafana.frame import Shelf, board
from grafana.shapes import note
from tests.grafana.boards import FOLDER, ROOT, RULES, Asked, Board, all_boards, asked, urls, variables
from tpcharness.export.metrics.catalogue import BY_NAME, Kind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame

BOARDS = all_boards()
EXAMPLE = {"__range": "1d", "__rate_interval": "2m", "window": "6h"}

_SUFFIXES = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count"), Kind.SUMMARY: ("_sum", "_count")}
_SERIES = {name + suffix for name, metric in BY_NAME.items() for suffix in _SUFFIXES.get(metric.kind, ("",))}
_FOREIGN = {"up", "ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total"}

# No panel needs these: a panel that shows what they say does so from another metric.
_NOT_SHOWN: set[str] = set()

_ROUTES = ("/", "/links/{source}/{destination}")


@pytest.fixture(params=BOARDS, ids=str)
def one(request: pytest.FixtureRequest) -> Board:
    return BOARDS[request.param]


def expressions() -> dict[str, str]:
    """Every query of dashboards and rules, by where it stands."""
    found = {f"{query.name} ({query.expr[:40]})": query.with_values(_Any()) for query in asked()}
    for file in RULES:
        for group in yaml.safe_load(file.read_text())["groups"]:
            found |= {rule.get("alert") or rule["record"]: rule["expr"] for rule in group["rules"]}
    return found


class _Any(dict[str, str]):
    """A value for every variable."""

    def __missing__(self, name: str) -> str:
        return EXAMPLE.get(name, ".+")


def test_committed_files_are_what_the_code_says() -> None:
    subprocess.run([sys.executable, "-m", "grafana", "--check"], check=True, cwd=ROOT)


def test_a_change_by_hand_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from grafana import __main__ as generator

    monkeypatch.setattr(generator, "FOLDER", tmp_path)
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    (tmp_path / "overview.json").write_text("{}")
    assert generator.main(["--check"]) == 1
    assert generator.main([]) == 0
    (tmp_path / "mine.json").write_text("{}")
    assert generator.main(["--check"]) == 1


def test_there_are_five() -> None:
    assert sorted(BOARDS) == [f"tpcharness-{file.stem}" for file in sorted(FOLDER.glob("*.json"))]
    assert len(BOARDS) == 5


def test_the_sdk_reads_back_what_it_wrote(one: Board) -> None:
    assert json.loads(json.dumps(Dashboard.from_json(one), cls=JSONEncoder)) == one


def test_head(one: Board) -> None:
    assert one["title"].startswith("tpcharness: ")
    assert one["description"]
    assert one["tags"] == ["tpcharness"]
    assert one["schemaVersion"] == 41
    assert one.get("id") is None
    assert one["editable"] is False
    assert "__inputs" not in one


def test_panels_stand_side_by_side(one: Board) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in one["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"], (x, y)
    bottom = max(y for _, y in taken) + 1
    assert len(taken) == 24 * bottom, "there is a hole"


def test_a_shelf_that_is_not_full_is_refused() -> None:
    with pytest.raises(ValueError, match="23 wide"):
        board("x", "x", "x", [], [Shelf(2, [(23, note("", "x"))])])


def test_panels_say_what_they_show(one: Board) -> None:
    numbers = [panel["id"] for panel in one["panels"]]
    assert len(set(numbers)) == len(numbers)
    titles = [panel["title"] for panel in one["panels"] if panel["type"] not in {"row", "text"}]
    assert len(set(titles)) == len(titles)
    assert all(titles)
    for panel in one["panels"]:
        if panel["type"] in {"row", "text"}:
            continue
        assert panel["description"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "table", panel["title"]
        names = [target["refId"] for target in panel["targets"]]
        assert names == sorted(set(names)), panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert bool(target.get("instant")) != bool(target.get("range"))


def test_several_series_are_told_apart(one: Board) -> None:
    """A query whose series carry labels names them in its legend."""
    for panel in one["panels"]:
        for target in panel.get("targets", ()):
            if target.get("format") != "table":
                assert "{{" in target["legendFormat"], panel["title"]


def test_variables(one: Board) -> None:
    known = variables(one)
    assert list(known)[:3] == ["datasource", "instance", "daemon_url"]
    assert known["daemon_url"]["type"] == "textbox"
    text = json.dumps(one)
    builtin = {"__all", "__range", "__rate_interval", "__url_time_range", "__data", "__field", "__value"}
    used = {name for pair in re.findall(r"\$(?:(\w+)|\{(\w+))", text) for name in pair if name}
    assert used - builtin <= set(known)
    assert set(known) <= used, "a variable that nothing uses"
    for variable in known.values():
        if variable["type"] == "query":
            assert variable["datasource"]["uid"] == "${datasource}"
            assert re.fullmatch(r"label_values\(\w+(\{.*\})?, \w+\)", variable["query"]["query"])


def test_ways_lead_somewhere(one: Board) -> None:
    for url in urls(one):
        if url.startswith("${daemon_url}"):
            path = url.removeprefix("${daemon_url}")
            assert any(_fits(path, route) for route in _ROUTES), url
            continue
        place = urlsplit(url)
        uid = place.path.removeprefix("/d/")
        assert uid in BOARDS, url
        query = place.query.replace("${instance:queryparam}", "").replace("${__url_time_range}", "")
        chosen = [name for name, _ in parse_qsl(query) if name.startswith("var-")]
        assert chosen
        assert {name.removeprefix("var-") for name in chosen} <= set(variables(BOARDS[uid])), url


def test_notes_lead_somewhere(one: Board) -> None:
    for panel in one["panels"]:
        if panel["type"] == "text":
            for url in re.findall(r"\]\(([^)]+)\)", panel["options"]["content"]):
                assert any(_fits(url.removeprefix("${daemon_url}"), route) for route in _ROUTES), url


def _fits(path: str, route: str) -> bool:
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(route)), path) is not None


@pytest.mark.parametrize("where", expressions())
def test_queries_are_promql_about_metrics_that_exist(where: str) -> None:
    expr = expressions()[where]
    promql_parser.parse(expr)
    recorded = {name for name in expressions() if ":" in name}
    assert names_in(expr) <= _SERIES | _FOREIGN | recorded


def test_every_metric_is_shown_or_watched() -> None:
    """What nobody looks at is either missing on a dashboard, or not worth exporting."""
    used = set().union(*map(names_in, expressions().values()))
    unused = {
        name for name, metric in BY_NAME.items() if not used & {name + s for s in _SUFFIXES.get(metric.kind, ("",))}
    }
    assert unused == _NOT_SHOWN


@pytest.mark.parametrize("query", asked(), ids=lambda query: query.name)
def test_every_panel_keeps_to_the_chosen_harness(query: Asked) -> None:
    """All selectors of ours say which harness; the alerts and the table of codes are common to all."""
    selectors = re.findall(r"\b(tpcharness_\w+|up|process_\w+)\b(\{[^}]*\})?", query.expr)
    for name, selector in selectors:
        if name != "tpcharness_result_code_info":
            assert 'instance=~"$instance"' in selector, name


def names_in(expr: str) -> set[str]:
    """The metrics of an expression."""
    words = r"\b((?:tpcharness|process)_\w+|up|ALERTS|[a-z_]+:tpcharness_\w+:\w+)\b"
    bare = re.sub(r'"[^"]*"', '""', expr)
    recorded = set(re.findall(r"[a-z_]+:tpcharness_\w+:\w+", bare))
    return recorded | set(re.findall(words, re.sub(r"[a-z_]+:tpcharness_\w+:\w+", "", bare)))


def test_every_code_has_its_words() -> None:
    cells = next(panel for panel in BOARDS["tpcharness-overview"]["panels"] if "From row" in panel["title"])
    shown = cells["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert shown["0"]["text"] == "ok"
    assert shown[str(Reason.NO_SPACE.code(Blame.DESTINATION))]["text"] == "D no_space"
    texts = [result["text"] for result in shown.values()]
    assert len(set(texts)) == len(texts)
    assert set(MARKS) == set(Blame) - {Blame.NOBODY}


def test_grafana_finds_its_files() -> None:
    provisioning = ROOT / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "tpcharness.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    assert source["uid"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "tpcharness.yml").read_text())["providers"]
    assert provider["type"] == "file"
    assert Path(provider["options"]["path"]).is_absolute()
