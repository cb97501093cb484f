"""Answers of a tape service as values, and its errors in the manner of an implementation."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tpcharness.testbed.tape.manner import Manner

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Paper:
    """One answer."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    fields: tuple[tuple[str, str], ...] = ()


def sheet(status: int, document: object, *fields: tuple[str, str]) -> Paper:
    """A JSON document."""
    return Paper(status, json.dumps(document).encode(), fields=fields)


def problem(manner: Manner, status: int, title: str, detail: str = "", *fields: tuple[str, str]) -> Paper:
    """RFC 7807, with what the implementation makes of it."""
    document: dict[str, object] = {"title": title, "status": str(status) if manner.status_as_text else status}
    if detail:
        document["detail"] = detail
    return Paper(status, json.dumps(document).encode(), manner.problem_type, fields)


class RefusalError(Exception):
    """An answer that is not what was asked for, on its way to the client."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(paper.status)
        self.paper = paper
