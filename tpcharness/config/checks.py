"""What can only be seen by looking at several values together. Pure; `surroundings` looks at the disk."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from tpcharness.config.addresses import is_below, is_loopback, same_place
from tpcharness.config.configuration import Config
from tpcharness.config.fields import is_one_line
from tpcharness.config.names import matches, nobody_here, written
from tpcharness.config.problems import Problem, did_you_mean, dotted
from tpcharness.config.service_checks import check_service
from tpcharness.config.source import Source
from tpcharness.model.needs import is_configured, key_of
from tpcharness.model.variant import Variant

# XRootD answers a COPY only after the source's HEAD, for which it waits so long (reference http-tpc 6.3).
XROOTD_SILENCE_SECONDS = 60.0


def check(config: Config, source: Source) -> Iterator[Problem]:
    """Every problem that no single value shows."""
    yield from _contact(config, source)
    yield from _unused_tokens(config, source)
    yield from _unknown_tokens(source)
    yield from _endpoint_names(source)
    yield from _same_places(config, source)
    yield from _endpoint_settings(config, source)
    yield from _tape_paths(config, source)
    yield from _variants(config, source)
    yield from _globs(config, source)
    yield from _times(config, source)
    yield from check_service(config, source)


def _contact(config: Config, source: Source) -> Iterator[Problem]:
    hosts = [urlsplit(endpoint.https).hostname or "" for endpoint in config.endpoints.values()]
    abroad = [host for host in hosts if not is_loopback(host)]
    if abroad and not source.value(("harness", "contact")):
        yield source.warning(
            ("harness", "contact"), "is empty", "give the admins of the storages an address to write to"
        )


def _unused_tokens(config: Config, source: Source) -> Iterator[Problem]:
    # From the file, so that an endpoint with another mistake still counts.
    sections = (*source.table("endpoints").values(), source.table("defaults"))
    used = [section.get("tokens") for section in sections if isinstance(section, dict)]  # of any type
    for name in config.tokens:
        if name not in used:
            yield source.warning(("tokens", name), "is used by no endpoint", f'write tokens = "{name}" at an endpoint')


def _unknown_tokens(source: Source) -> Iterator[Problem]:
    """From the file, as above; a mistake in [defaults] is told once, not for each endpoint that has it from there."""
    names = source.table("tokens")
    for at in dict.fromkeys(written(source, endpoint, "tokens") for endpoint in source.table("endpoints")):
        wanted = source.value(at)
        if isinstance(wanted, str) and wanted and wanted not in names and is_one_line(wanted):
            missing = f"there is no [{dotted(('tokens', wanted))}] section; add it"
            yield source.problem(at, "does not exist", did_you_mean(wanted, names, missing))


def _endpoint_names(source: Source) -> Iterator[Problem]:
    names = source.table("endpoints")
    if names == source.values.get("endpoints", names) and not names:
        yield Problem(
            "names no endpoint", source.name, key="endpoints", hint="add a section [endpoints.NAME] with its https URL"
        )
    first: dict[str, str] = {}
    for name in names:
        twin = first.setdefault(name.casefold(), name)
        if twin != name:
            place = source.place(("endpoints", twin))
            yield source.problem(
                ("endpoints", name), f"differs from {twin} ({place}) in case only", "rename one of the two"
            )


def _same_places(config: Config, source: Source) -> Iterator[Problem]:
    first: dict[tuple[str, int, str], str] = {}
    for name, endpoint in config.endpoints.items():
        twin = first.setdefault(same_place(endpoint.https), name)
        if twin != name:
            place = source.place(("endpoints", twin))
            yield source.warning(
                ("endpoints", name, "https"), f"is also the URL of {twin} ({place})", "remove one of the two"
            )


def _endpoint_settings(config: Config, source: Source) -> Iterator[Problem]:
    for name, endpoint in config.endpoints.items():
        if not endpoint.tokens:
            yield source.warning(
                ("endpoints", name),
                "has no tokens: its door will fail, and its links will not be tried",
                "add tokens = NAME of a [tokens.NAME]",
            )
        if not is_below(endpoint.path, endpoint.scope_base):
            at = ("endpoints", name, "scope_base")
            yield source.problem(
                at,
                f'("{endpoint.scope_base}") does not begin the path of https, "{endpoint.path}"',
                'write the path that "/" in a scope means there: that of https, or a directory above it',
            )


def _tape_paths(config: Config, source: Source) -> Iterator[Problem]:
    for name, endpoint in config.endpoints.items():
        if endpoint.tape_archive and not is_below(endpoint.tape_archive, endpoint.scope_base):
            yield source.problem(
                ("endpoints", name, "tape_archive"),
                f'is not below scope_base, "{endpoint.scope_base}"',
                "write the whole path, as in the URL of the directory at the https door",
            )
        for path in endpoint.tape_files:
            if not is_below(quote(path), endpoint.scope_base):
                yield source.problem(
                    ("endpoints", name, "tape", "files"),
                    f'has "{path}", which is not below scope_base, "{endpoint.scope_base}"',
                    "write the whole path, as in the URL of the file at the https door",
                )


def _variants(config: Config, source: Source) -> Iterator[Problem]:
    """What is to be probed where nobody has it; from the file, as in `_globs`."""
    probes, defaults = source.values.get("probes"), source.table("defaults")
    for at, section in (
        (("defaults",), defaults),
        *((("probes", index), probe) for index, probe in enumerate(probes if isinstance(probes, list) else ())),
    ):
        named = section.get("variant", []) if isinstance(section, dict) else []
        for variant in Variant:
            if variant not in (named if isinstance(named, list) else [named]):
                continue
            if not is_configured(variant, config.endpoints.values()):
                keys = " and ".join(dict.fromkeys(map(key_of, (*variant.needs.source, *variant.needs.destination))))
                if keys:
                    yield source.warning(
                        (*at, "variant"), f'has "{variant}", which no endpoint can do', f"it needs {keys} at its ends"
                    )


def _globs(config: Config, source: Source) -> Iterator[Problem]:
    names = tuple(source.table("endpoints"))
    if not names:
        return
    for glob in config.harness.opt_out:
        if not matches(glob, names):
            yield source.warning(
                ("harness", "opt_out"), f'has "{glob}", which is no endpoint here', did_you_mean(glob, names)
            )
    # From the file, not from the settled value: what the schema has cut out would shift the places.
    probes = source.values.get("probes")
    for index, probe in enumerate(probes if isinstance(probes, list) else ()):
        for key in ("sources", "destinations"):
            globs = probe.get(key, []) if isinstance(probe, dict) else []
            for glob in globs if isinstance(globs, list) else [globs]:
                if isinstance(glob, str) and glob.strip() and not matches(glob, names):
                    yield nobody_here(source, ("probes", index, key), glob)


def _times(config: Config, source: Source) -> Iterator[Problem]:
    if config.timeouts.response_seconds <= XROOTD_SILENCE_SECONDS and source.has(("timeouts", "response")):
        yield source.warning(
            ("timeouts", "response"),
            "is no longer than XRootD may wait for the source, 60 s",
            "a healthy copy can look like no_response; write more than 60",
        )
