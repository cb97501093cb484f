"""Who is told of alerts: a receiver on loopback that Alertmanager posts to, and that remembers everything."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.endurance.turns import Alert
from tests.support.real_prometheus import alert_of


@dataclass(slots=True)
class Told:
    """Every word of Alertmanager since it started, in order: "firing" or "resolved", and the alert."""

    url: str
    words: list[tuple[str, Alert]] = field(default_factory=list)

    def since(self, mark: int, status: str) -> list[Alert]:
        """The alerts of that status among the words after the first `mark`; one that was told twice is there twice."""
        return [alert for said, alert in self.words[mark:] if said == status]


@contextmanager
def receiver() -> Iterator[Told]:
    """Listens on a free port of 127.0.0.1 until the end of the context."""
    told = Told("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.words += [(alert["status"], alert_of(alert["labels"])) for alert in document["alerts"]]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, name="webhook")
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
