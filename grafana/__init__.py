"""What Grafana and Prometheus need beside the harness: dashboards, provisioning, rules and alerts, and their tests.

The dashboards are written as code (`boards`, on the shapes of `shapes`) and committed as JSON (`dashboards`):
`python -m grafana` writes them anew. Nothing in `tpcharness` imports this; of it only the words of `model` are used.
"""
