"""Whom we believe: TLS contexts from the system's store, the grid's CA directory and the user's own file."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

GRID_CERTIFICATES = Path("/etc/grid-security/certificates")


class Trust:
    """TLS client contexts, one per additional CA path, made once and off the loop.

    Sources: the system's store, the IGTF hashed directory where it exists, and `ca_path` (a PEM file or a hashed
    directory). Certificate revocation lists are not consulted. TLS 1.2 is the least, as at XRootD and dCache.
    """

    def __init__(self, ca_path: str = "") -> None:
        self._ca_path = ca_path
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._building = asyncio.Lock()

    async def context(self, ca_path: str = "") -> ssl.SSLContext:
        """The context that also trusts `ca_path`. Raises OSError or ssl.SSLError when those files are unusable."""
        found = self._contexts.get(ca_path)
        if found is None:
            async with self._building:
                found = self._contexts.get(ca_path)
                if found is None:
                    found = await asyncio.to_thread(self._build, ca_path)
                    self._contexts[ca_path] = found
        return found

    def _build(self, ca_path: str) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for path in (str(GRID_CERTIFICATES), self._ca_path, ca_path):
            place = Path(path) if path else None
            if place is None or (place == GRID_CERTIFICATES and not place.is_dir()):
                continue
            if place.is_dir():
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cafile=path)
        return context


def blind_context() -> ssl.SSLContext:
    """A context that accepts any certificate: only for looking at one, never for sending a token."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
