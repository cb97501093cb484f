"""What endpoints.toml came to: the one value that the rest of the product is configured by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path

from tpcharness.config.lines import KeyPath
from tpcharness.config.problems import Problem, dotted
from tpcharness.config.schema import TOKEN_SECTIONS
from tpcharness.config.service_schema import (
    DAEMON_FIELDS,
)
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.settings import (
    DaemonSettings,
    DowntimeSettings,
    DowntimeSource,
    HarnessSettings,
    HistorySettings,
    ProbeSelection,
    RunLimits,
    TimeLimits,
    TokenSettings,
)

SettingValue = str | int | float | datetime | tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without errors.

    Paths are absolute. `intervals` are seconds, one for each of `probes`, for a service that runs rounds. `origins`
    tells for every dotted key where its value came from: "endpoints.toml:12", "[defaults], endpoints.toml:5",
    "environment TPCHARNESS_STATE_DIR" or "default".
    """

    path: Path
    harness: HarnessSettings
    endpoints: Mapping[str, Endpoint]
    tokens: Mapping[str, TokenSettings]
    probes: tuple[ProbeSelection, ...]
    limits: RunLimits
    timeouts: TimeLimits
    intervals: tuple[float, ...]
    origins: Mapping[str, str]
    daemon: DaemonSettings = field(default_factory=DaemonSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    downtimes: tuple[DowntimeSettings, ...] = ()
    downtime_sources: Mapping[str, DowntimeSource] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()

    def settings(self) -> Iterator[tuple[str, SettingValue]]:
        """Every effective value under its dotted key, in the file's order and by the file's names."""
        for path, value in self._settings():
            yield dotted(path), value

    def _settings(self) -> Iterator[tuple[KeyPath, SettingValue]]:
        for part in fields(self.harness):
            yield ("harness", part.name), getattr(self.harness, part.name)
        for name, tokens in self.tokens.items():
            for key in TOKEN_SECTIONS[tokens.kind].model_fields:
                yield ("tokens", name, key), getattr(tokens, key)
        for name, endpoint in self.endpoints.items():
            for part in fields(endpoint):
                below = ("tape", "files") if part.name == "tape_files" else (part.name,)
                if part.name != "name":
                    yield ("endpoints", name, *below), getattr(endpoint, part.name)
        for index, (probe, interval) in enumerate(zip(self.probes, self.intervals, strict=True)):
            yield ("probes", index, "variant"), probe.variants
            yield ("probes", index, "sources"), probe.sources
            yield ("probes", index, "destinations"), probe.destinations
            yield ("probes", index, "sizes"), probe.sizes
            yield ("probes", index, "interval"), interval
        for part in fields(self.limits):
            yield ("limits", part.name), getattr(self.limits, part.name)
        for part in fields(self.timeouts):
            yield ("timeouts", part.name.removesuffix("_seconds")), getattr(self.timeouts, part.name)
        for key, name in DAEMON_FIELDS.items():
            yield ("daemon", key), getattr(self.daemon, name)
        for part in fields(self.history):
            yield ("history", part.name.removesuffix("_seconds")), getattr(self.history, part.name)
        for index, downtime in enumerate(self.downtimes):
            for part in fields(downtime):
                yield ("downtimes", index, part.name), getattr(downtime, part.name)
        for name, document in self.downtime_sources.items():
            for part in fields(document):
                if part.name != "name":
                    key = part.name.removesuffix("_seconds")
                    yield ("downtime_sources", name, key), getattr(document, part.name)
