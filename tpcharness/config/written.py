"""A setting's value as the file would write it, for people who look at what holds. Pure."""

from __future__ import annotations

import json
from datetime import datetime

from tpcharness.config.configuration import SettingValue
from tpcharness.config.quantities import format_duration, format_size
from tpcharness.model.secret import redact, redact_url

_NUMBERS = frozenset({"stale_after"})
_SIZES = frozenset({"sizes", "bytes_per_day"})


def written(key: str, value: SettingValue) -> str:
    """`key` is dotted, as in Config.settings. No setting is a secret, but what looks like one is masked."""
    name = key.rpartition(".")[2]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if name in _SIZES:
        sizes = [format_size(int(size)) for size in (value if isinstance(value, tuple) else (value,))]
        return json.dumps(sizes if isinstance(value, tuple) else sizes[0])
    if isinstance(value, float):
        return f"{value:g}" if name in _NUMBERS else json.dumps(format_duration(value))
    if isinstance(value, tuple):
        return json.dumps([masked(each) if isinstance(each, str) else each for each in value], ensure_ascii=False)
    return json.dumps(masked(value) if isinstance(value, str) else value, ensure_ascii=False)


def masked(text: str) -> str:
    """A text without anything that looks like a token, and a URL without user, password and query."""
    return redact_url(text) if "://" in text and "@" in text else redact(text)
