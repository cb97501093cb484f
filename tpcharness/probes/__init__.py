"""One file for each thing that we measure; every run of a probe returns exactly one Result.

A probe gets what it needs by its constructor: the HTTP client, the token source, the payload store. It knows one
way to measure and nothing of plans, limits, other probes or output. Its neighbours below are `payload` (files at
the storages) and `diagnosis` (what it all means); above, `engine` decides when it runs, `results` remembers.
"""
