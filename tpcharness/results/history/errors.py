"""What can be wrong with the history, in words for its owner."""

from __future__ import annotations


class HistoryError(Exception):
    """The history cannot be used; the message names the database, what is wrong and the remedy, and no secret."""


class HistoryAway(HistoryError):  # noqa: N818 - reads as what it is
    """For now: the database does not answer, is locked or full. What comes meanwhile waits in the journal."""
