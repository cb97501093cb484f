"""The directory of an endpoint whose files go to tape, as a prefix of its own."""

from __future__ import annotations

from dataclasses import replace

from tpcharness.model.endpoint import Endpoint


def archive_of(endpoint: Endpoint) -> Endpoint:
    """The same storage with `tape_archive` for its prefix, so that our directory there is the only one to write in.

    Names, fence and ledger go by the prefix: what may be deleted below the one may not be below the other. Raises
    ValueError for an endpoint that has no such directory.
    """
    if not endpoint.tape_archive:
        raise ValueError(f"endpoint {endpoint.name} has no directory whose files go to tape")
    return replace(endpoint, https=endpoint.url(endpoint.tape_archive.rstrip("/")))
