"""From what the file says to what holds: endpoint over [defaults] over our own defaults, and who won each time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tpcharness.config.configuration import Config
from tpcharness.config.lines import KeyPath
from tpcharness.config.places import STATE_DIR_VARIABLE, home, state_home
from tpcharness.config.problems import dotted
from tpcharness.config.schema import (
    DefaultsSection,
    EndpointSection,
    EndpointSettings,
    EndpointsFile,
    HarnessSection,
    ProbeSection,
)
from tpcharness.config.section import Section
from tpcharness.config.service_schema import (
    DAEMON_FIELDS,
    DaemonSection,
    DowntimeSection,
    DowntimeSourceSection,
    HistorySection,
)
from tpcharness.config.source import Source
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
    TokenKind,
    TokenSettings,
)

_PATHS = frozenset(
    {"ca_path", "state_dir", "path", "client_secret_file", "web_config", "password_file", "file", "gfal_python"}
)


def settle(file: EndpointsFile, source: Source, environ: Mapping[str, str]) -> Config:
    """The effective configuration. Pure but for the current directory, to which the environment's paths relate."""
    return _Settler(file, source, environ).config()


class _Settler:
    def __init__(self, file: EndpointsFile, source: Source, environ: Mapping[str, str]) -> None:
        self._file = file
        self._source = source
        self._environ = environ
        self._folder = source.path.absolute().parent
        self._origins: dict[str, str] = {}

    def config(self) -> Config:
        file = self._file
        harness = self._harness(file.harness)
        tokens = {name: self._tokens(name, section) for name, section in file.tokens.items()}
        endpoints = {name: self._endpoint(name, section) for name, section in file.endpoints.items()}
        sections = file.probes or [ProbeSection()]
        probes = [self._probe(index, section) for index, section in enumerate(sections)]
        limits = RunLimits(**self._section(("limits",), file.limits))
        times = self._section(("timeouts",), file.timeouts)
        return Config(
            path=self._source.path,
            harness=harness,
            endpoints=MappingProxyType(endpoints),
            tokens=MappingProxyType(tokens),
            probes=tuple(selection for selection, _ in probes),
            limits=limits,
            timeouts=TimeLimits(**{f"{name}_seconds": value for name, value in times.items()}),
            intervals=tuple(interval for _, interval in probes),
            daemon=self._daemon(file.daemon),
            history=self._history(file.history),
            downtimes=tuple(self._downtime(index, section) for index, section in enumerate(file.downtimes)),
            downtime_sources=MappingProxyType(
                {name: self._downtime_source(name, section) for name, section in file.downtime_sources.items()}
            ),
            origins=MappingProxyType(self._origins),
        )

    def _harness(self, section: HarnessSection) -> HarnessSettings:
        values = self._section(("harness",), section)
        if override := self._environ.get(STATE_DIR_VARIABLE):
            values["state_dir"] = str(Path(override).absolute())
            self._origins["harness.state_dir"] = f"environment {STATE_DIR_VARIABLE}"
        elif not values["state_dir"]:
            values["state_dir"] = str(state_home(self._environ) / "tpcharness" / section.name)
        return HarnessSettings(**values)

    def _tokens(self, name: str, section: Section) -> TokenSettings:
        values = self._section(("tokens", name), section)
        return TokenSettings(name=name, **values | {"kind": TokenKind(values["kind"])})

    def _endpoint(self, name: str, section: EndpointSection) -> Endpoint:
        values = self._section(("endpoints", name), section, EndpointSettings)
        del values["tape"], self._origins[dotted(("endpoints", name, "tape"))]
        tape = self._section(("endpoints", name, "tape"), section.tape)
        return Endpoint(name=name, **values, tape_files=tape["files"])

    def _probe(self, index: int, section: ProbeSection) -> tuple[ProbeSelection, float]:
        values = self._section(("probes", index), section, DefaultsSection)
        selection = ProbeSelection(values["variant"], values["sources"], values["destinations"], values["sizes"])
        return selection, values["interval"]

    def _daemon(self, section: DaemonSection) -> DaemonSettings:
        values = self._section(("daemon",), section)
        return DaemonSettings(**{DAEMON_FIELDS[key]: value for key, value in values.items()})

    def _history(self, section: HistorySection) -> HistorySettings:
        values = self._section(("history",), section)
        return HistorySettings(
            **{f"{key}_seconds" if key.startswith("keep_") else key: value for key, value in values.items()}
        )

    def _downtime(self, index: int, section: DowntimeSection) -> DowntimeSettings:
        return DowntimeSettings(**self._section(("downtimes", index), section))

    def _downtime_source(self, name: str, section: DowntimeSourceSection) -> DowntimeSource:
        values = self._section(("downtime_sources", name), section)
        return DowntimeSource(name, values["kind"], values["url"], values["file"], values["refresh"])

    def _section(self, at: KeyPath, section: Section, inherits: type[Section] | None = None) -> dict[str, Any]:
        """A section's effective values; `inherits` names the settings for which [defaults] speaks as well."""
        defaults = self._file.defaults
        shared = inherits.model_fields.keys() if inherits else frozenset()
        values = {}
        for key in type(section).model_fields:
            path = (*at, key)
            value, origin = getattr(section, key), "default"
            if key in section.model_fields_set:
                origin = self._source.place(path)
            elif key in shared and key in defaults.model_fields_set:
                value, origin = getattr(defaults, key), f"[defaults], {self._source.place(('defaults', key))}"
            self._origins[dotted(path)] = origin
            values[key] = self._plain(key, value)
        return values

    def _plain(self, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(value)
        is_command = key == "gfal_python" and "/" not in value
        if (key in _PATHS and value and not is_command) or (key == "database" and value and "://" not in value):
            return str(self._absolute(value))
        if key == "scope_base":
            return value.rstrip("/")
        return value

    def _absolute(self, path: str) -> Path:
        """Relative paths start from the file's folder, "~" is the user's home."""
        if path == "~" or path.startswith("~/"):
            return home(self._environ) / path[2:]
        return self._folder / path
