"""An endurance run: the daemon for half an hour among storages that fail and recover, watched as at a site.

`python -m bench.endurance --minutes 30` (or `make endurance`) runs testbed, daemon, Prometheus and Alertmanager, each a
process of its own on loopback; docs/benchmarks.md says what comes out. Unlike the rest of `bench` it judges: what it
expects is data (`turns`), and its exit code is 1 where the service did otherwise. It stands on what the tests of alerts
stand on (tests/grafana/site.py).
"""
