"""What is remembered for a year: every result, its evidence for a month, roll-ups, counters, the latest states.

A result goes into the journal at once (one write, durable against kill -9) and from there into a database, SQLite or
PostgreSQL, by a thread of its own. No page and no judgement here: values go in, values come out. Neighbours: `record`
(the JSON of a result) and `counters`; users are the daemon, and `report` and `history export` of the command line.
"""

from tpcharness.results.history.errors import HistoryError
from tpcharness.results.history.history import History, open_history
from tpcharness.results.history.journal import Journal
from tpcharness.results.history.known import Known
from tpcharness.results.history.queries import HistoryPage, HistoryQuery, Rollup, RollupQuery, Step
from tpcharness.results.history.reader import Reader, open_reader

__all__ = [
    "History",
    "HistoryError",
    "HistoryPage",
    "HistoryQuery",
    "Journal",
    "Known",
    "Reader",
    "Rollup",
    "RollupQuery",
    "Step",
    "open_history",
    "open_reader",
]
