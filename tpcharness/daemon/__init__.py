"""The running service: its life from lock to last clean-up, what it remembers, and its talk with the service manager.

It decides nothing about probes (`engine`), verdicts (`diagnosis`) or what metrics mean (`export.metrics`): it wires
them, keeps them fed, and swaps them when the configuration changes. `running` is what `daemon.web` sees of it.
Neighbours: `cli.daemon` starts it, `assembly` wires the rooms below.
"""
