"""The configuration that holds, setting by setting, for `/config`: nothing in it is a secret, or it is masked."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tpcharness.config.configuration import Config, SettingValue
from tpcharness.config.problems import shown as masked
from tpcharness.config.quantities import format_duration, format_size


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as the file would write it. `set_here` is false for a default of ours."""

    key: str
    value: str
    origin: str
    set_here: bool


def settings_shown(config: Config) -> list[Setting]:
    """Every effective setting in the file's order."""
    return [
        Setting(key, _written(key, value), origin, origin != "default")
        for key, value in config.settings()
        if (origin := config.origins.get(key, "default")) is not None
    ]


def _written(key: str, value: SettingValue) -> str:
    name = key.rpartition(".")[2]
    if name == "sizes" and isinstance(value, tuple):
        return json.dumps([format_size(int(size)) for size in value])
    if isinstance(value, float):
        return json.dumps(format_duration(value))
    if isinstance(value, tuple):
        return "[" + ", ".join(masked((name,), each) for each in value) + "]"
    return masked((name,), value)
