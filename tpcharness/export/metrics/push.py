"""Pushing the metrics of one run to a Pushgateway. Blocking: for the one-shot, when its event loop is gone."""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.request
from urllib.parse import quote, urlsplit

from tpcharness.export.clean_text import clean_text
from tpcharness.export.metrics.text import CONTENT_TYPE

JOB = "tpcharness"
TIMEOUT_SECONDS = 10.0
_MAX_ANSWER = 2000


def checked_gateway(url: str) -> str:
    """The URL of a Pushgateway, without a trailing slash; raises ValueError that says what is wrong with it."""
    parts = urlsplit(url)  # raises ValueError for brackets that do not match
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is not the URL of a Pushgateway, such as http://pushgateway.example:9091")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user name: everybody on this machine can read it; use a gateway that needs none")
    if parts.query or parts.fragment:
        raise ValueError("has a query or a fragment; a Pushgateway's URL has none")
    if not (parts.port or 1) > 0:
        raise ValueError("has no usable port")
    return url.rstrip("/")


def group_url(gateway: str, instance: str) -> str:
    """Where the metrics of one harness are kept. What a path cannot hold goes in base64, as the gateway wants it."""
    if not instance or "/" in instance:
        name = base64.urlsafe_b64encode(instance.encode()).decode() or "="
        return f"{gateway}/metrics/job/{JOB}/instance@base64/{name}"
    return f"{gateway}/metrics/job/{JOB}/instance/{quote(instance, safe='')}"


def push(gateway: str, instance: str, text: bytes) -> str | None:
    """Replaces everything that the gateway knows of this instance; what went wrong in one line, or None.

    Never raises for what the gateway or the network does, and gives up after `TIMEOUT_SECONDS` without a byte.
    """
    url, headers = group_url(checked_gateway(gateway), instance), {"Content-Type": CONTENT_TYPE}
    request = urllib.request.Request(url, data=text, method="PUT", headers=headers)  # noqa: S310 - checked just now
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            answer.read(_MAX_ANSWER)
            return None
    except urllib.error.HTTPError as error:
        with error:
            detail = clean_text(error.read(_MAX_ANSWER).decode("utf-8", "replace"), 200)
        return f"{gateway} answered {error.code} {clean_text(str(error.reason), 60)}: {detail}".rstrip(": ")
    except urllib.error.URLError as error:
        return f"{gateway}: {clean_text(str(error.reason), 200)}"
    except (OSError, http.client.HTTPException) as error:
        return f"{gateway}: {clean_text(str(error) or type(error).__name__, 200)}"
