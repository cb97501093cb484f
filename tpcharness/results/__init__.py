"""What is remembered: the facts of a run, the latest state of every cell, counters, and in `history` all of it.

Values and plain bookkeeping: no clock (the time is passed in), no rendering, no judgement; files only in `history`.
The engine fills the store through the `Sink` seam, `export` above reads it, `diagnosis` below knows what it means.
Siblings are `probes`, which make the results, and `config`; neither is imported here.
"""
