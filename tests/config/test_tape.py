"""`[endpoints.NAME.tape]`: what it becomes, and what is said of files that cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors

HEAD = """\
[endpoints.A]
https = "https://a.example/pnfs/vo"
scope_base = "/pnfs/vo"
"""


def loaded(directory: Path, text: str) -> Config | ConfigErrors:
    path = directory / "endpoints.toml"
    path.write_text(text)
    return load_config(path, environ={"HOME": str(directory)})


def test_files_of_an_endpoint(tmp_path: Path) -> None:
    config = loaded(tmp_path, f'{HEAD}[endpoints.A.tape]\nfiles = ["/pnfs/vo/probe/1 GiB"]\n[timeouts]\nstage = "3h"\n')
    assert not isinstance(config, ConfigErrors), config
    assert config.endpoints["A"].tape_files == ("/pnfs/vo/probe/1 GiB",)
    assert config.timeouts.stage_seconds == 3 * 3600
    assert dict(config.settings())["endpoints.A.tape.files"] == ("/pnfs/vo/probe/1 GiB",)
    assert config.origins["endpoints.A.tape.files"].endswith("endpoints.toml:5")


def test_a_file_that_no_token_could_name(tmp_path: Path) -> None:
    errors = loaded(tmp_path, f'{HEAD}[endpoints.A.tape]\nfiles = ["/vo/probe/a"]\n')
    assert isinstance(errors, ConfigErrors)
    (problem,) = [each for each in errors.problems if "scope_base" in each.one_line]
    assert "endpoints.toml:5" in problem.one_line
    assert '"/vo/probe/a"' in problem.one_line
    assert "write the whole path" in problem.one_line


@pytest.mark.parametrize("count", [20, 21])
def test_a_few_files_and_no_more(tmp_path: Path, count: int) -> None:
    files = [f"/pnfs/vo/{number}" for number in range(count)]
    config = loaded(tmp_path, f"{HEAD}[endpoints.A.tape]\nfiles = {files}\n")
    assert isinstance(config, ConfigErrors) == (count > 20)
