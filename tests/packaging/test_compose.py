"""compose.yaml fits what it puts together: the image, the rules, the dashboards. No engine runs it here."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from tests.packaging.containers import ROOT
from tpcharness.model.settings import DaemonSettings

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PORT = int(DaemonSettings().listen.rpartition(":")[2])


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert set(document) == {"name", "services", "volumes"}
    used = {mount.partition(":")[0] for each in document["services"].values() for mount in each["volumes"]}
    assert set(document["volumes"]) == {name for name in used if re.fullmatch(r"\w+", name)}
    services = document["services"]
    assert isinstance(services, dict)
    return services


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Where things appear in the container, and what they are outside."""
    return {place: source for source, place in (m.removesuffix(":ro").rsplit(":", 1) for m in service["volumes"])}


def test_what_is_mounted_is_there(services: dict[str, dict[str, Any]]) -> None:
    sources = [source for each in services.values() for source in mounts(each).values() if source.startswith("./")]
    assert len(sources) == 4
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_world_sees_none_of_its_ports(services: dict[str, dict[str, Any]]) -> None:
    """Docker publishes past the machine's firewall, so nothing is published, and each listens on loopback alone."""
    assert not any("ports" in each for each in services.values())
    assert services["tpcharness"]["command"][-2:] == ["--listen", f"127.0.0.1:{PORT}"]
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_a_restart_of_one_cuts_off_no_other(services: dict[str, dict[str, Any]]) -> None:
    """In the network of another container each would be alone as soon as that one is started anew."""
    assert {each["network_mode"] for each in services.values()} == {"host"}
    scraped = yaml.safe_load((ROOT / "grafana/prometheus.yml").read_text())["scrape_configs"]
    assert {target for job in scraped for each in job["static_configs"] for target in each["targets"]} == {
        f"127.0.0.1:{PORT}"
    }


def test_the_service_finds_its_folders(services: dict[str, dict[str, Any]]) -> None:
    words = json.loads(re.findall(r"^CMD (\[.*\])", DOCKERFILE, re.MULTILINE)[-1])
    places = mounts(services["tpcharness"])
    assert str(PurePosixPath(words[1]).parent) in places
    assert json.loads(re.findall(r"^VOLUME (\[.*\])", DOCKERFILE, re.MULTILINE)[0])[0] in places
    assert words[2:] == ["--listen", f"0.0.0.0:{PORT}"]
    assert services["tpcharness"]["command"][:2] == words[:2]


def test_it_has_time_to_clean_up(services: dict[str, dict[str, Any]]) -> None:
    grace = services["tpcharness"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > DaemonSettings().stop_seconds


def test_grafana_finds_its_dashboards_and_prometheus(services: dict[str, dict[str, Any]]) -> None:
    places = mounts(services["grafana"])
    provisioning = ROOT / places["/etc/grafana/provisioning"]
    (dashboards,) = provisioning.glob("dashboards/*.yml")
    for provider in yaml.safe_load(dashboards.read_text())["providers"]:
        assert provider["options"]["path"] in places
    (sources,) = provisioning.glob("datasources/*.yml")
    wanted = set(re.findall(r"\$\{?(\w+)", sources.read_text()))
    assert wanted == {name for name in services["grafana"]["environment"] if not name.startswith("GF_")}


def test_prometheus_finds_the_rules(services: dict[str, dict[str, Any]]) -> None:
    places = mounts(services["prometheus"])
    (pattern,) = yaml.safe_load((ROOT / "grafana/prometheus.yml").read_text())["rule_files"]
    assert f"/etc/prometheus/{PurePosixPath(pattern).parent}" in places


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    others = [each["image"] for name, each in services.items() if name != "tpcharness"]
    assert all(re.search(r":v?\d+\.\d+\.\d+$", image) for image in others)


def test_the_unit_and_the_image_agree_on_where_things_lie() -> None:
    unit = (ROOT / "packaging/tpcharness.service").read_text()
    (command,) = re.findall(r"^ExecStart=/usr/bin/tpcharness (.*)", unit, re.MULTILINE)
    words = json.loads(re.findall(r"^CMD (\[.*\])", DOCKERFILE, re.MULTILINE)[-1])
    assert [pair for pair in pairwise(words) if pair == tuple(command.split())]
