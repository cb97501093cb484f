"""The requests of a third-party copy by xroot: the destination pulls, a key that we make lets it in (xroot 11).

The source compares four things with what the destination shows: the key, who we are, the path, the destination's
host. Nothing is delegated: where the destination shows our own credential at the source, `forwarded` replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tpcharness.model.secret import Secret
from tpcharness.wire.xroot.codes import OpenFlag
from tpcharness.wire.xroot.opaque import Opaque
from tpcharness.wire.xroot.operations import PathRequest, open_file

KEY_DIGITS = 24
GRANT_SECONDS = 60
"""How long a source may keep the key; each cuts it to its own limit (XRootD: 15 s unless it is told more)."""

COPY_FLAGS = OpenFlag.UPDATE | OpenFlag.NEW | OpenFlag.MKPATH
"""The destination must not exist: a copy onto a file that is there would lose it (xroot 1)."""


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """What a source and a destination must both be told of one copy.

    `key` is a fresh word of 24 hex digits for each attempt: whoever has it may read the file once. `source` is
    host:port of the server that has the file, `asked` of the one that we asked for it; `path` is the file's there.
    """

    key: str = field(repr=False)
    source: str
    asked: str
    path: str
    size: int
    secure_source: bool
    secure_destination: bool

    def destination_request(self, path: str, token: Secret | None, forwarded: Secret | None) -> PathRequest:
        """Opens the new file at the destination. `forwarded` is the source's token, for a destination that would
        show ours at the source: it stands on that server's process list for a moment.
        """
        opaque = Opaque.of(
            ("authz", token),
            ("tpc.key", self.key),
            ("tpc.src", self.source),
            ("tpc.lfn", self.path),
            ("tpc.dlg", self.asked),
            ("tpc.spr", "xroots" if self.secure_source else "root"),
            ("tpc.tpr", "roots" if self.secure_destination else "root"),
            ("tpc.dlgon", "0"),
            ("oss.asize", str(self.size)),
            ("tpc.stage", "copy"),
            ("tpc.scgi", None if forwarded is None else Secret(f"authz={forwarded.reveal()}")),
        )
        return open_file(path, COPY_FLAGS, opaque)

    def grant_request(self, placement: PathRequest, destination: str) -> PathRequest:
        """Lets the destination's host in at the source.

        `placement` is the request by which the source was found, as its last server was sent it: what a redirect
        added to it must be repeated.
        """
        opaque = placement.opaque.replaced(
            ("tpc.key", self.key), ("tpc.dst", destination), ("tpc.ttl", str(GRANT_SECONDS)), ("tpc.stage", "copy")
        )
        return open_file(placement.path, OpenFlag.READ, opaque)


def placement_request(path: str, token: Secret | None) -> PathRequest:
    """Finds the server that has the file, and its size; dCache and EOS want to be told that it is for a copy."""
    opaque = Opaque.of(("authz", token), ("tpc.stage", "placement"))
    return open_file(path, OpenFlag.READ | OpenFlag.RETSTAT, opaque)
