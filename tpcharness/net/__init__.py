"""The only room that opens connections: to storages, to token issuers, to whatever a probe talks HTTP with.

It times each phase, uses one address at a time, follows redirects under the endpoint's policy, bounds everything
that a peer sends, and turns what went wrong into a Failure by one table. It does not know what a request is for:
that is `probes`, `payload` and `tokens` above. Below it, `wire` reads the bytes that come back. Durations here are
measured with perf_counter: uvloop's own clock stands still for a millisecond at a time.
"""
