"""The rows of the fault catalogue, by where they bite: one storage's own doors, and its two parts in a copy.

Data only: what a fault does is an Effect, where that is done is known to the rest of the testbed. Each row says what
the harness must make of it in general; what differs by implementation and mode stands in the truth table (tests/truth).
Neighbours: `fault_catalogue` joins the rows, `effects` has the words that they are written in.
"""
