"""A tape system behind a storage of the testbed, with the Tape REST service of dCache, EOS with CTA, or StoRM.

Quirks of the three are data (`manner`), misbehaviour is data (`faults`), each with its source. Documents are written
here by hand: nothing is shared with the client's `wire.tape`, so that one mistake cannot hide in both ends.
"""
