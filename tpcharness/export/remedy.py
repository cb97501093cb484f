"""What to do about a reason, for a page: commands stand out, and name the endpoint where it is known."""

from __future__ import annotations

from markupsafe import Markup, escape

from tpcharness.export.report_cells import shown

_NAME = "NAME"


def in_code(text: str, name: str = "") -> Markup:
    """Our own text with what stands between backticks as code; NAME in there becomes `name` where that is known."""
    pieces = text.split("`")
    made = Markup("")
    for number, piece in enumerate(pieces):
        if number % 2 and number < len(pieces) - 1:
            words = piece.replace(_NAME, shown(name, 80)) if name else piece
            made += Markup("<code><bdi>{}</bdi></code>").format(words)
        else:
            made += escape("`" + piece if number % 2 else piece)
    return made
