"""The wiring: whatever can be selected can be probed."""

from __future__ import annotations

from pathlib import Path

from tpcharness.assembly import SystemClock, open_state, wire
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.model.variant import Variant


async def test_there_is_a_probe_for_every_variant(tmp_path: Path) -> None:
    file = tmp_path / "endpoints.toml"
    file.write_text('[harness]\nstate_dir = "state"\n[endpoints.A]\nhttps = "https://localhost:1/vo"\n')
    config = load_config(file, environ={"HOME": str(tmp_path)})
    assert isinstance(config, Config), config
    async with open_state(config.harness) as ledger, wire(config, ledger, SystemClock(), run_id="run") as wiring:
        assert set(wiring.probes) == set(Variant)
        assert all(probe.variant is variant for variant, probe in wiring.probes.items())
