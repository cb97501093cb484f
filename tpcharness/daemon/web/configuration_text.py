"""The configuration that holds, setting by setting, for `/config`: nothing in it is a secret, or it is masked."""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.config.configuration import Config
from tpcharness.config.written import written


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
        Setting(key, written(key, value), origin, origin != "default")
        for key, value in config.settings()
        if (origin := config.origins.get(key, "default")) is not None
    ]
