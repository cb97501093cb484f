"""The one error of this room."""

from __future__ import annotations


class WireError(ValueError):
    """A document that a peer sent is not what it claims to be. The message is for people and holds no peer text."""
