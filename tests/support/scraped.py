"""What a scrape says, read by prometheus_client's own parser, and judged by promtool."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, tuple[tuple[str, str], ...]]
"""A name and its labels in the order of their names."""


def samples_of(text: bytes | Iterable[bytes]) -> dict[Sample, float]:
    """Every sample; fails when there are two of the same name and labels, or when a family comes in two parts."""
    text = text if isinstance(text, bytes) else b"".join(text)
    found: dict[Sample, float] = {}
    seen: set[str] = set()
    for family in text_string_to_metric_families(text.decode()):
        assert family.name not in seen, f"{family.name} comes twice"
        seen.add(family.name)
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, f"{key} comes twice"
            found[key] = sample.value
    return found


def types_of(text: bytes) -> dict[str, tuple[str, str]]:
    """Type and help of every family that is announced, by its full name."""
    found: dict[str, tuple[str, str]] = {}
    for family in text_string_to_metric_families(text.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = (family.type, family.documentation)
    return found


def of_family(samples: dict[Sample, float], name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The samples of one name by the values of these labels."""
    picked: dict[tuple[str, ...], float] = {}
    for (found, pairs), value in samples.items():
        if found == name:
            picked[tuple(dict(pairs)[label] for label in labels)] = value
    return picked


def promtool_complaints(text: bytes) -> str:
    """What `promtool check metrics` has to say; "" when it is content."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0 or said, f"promtool ended with {done.returncode}"
    return said
