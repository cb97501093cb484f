"""The deb and the rpm: built once, the deb installed on a bare Debian, the rpm compared with it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.packaging.containers import BASE, Images, finished
from tpcharness import __version__

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(900)]


def test_the_deb_is_installed_runs_and_goes(images: Images, image: str, packages: dict[str, Path]) -> None:
    """On a Debian with systemd and nothing else; the image is asked for because its base is made with it."""
    deb = packages["deb"]
    with images.container(BASE) as machine:
        (machine.root / "tmp" / deb.name).write_bytes(deb.read_bytes())
        machine.run("apt-get", "update", "--quiet", "--quiet")
        quiet = ("--quiet", "--quiet", "--yes", "--no-install-recommends")
        machine.run(
            "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", *quiet, "systemd", f"/tmp/{deb.name}"
        )
        assert machine.run("tpcharness", "--version").strip() == f"tpcharness {__version__}"
        demo = machine.run("env", "HOME=/tmp", "tpcharness", "testbed", "demo", user="nobody")
        assert "SITE-C" in demo
        assert _verified(machine.root) == ""
        completed = machine.run("bash", "-c", _COMPLETION)
        assert "matrix" in completed.split()
        (machine.root / "etc/tpcharness/endpoints.toml").write_text("# somebody's work")
        machine.run("apt-get", "remove", "--quiet", "--quiet", "--yes", "tpcharness")
        assert not (machine.root / "usr/bin/tpcharness").exists()
        assert not (machine.root / "opt/tpcharness").exists()
        assert (machine.root / "etc/tpcharness/endpoints.toml").exists()


# What a shell does when somebody types `tpcharness mat` and the tabulator.
_COMPLETION = """
source /usr/share/bash-completion/completions/tpcharness
COMP_WORDS=(tpcharness mat) COMP_CWORD=1
_tpcharness_completion tpcharness
echo "${COMPREPLY[@]}"
"""


def _verified(root: Path) -> str:
    """What systemd says of the unit as it lies on that machine; nothing when all is well."""
    command = ["systemd-analyze", "verify", f"--root={root}", "--man=no", "tpcharness.service"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "tpcharness.service" not in ended.stderr, ended.stderr
    return ended.stdout


def test_the_rpm_has_what_the_deb_has(packages: dict[str, Path]) -> None:
    listed = finished("dpkg-deb", "--contents", packages["deb"]).splitlines()
    deb = {line.split()[5].removeprefix(".").rstrip("/") for line in listed}
    rpm = set(finished("rpm", "--query", "--package", "--list", packages["rpm"]).split("\n")) - {""}
    # Directories that belong to the system are listed by debs alone.
    assert rpm - deb == set()
    assert not [name for name in deb - rpm if "tpcharness" in name]
    folder = "/usr/share/tpcharness/"
    shared = {name.removeprefix(folder) for name in rpm if name.startswith(folder)}
    assert {"grafana/prometheus.yml", "grafana/dashboards/overview.json", "grafana/rules/storages.yml"} <= shared
    assert {Path(name).suffix for name in shared} == {"", ".yml", ".json"}
    needed = finished("rpm", "--query", "--package", "--requires", packages["rpm"])
    assert re.search(r"^python3\.\d+$", needed, re.MULTILINE)


def test_nothing_tells_where_the_packages_were_built(packages: dict[str, Path], tmp_path: Path) -> None:
    finished("dpkg-deb", "--extract", packages["deb"], tmp_path)
    places = (str(Path(__file__).parents[2]).encode(), b"/tmp/tmp.")
    ours = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(ours) > 100
    assert [path for path in ours if any(place in path.read_bytes() for place in places)] == []
    assert not list(tmp_path.rglob("direct_url.json"))
    secrets = tmp_path / "etc/tpcharness/secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
