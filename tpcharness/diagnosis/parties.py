"""Who moves the bytes of a copy, by variant: the active party."""

from __future__ import annotations

from tpcharness.model.variant import LINK_VARIANTS, Blame, Variant

# In xroot copies the destination pulls, always. Over GridFTP the source connects to where the destination listens
# (GFD.20, PASV goes to the receiver), and SRM sends its clients there.
_SOURCE_IS_ACTIVE = frozenset({Variant.HTTPS_PUSH, Variant.GFAL_GSIFTP_GSIFTP, Variant.GFAL_SRM_SRM})


def active_role(variant: Variant) -> Blame:
    """The role of the active party in this variant of a link: source or destination."""
    return Blame.SOURCE if variant in _SOURCE_IS_ACTIVE else Blame.DESTINATION


ACTIVE_VARIANTS: dict[Blame, frozenset[Variant]] = {
    role: frozenset(variant for variant in LINK_VARIANTS if active_role(variant) is role)
    for role in (Blame.SOURCE, Blame.DESTINATION)
}
"""The variants in which an endpoint in this role is the active party."""
