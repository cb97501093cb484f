"""What the answer to a plain request at one endpoint means: PUT, GET, HEAD, DELETE, MKCOL of our own."""

from __future__ import annotations

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason

_STATUS: dict[int, Reason] = {
    400: Reason.BAD_REQUEST,
    401: Reason.UNAUTHENTICATED,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    409: Reason.PARENT_MISSING,
    410: Reason.NOT_FOUND,
    413: Reason.NO_SPACE,
    415: Reason.BAD_REQUEST,
    429: Reason.OVERLOADED,
    503: Reason.OVERLOADED,
    507: Reason.NO_SPACE,
}

REFUSALS = frozenset({Reason.UNAUTHENTICATED, Reason.FORBIDDEN})


def judge_plain(method: str, status: int | None, text: str, failure: Failure | None) -> Failure | None:
    """Why a plain request failed; None when it did not.

    Any 2xx is success here, since implementations differ in which one they use (XRootD 5 answers a PUT with 200,
    XRootD 6 and dCache with 201, StoRM an overwriting one with 204); what counts is read back afterwards.
    """
    if failure is not None:
        return failure
    if status is None:
        return Failure(Reason.NO_RESPONSE)
    if 200 <= status < 300:
        return None
    reason = _STATUS.get(status) or (Reason.SERVER_ERROR if status >= 500 else Reason.BAD_REQUEST)
    first_line = " ".join(text.split())[:200]
    return Failure(reason, f"{method} was answered {status}" + (f": {first_line}" if first_line else ""))
