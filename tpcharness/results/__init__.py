"""What is remembered of a run: the facts of the run itself, and the latest state of every cell.

Values and plain bookkeeping only: no clock (the time is passed in), no file, no rendering, no judgement.
The engine fills the store through the `Sink` seam, `export` above reads it, `diagnosis` below knows what it means.
Siblings are `probes`, which make the results, and `config`; neither is imported here.
"""
