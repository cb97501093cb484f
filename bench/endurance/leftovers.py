"""What a harness has left at the storages, by the storages' own word: their listings, asked for without its code."""

from __future__ import annotations

import base64
import json
import re
import ssl
import tomllib
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPSHandler, Request, build_opener

PATIENCE_SECONDS = 30.0

_HREF = re.compile(rb"<(?:\w+:)?href>([^<]+)</")


def leftovers(config: Path) -> set[str]:
    """The URLs of the files below `<prefix>/tpcharness/<harness name>` of each endpoint of a testbed's endpoints.toml.

    Raises OSError when one cannot be asked.
    """
    settings = tomllib.loads(config.read_text())
    opener = build_opener(HTTPSHandler(context=ssl.create_default_context(cafile=settings["harness"]["ca_path"])))

    def ask(request: Request) -> bytes:
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return bytes(answer.read())

    def listed(endpoint: Mapping[str, Any]) -> set[str]:
        token = json.loads(ask(_token_request(settings["tokens"][endpoint["tokens"]], endpoint["audience"])))
        folder = f"{endpoint['https']}/tpcharness/{settings['harness']['name']}"
        fields = {"Authorization": f"Bearer {token['access_token']}", "Depth": "1"}
        try:
            text = ask(Request(folder, headers=fields, method="PROPFIND"))
        except HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return set()
                raise
        paths = {urlsplit(href.decode()).path.rstrip("/") for href in _HREF.findall(text)}
        return {urljoin(folder, path) for path in paths - {urlsplit(folder).path}}

    return {url for endpoint in settings["endpoints"].values() for url in listed(endpoint)}


def _token_request(source: Mapping[str, str], audience: str) -> Request:
    secret = Path(source["client_secret_file"]).read_text().strip()
    form = {"grant_type": "client_credentials", "scope": "storage.read:/", "audience": audience}
    account = base64.b64encode(f"{source['client_id']}:{secret}".encode()).decode()
    url = f"{source['issuer'].rstrip('/')}/token"
    return Request(url, urlencode(form).encode(), {"Authorization": f"Basic {account}"})
