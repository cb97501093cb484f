"""Whether endpoints have what a variant needs of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.plan import DropReason
from tpcharness.model.variant import Variant

_KEYS = {"tape_files": "tape.files"}


def shortage(variant: Variant, ends: tuple[Endpoint, ...]) -> tuple[DropReason, str] | None:
    """Why these endpoints (a link's source first, or one alone) cannot be probed in this way, with what is missing.

    None if they can.
    """
    needs = variant.needs
    sides = (needs.source, needs.destination)[-len(ends) :]
    missing: dict[str, list[str]] = {}
    for fields, end in zip(sides, ends, strict=True):
        for field in fields:
            if not _has(end, field):
                missing.setdefault(field, []).append(end.name)
    if not missing:
        return None
    if set(missing) == {"root"}:
        return DropReason.NO_ROOT_DOOR, " and ".join(missing["root"])
    told = (f"{key_of(field)} of {' and '.join(names)}" for field, names in missing.items())
    return DropReason.NOT_CONFIGURED, ", ".join(told)


def able(variant: Variant, endpoints: Iterable[Endpoint]) -> tuple[frozenset[str], frozenset[str]]:
    """The names of those that have what the variant needs of its source, and of its destination."""
    sources, destinations = variant.needs
    every = tuple(endpoints)
    return (
        frozenset(each.name for each in every if all(_has(each, field) for field in sources)),
        frozenset(each.name for each in every if all(_has(each, field) for field in destinations)),
    )


def is_configured(variant: Variant, endpoints: Iterable[Endpoint]) -> bool:
    """Whether there is at least one subject among these endpoints that can be probed in this way."""
    sources, destinations = able(variant, endpoints)
    if not variant.of_link:
        return bool(destinations)
    return bool(sources and destinations) and len(sources | destinations) > 1


def key_of(field: str) -> str:
    """What a field of Endpoint is called in endpoints.toml."""
    return _KEYS.get(field, field)


def _has(endpoint: Endpoint, field: str) -> bool:
    return bool(getattr(endpoint, field))
