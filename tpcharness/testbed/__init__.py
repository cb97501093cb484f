"""Storages that behave like dCache, XRootD, StoRM and others, misbehave on demand, and really move bytes over TLS.

A product of its own: the partner that storage developers test against, and the ground of our own truth tables.
Not a mock: nothing here shares code with the client side of the house (only the words of `model`), so that a
mistake cannot hide in both ends. `storage` is the way in, `dialects` know how each implementation speaks, `faults`
what can be wrong on purpose; `pki`, `issuer` and `authorisation` are the grid's trust, `grid` puts all together.
"""
