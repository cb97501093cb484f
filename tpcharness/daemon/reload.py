"""A configuration file made ready for a running service, and what of a new one has to wait for a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tpcharness.assembly import Wiring
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors
from tpcharness.daemon.running import offers_of
from tpcharness.engine.plan import schedule_of
from tpcharness.export.quantities import count_text
from tpcharness.model.endpoint import Subject
from tpcharness.model.plan import PlannedProbe, ScheduledProbe
from tpcharness.model.variant import DOOR_VARIANTS, Variant
from tpcharness.payload.lock import StateUnusable

_FIXED = ("harness.name", "harness.state_dir", "daemon.", "history.")
_TAKEN_AT_ONCE = frozenset({"daemon.door_interval"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration, and everything about it that takes long for a full mesh."""

    config: Config
    scheduled: tuple[ScheduledProbe, ...]
    offers: Mapping[tuple[str, str, Variant], tuple[PlannedProbe, ...]]
    keys: tuple[tuple[Subject, Variant], ...]


def prepare(config: Config) -> Prepared:
    """What the service runs by. Blocks: call it in a thread. Raises ScheduleTooLarge."""
    scheduled = schedule_of(
        tuple(config.endpoints.values()),
        config.probes,
        config.intervals,
        config.harness.opt_out,
        config.daemon.door_interval_seconds,
    )
    keys = dict.fromkeys((each.probe.subject.subject, each.probe.variant) for each in scheduled)
    return Prepared(config, scheduled, offers_of(each.probe for each in scheduled), tuple(keys))


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Where the configuration of a service comes from: a file, the environment, and words on the command line.

    `override` puts the latter in.
    """

    path: Path
    environ: Mapping[str, str]
    override: Callable[[Config], Config]

    def read(self, held: Config) -> tuple[Prepared, tuple[str, ...]] | ConfigErrors:
        """The file as it is now, less what only a restart can change: that stays as `held`, and is named.

        Blocks: call it in a thread. Raises ScheduleTooLarge.
        """
        config = load_config(self.path, environ=self.environ)
        if isinstance(config, ConfigErrors):
            return config
        config = self.override(config)
        waiting = tuple(waits_for_restart(held, config))
        daemon = replace(held.daemon, door_interval_seconds=config.daemon.door_interval_seconds)
        harness = replace(config.harness, name=held.harness.name, state_dir=held.harness.state_dir)
        config = replace(config, harness=harness, history=held.history, daemon=daemon)
        return prepare(config), waiting


def size_of(scheduled: Iterable[ScheduledProbe]) -> str:
    """How much there is to do, for the log."""
    variants = Counter(each.probe.variant for each in scheduled)
    links = sum(count for variant, count in variants.items() if variant.of_link)
    doors = sum(variants[door] for door in DOOR_VARIANTS)
    alone = variants.total() - links - doors
    others = f", {count_text(alone, 'endpoint probe')}" if alone else ""
    return f"{count_text(doors, 'door')}{others} and {count_text(links, 'link')}"


def waits_for_restart(held: Config, wanted: Config) -> Iterator[str]:
    """One line for each changed setting that the running service cannot take on, by its name in the file."""
    before = dict(held.settings())
    for key, value in wanted.settings():
        if key not in _TAKEN_AT_ONCE and key.startswith(_FIXED) and before.get(key) != value:
            yield f"{key} has changed: that needs a restart"


class TrustUnusable(StateUnusable):
    """A configured CA file or directory is not one."""


async def check_trust(wiring: Wiring) -> None:
    """Looks now rather than at each exchange, where it would be our side's failure again and again.

    Raises TrustUnusable for a CA file or directory that cannot be used.
    """
    config = wiring.config
    own = {each.ca_path for each in config.endpoints.values()} | {each.ca_path for each in config.tokens.values()}
    for path in ("", *sorted(own)):
        try:
            await wiring.client.trust.context(path)
        except OSError as error:  # ssl.SSLError is one
            raise TrustUnusable(
                f"ca_path {path or config.harness.ca_path} cannot be used ({error.strerror or error}); "
                "name a PEM file or a directory of hashed certificates"
            ) from error
