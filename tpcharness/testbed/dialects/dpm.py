"""DPM (retired, still met as a memory in work-arounds): a capital Success, and checksums that must be asked for twice.

From http-tpc 1.4, 1.5, 1.7 and 6.2 ("DPM"): no DPM could be asked, the rest is a plain Apache.
"""

from __future__ import annotations

from typing import ClassVar

from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.vocabulary import Cause, Line, Lines, Progress, Texts


class Dpm(Dialect):
    name = "dpm"
    server = "Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips"
    user_agent = "davix/0.8.0 libdpm"

    put_replaced = 204
    digest_queued = True
    head_first = True
    keeps_debris = False
    success = b"Success: Created\n"

    # DPM knows no difference between a bad token and a good one that does not reach
    direct: ClassVar[Lines] = {
        Cause.TOKEN_REFUSED: Line(403, "Forbidden\n"),
        Cause.FORBIDDEN: Line(403, "Forbidden\n"),
    }
    in_stream: ClassVar[Texts] = {
        Cause.PASSIVE_STATUS: "Remote server returned {status} {phrase}",
        Cause.PASSIVE_REFUSED: "Could not connect to server {authority}: Connection refused",
        Cause.PASSIVE_DNS: "Could not resolve hostname `{host}`",
        Cause.PASSIVE_UNREACHABLE: "Could not connect to server {authority}: No route to host",
        Cause.PASSIVE_TLS: "SSL handshake failed: certificate verify failed",
    }

    def marker(self, progress: Progress) -> bytes:
        """Tabs, as the draft's example has them."""
        lines = super().marker(progress).decode().splitlines()
        return "\n".join((lines[0], *(f"\t{line}" for line in lines[1:-1]), "End\n")).encode()
