"""What a plan would ask issuers for and write at storages, in the names that the run would use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import unquote

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.plan import Plan
from tpcharness.model.variant import LEGACY_VARIANTS, Variant
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.tape_archive import archive_of
from tpcharness.tokens.roles import Role, token_request
from tpcharness.tokens.tape_roles import TapeRole, tape_token_request

_WRITES_NOTHING = frozenset({*LEGACY_VARIANTS, Variant.TAPE_INFO, Variant.TAPE_STAGE})
_STAGES = frozenset({Variant.TAPE_STAGE, Variant.TAPE_RECALL})


def planned_access(plan: Plan, harness: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Token scopes and places of files, each once, with the endpoint's name; in the order of the endpoints."""
    names = PayloadNames(harness, "RUN")
    scopes: dict[str, None] = {}
    places: dict[str, None] = {}
    variants = _variants(plan)
    for endpoint in plan.endpoints:
        asked = variants[endpoint.name]
        for written in _written(endpoint, asked):
            directory = names.directory(written)
            places[f"{endpoint.name}: {written.url(directory)}/..."] = None
            for role in Role:
                path = directory if role is Role.DIRECTORY else f"{directory}/..."
                scopes |= dict.fromkeys(
                    f"{endpoint.name}: {each}" for each in token_request(role, written, path).scopes
                )
        scopes |= dict.fromkeys(f"{endpoint.name}: {each}" for each in _tape_scopes(endpoint, asked, names))
    return tuple(scopes), tuple(places)


def _variants(plan: Plan) -> dict[str, set[Variant]]:
    """What is done to each endpoint; of tape copies only that end whose tape service is asked."""
    found: dict[str, set[Variant]] = defaultdict(set)
    for probe in plan.probes:
        ends = {Variant.TAPE_RECALL: probe.ends[:1], Variant.TAPE_ARCHIVE: probe.ends[-1:]}
        for end in ends.get(probe.variant, probe.ends):
            found[end.name].add(probe.variant)
    return found


def _written(endpoint: Endpoint, asked: set[Variant]) -> Iterator[Endpoint]:
    """The endpoint for each of its prefixes below which files are written."""
    if asked - _WRITES_NOTHING:
        yield endpoint
    if Variant.TAPE_ARCHIVE in asked:
        yield archive_of(endpoint)


def _tape_scopes(endpoint: Endpoint, asked: set[Variant], names: PayloadNames) -> Iterator[str]:
    if asked & {*_STAGES, Variant.TAPE_INFO}:
        roles = TapeRole if asked & _STAGES else (TapeRole.POLL,)
        for role in roles:
            yield from tape_token_request(role, endpoint, endpoint.tape_files).scopes
    if Variant.TAPE_ARCHIVE in asked:
        archive = archive_of(endpoint)
        yield from tape_token_request(TapeRole.POLL, archive, [unquote(f"{names.directory(archive)}/...")]).scopes
