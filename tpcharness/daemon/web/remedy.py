"""What to do about a reason, beside a running service: the commands that need its state directory are refused then."""

from __future__ import annotations

from markupsafe import Markup

from tpcharness.daemon.web.addresses import endpoint_path
from tpcharness.export.remedy import in_code
from tpcharness.export.report_cells import shown
from tpcharness.model.reason import Reason

_INSTEAD = {
    Reason.CLEANUP_FAILED: "The file stays in the ledger, and this service tries again every hour.",
    Reason.STILL_WRITING: "The file stays in the ledger; this service removes it.",
    Reason.TAPE_REQUEST_LEFT: "It stays in the ledger, and this service tries again every hour.",
}


def remedy(reason: Reason, name: str = "") -> Markup:
    """`name` is the endpoint that it is about, empty if that is not known."""
    if reason is Reason.ENDPOINT_DOWN:
        page = (
            Markup('<a href="{}#door"><bdi>{}</bdi></a>').format(endpoint_path(name), shown(name, 80)) if name else ""
        )
        return Markup("Mend the endpoint's door first{}{}.").format(": " if page else "", page)
    return in_code(_INSTEAD.get(reason, reason.info.fix), name)
