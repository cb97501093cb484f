"""What lets us in: certificates of the endpoints, tokens of the harness, and who refuses them."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.frame import Shelf, board, to_board, window
from grafana.promql import HARNESS, or_else
from grafana.shapes import VALUE, Query, graph, number, ranking

_REFUSALS = "(un)?authenticated|forbidden|passive_(unauthenticated|forbidden)|.*_refused|token_.*|issuer_.*"


def make() -> Dashboard:
    """The dashboard."""
    certificates = ranking(
        "Certificates, the next to expire first",
        "Time left of the certificate that the endpoint showed us last.",
        f"min by (endpoint) (tpcharness_endpoint_tls_cert_expiry_timestamp_seconds{{{HARNESS}}}) - time()",
        {"endpoint": "Endpoint", VALUE: "Time left"},
        unit="s",
        ways={"endpoint": to_board("endpoint", "Endpoint", endpoint="${__value.text}")},
        ascending=True,
        empty="no certificate seen: no endpoint has shown one yet",
    )
    tokens = number(
        "Tokens",
        "Time left of the token that each [tokens.NAME] gave last. It may end between two probes, and is then renewed.",
        Query(
            f"min by (tokens) (tpcharness_token_expiry_timestamp_seconds{{{HARNESS}}}) - time()",
            "{{tokens}}",
        ),
        unit="s",
        empty="no token yet",
    )
    requests = graph(
        "Requests for tokens",
        "What the sources of tokens answered in the window.",
        Query(
            f"sum by (tokens, outcome) (increase(tpcharness_token_requests_total{{{HARNESS}}}[$window]))",
            "{{tokens}} {{outcome}}",
        ),
        unit="none",
        empty="no token was asked for yet",
    )
    refusals = graph(
        "Failures that are about tokens",
        "Probes in the window that ended with a refusal or without a token.",
        Query(
            or_else(
                f'sum by (reason) (increase(tpcharness_endpoint_failures_total{{{HARNESS},role="destination",'
                f'reason=~"{_REFUSALS}"}}[$window]))',
                "reason",
                "none",
            ),
            "{{reason}}",
        ),
        unit="none",
        stacked=True,
    )
    tls = graph(
        "Failures that are about certificates",
        "Probes in the window in which TLS failed, between us and an endpoint or between two.",
        Query(
            or_else(
                f'sum by (reason) (increase(tpcharness_endpoint_failures_total{{{HARNESS},role="destination",'
                f'reason=~"(passive_)?tls_.*"}}[$window]))',
                "reason",
                "none",
            ),
            "{{reason}}",
        ),
        unit="none",
        stacked=True,
    )
    return board(
        "credentials",
        "tokens and certificates",
        "What lets us in, when it ends, and who refuses it.",
        [window()],
        [
            Shelf(10, [(14, certificates), (10, tokens)]),
            Shelf(8, [(8, requests), (8, refusals), (8, tls)]),
        ],
    )
