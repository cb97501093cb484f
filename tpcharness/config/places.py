"""Where things are when nobody says so: the configuration, the user's home, the place for state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CONFIG_VARIABLE = "TPCHARNESS_CONFIG"
STATE_DIR_VARIABLE = "TPCHARNESS_STATE_DIR"
DEFAULT_FILE = "endpoints.toml"


def default_path(environ: Mapping[str, str]) -> Path:
    """The file that is meant when none is named: TPCHARNESS_CONFIG, else endpoints.toml in the current directory."""
    return Path(environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)


def home(environ: Mapping[str, str]) -> Path:
    """The user's home directory."""
    return Path(environ.get("HOME") or Path.home())


def state_home(environ: Mapping[str, str]) -> Path:
    """Where programs keep their state (XDG base directory specification 0.8: a relative value is to be ignored)."""
    given = Path(environ.get("XDG_STATE_HOME", ""))
    return given if given.is_absolute() else home(environ) / ".local" / "state"
