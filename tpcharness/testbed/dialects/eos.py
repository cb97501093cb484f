"""EOS: XRootD's HTTP behind a manager (MGM) that sends data requests on to a disk server (FST) with 307.

The capability in the Location's query carries the right; the token travels there too, as `authz`
(http-tpc 1.6; storage-extras 4).
"""

from __future__ import annotations

from tpcharness.testbed.dialects.vocabulary import Cause, Trouble
from tpcharness.testbed.dialects.xrootd6 import Xrootd6


class Eos(Xrootd6):
    name = "eos"
    redirects = frozenset({"GET", "PUT", "COPY"})

    def _text(self, trouble: Trouble) -> str:
        """A short file is found when it is closed, against the targetsize of the request (http-tpc 1.7)."""
        if trouble.cause is Cause.PASSIVE_CUT and trouble.pull:
            return "Failure when closing file handle: stored file does not match the provided targetsize"
        return super()._text(trouble)
