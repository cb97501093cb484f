"""What runs when: the plan of a run, the places at storages, the line in front of them, and the runner.

It knows probes only by their Protocol: what a probe does on the wire, and what its answers mean, is decided below.
It makes results of its own only for probes that came to no verdict (not reached, endpoint down, cancelled, a bug).
`plan` is pure; everything else lives on the event loop, in loop time.
Neighbours: `assembly` wires it, `config` says what to plan, `results` and `export` are the sinks that it fills.
"""
