"""Metrics for Prometheus: what the results, the schedule and the service itself look like as numbers.

`catalogue` is the one truth of names, types, labels and help. The families of links come from a renderer of our own
(`links`), everything else from prometheus_client; `text` makes both into the same text. Nothing here listens or
sends but `push`, for the one-shot; the pages of the daemon are in `daemon.web`.
"""
