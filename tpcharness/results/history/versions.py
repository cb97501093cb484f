"""The version of the tables: made new, brought up from an older one, refused when a newer program made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, inspect, select, text

from tpcharness.results.history.errors import HistoryError
from tpcharness.results.history.tables import SCHEMA_VERSION, meta, metadata

Migration = Callable[[Connection], None]


def _beliefs(connection: Connection) -> None:
    """What is thought of a probe, by its newest result alone: an ok is believed, a failure is to be seen again."""
    for statement in (
        "ALTER TABLE latest ADD COLUMN verdict BIGINT",
        "ALTER TABLE latest ADD COLUMN believed BIGINT",
        "ALTER TABLE latest ADD COLUMN in_a_row SMALLINT DEFAULT '0' NOT NULL",
        "ALTER TABLE latest ADD COLUMN same_code SMALLINT DEFAULT '0' NOT NULL",
        "UPDATE latest SET verdict = result WHERE result IN (SELECT id FROM result WHERE outcome IN (0, 1, 2))",
        "UPDATE latest SET in_a_row = 1, same_code = 1 WHERE verdict IS NOT NULL",
        "UPDATE latest SET believed = verdict WHERE verdict IN (SELECT id FROM result WHERE outcome = 0)",
    ):
        connection.execute(text(statement))


MIGRATIONS: Mapping[int, Migration] = {1: _beliefs}
"""From this version to the next. A migration speaks SQL of its own: the tables of `tables` go on changing."""

_VERSION = "schema_version"


def prepare(
    connection: Connection,
    label: str,
    *,
    newest: int = SCHEMA_VERSION,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> None:
    """Makes the tables of this version what is there, within the caller's transaction: all of it happens or nothing.

    Raises HistoryError for a database that a newer program has written, and for one that holds something else.
    """
    found = version_of(connection)
    if found is None:
        strangers = {table.name for table in metadata.sorted_tables} & set(inspect(connection).get_table_names())
        if strangers:
            raise HistoryError(
                f"history {label}: has somebody else's tables ({', '.join(sorted(strangers))}): name an empty database"
            )
        metadata.create_all(connection)
        connection.execute(meta.insert(), {"key": _VERSION, "value": str(newest)})
        return
    refuse_newer(found, label, newest)
    for version in range(found, newest):
        migrations[version](connection)
        connection.execute(meta.update().where(meta.c.key == _VERSION), {"value": str(version + 1)})


def check(connection: Connection, label: str) -> None:
    """For readers, who change nothing: raises HistoryError unless the tables are of this version."""
    found = version_of(connection)
    if found is None:
        raise HistoryError(f"history {label}: there is none yet; the daemon makes it when it starts")
    refuse_newer(found, label, SCHEMA_VERSION)
    if found < SCHEMA_VERSION:
        raise HistoryError(
            f"history {label}: is of version {found}; the daemon brings it to {SCHEMA_VERSION} at its start"
        )


def version_of(connection: Connection) -> int | None:
    """None when the database holds no history."""
    if not inspect(connection).has_table(meta.name):
        return None
    value = connection.execute(select(meta.c.value).where(meta.c.key == _VERSION)).scalar()
    return int(value) if value is not None else None


def refuse_newer(found: int, label: str, newest: int) -> None:
    """Raises HistoryError when a newer program has written it: what it means by its columns is not known here."""
    if found > newest:
        raise HistoryError(
            f"history {label}: is of version {found}, and this tpcharness knows versions up to {newest}: "
            "install the newer tpcharness again, or name another database"
        )
