"""Speed budgets: what we cost beside something that does the same work bare, measured in the same run.

`python -m bench` (or `make bench`) runs them all; docs/benchmarks.md says how to read what comes out. Nothing here is
a timed test: a missed budget is reported and fails nothing. The product never imports this; it imports the product
and its testbed's certificate authority. Every client of a contest is a process of its own.
"""
