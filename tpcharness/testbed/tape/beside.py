"""A tape service beside a storage of the grid, with a file on tape and a directory whose files go there."""

from __future__ import annotations

import ssl

from tpcharness.testbed.authorisation import Verifier
from tpcharness.testbed.storage import Storage
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.tape.library import Library
from tpcharness.testbed.tape.manner import manner_of
from tpcharness.testbed.tape.service import WELL_KNOWN, TapeService

TAPE_FILE = "tape-probe/file"
TAPE_ARCHIVE = "tape-archive"


def service_beside(
    storage: Storage,
    verifier: Verifier,
    server_ssl: ssl.SSLContext,
    faults: set[TapeFault],
    *,
    recall_seconds: float,
    migrate_seconds: float,
) -> TapeService:
    """The service in the manner of the storage, whose door leads to it; not started."""
    manner, archive = manner_of(storage.dialect.name), f"{storage.prefix}/{TAPE_ARCHIVE}"
    library = Library(
        storage.files,
        recall_seconds,
        archive=archive,
        migrate_seconds=migrate_seconds,
        frees_disk=manner.frees_disk,
    )
    library.add(f"{storage.prefix}/{TAPE_FILE}", b"from tape\n" * 1024)
    storage.files.make_directory(archive, parents=True)
    service = TapeService(f"{storage.name.lower()}-tape", library, verifier, server_ssl, manner, faults)
    storage.pages[WELL_KNOWN] = service.document
    return service
