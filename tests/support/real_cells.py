"""The copies that go wrong between real XRootD 5.5.3 servers, and what the harness must find.

A cell whose failure looks the same from here whoever caused it names all who may have, and says why.
"""

from __future__ import annotations

import signal
from dataclasses import replace

from tests.support.house import shortened
from tests.support.real_cell import RealCell
from tests.support.real_copies import (
    ACTIVE,
    DESTINATION,
    NOBODY,
    PASSIVE,
    PATH,
    SOURCE,
    CopyFault,
    Disturb,
    R,
    both,
    cell,
    certificate,
    destination_is_directory,
    destination_removed,
    destination_there,
    directory_unwritable,
    expired,
    firewall,
    for_another,
    for_another_path,
    foreign,
    from_strangers,
    parent_missing,
    passive_down,
    read_only,
    redirector,
    setup,
    signalled,
    source_removed,
    source_shortened,
    source_spoilt,
    source_unreadable,
    with_modify,
)
from tests.support.real_world import MIB, PATIENT
from tpcharness.model.settings import TimeLimits
from tpcharness.wire.copy_request import Mode

PULL, PUSH = Mode.PULL, Mode.PUSH

SLOW_BYTES_PER_SECOND = 1_000_000
SHORT = shortened(response_seconds=4.0, first_marker_seconds=4.0, cleanup_seconds=3.0)
STANDING = shortened(no_progress_seconds=8.0, first_byte_seconds=8.0, transfer_seconds=60.0)
HURRIED = shortened(transfer_seconds=4.0)
LISTENING = replace(PATIENT, marker_silence_seconds=8.0)

NO_CHECKSUM = setup(without=("xrootd.chksum",))
NO_COPY = setup(without=("http.exthandler xrdtpc",))
ROOMY, SMALL = 8 * MIB, 2 * MIB

ONE_WORD = "XRootD 5.5.3 has the same 401 (of the active party) and 403 for every fault of a token, and names none."
FAR_END = "From here a passive party that fails only the active one looks like a path that does."
THREE_ENDS = "Bytes stand still alike, whichever disk or link is slow; the passive party still serves us."
NOT_A_WORD = "5.5.3 answers nothing while the source does not answer its HEAD: it may itself hang."
STALLED = (
    "Its one text for stalls and for connections that never come about: 'no bytes have been received in N seconds'."
)


def in_mid_transfer(strike: Disturb, limits: TimeLimits = PATIENT) -> CopyFault:
    """Something happens while bytes flow over a link that makes them take twelve seconds: gfal2 is slow to begin."""
    return CopyFault(during=strike, far=True, bytes_per_second=SLOW_BYTES_PER_SECOND, size=12 * MIB, limits=limits)


def _tokens() -> tuple[RealCell, ...]:
    forges = {"expired": expired, "foreign": foreign, "wrong-audience": for_another, "wrong-path": for_another_path}
    return tuple(
        found
        for name, forge in forges.items()
        for found in (
            *both(f"{name}-token-at-active", CopyFault(forged={ACTIVE: forge}), R.FORBIDDEN, ACTIVE, why=ONE_WORD),
            *both(
                f"{name}-token-at-passive",
                CopyFault(forged={PASSIVE: forge}),
                R.PASSIVE_FORBIDDEN,
                PASSIVE,
                why=ONE_WORD,
            ),
        )
    )


# fmt: off
_FILES = (
    cell("destination-exists", PULL, CopyFault(before=destination_there), R.FORBIDDEN, ACTIVE,
         why="Whoever may not overwrite is told 401 'permission denied', before Overwrite is looked at."),
    cell("destination-exists", PUSH, CopyFault(before=destination_there), R.PASSIVE_FORBIDDEN, PASSIVE,
         why="403 without a text: an existing file needs storage.modify."),
    cell("replaceable-destination-exists", PULL, CopyFault(before=destination_there, forged={ACTIVE: with_modify}),
         R.DESTINATION_EXISTS, ACTIVE, why="412 Unable to create ...; file exists."),
    cell("replaceable-destination-exists", PUSH, CopyFault(before=destination_there, forged={PASSIVE: with_modify}),
         R.OK, NOBODY, why="A PUT knows no Overwrite: F."),
    cell("destination-is-directory", PULL, CopyFault(before=destination_is_directory), R.FORBIDDEN, ACTIVE,
         why="As for a file."),
    cell("destination-is-directory", PUSH, CopyFault(before=destination_is_directory), R.PASSIVE_ERROR, PASSIVE,
         why="409, and of a push it passes on the code only."),
    cell("parent-missing", PULL, CopyFault(before=parent_missing), R.PARENT_MISSING, ACTIVE,
         why="400 Unable to create ...; no such file or directory."),
    cell("parent-missing", PUSH, CopyFault(before=parent_missing), R.OK, NOBODY,
         why="A PUT makes the parents."),
    *both("source-removed", CopyFault(before=source_removed), R.SEED_LOST, NOBODY,
          why="The seed is looked at again when somebody says it is not there."),
    cell("source-unreadable", PULL, CopyFault(before=source_unreadable), R.PASSIVE_FORBIDDEN, PASSIVE),
    cell("source-unreadable", PUSH, CopyFault(before=source_unreadable), R.FORBIDDEN, ACTIVE),
    cell("source-shortened", PULL, CopyFault(before=source_shortened), R.SIZE_MISMATCH, SOURCE),
    cell("source-shortened", PUSH, CopyFault(before=source_shortened), R.SIZE_MISMATCH, SOURCE),
    cell("source-spoilt", PULL, CopyFault(before=source_spoilt), R.CHECKSUM_MISMATCH, SOURCE),
    cell("source-spoilt", PUSH, CopyFault(before=source_spoilt), R.CHECKSUM_MISMATCH, SOURCE),
)

_DISKS = (
    cell("directory-unwritable", PULL, CopyFault(before=directory_unwritable, disks={ACTIVE: ROOMY}), R.FORBIDDEN,
         ACTIVE),
    cell("directory-unwritable", PUSH, CopyFault(before=directory_unwritable, disks={PASSIVE: ROOMY}),
         R.PASSIVE_FORBIDDEN, PASSIVE),
    cell("disk-full", PULL, CopyFault(disks={ACTIVE: SMALL}, size=6 * MIB), R.NO_SPACE, ACTIVE),
    cell("disk-full", PUSH, CopyFault(disks={PASSIVE: SMALL}, size=6 * MIB), R.PASSIVE_CUT, PASSIVE, PATH,
         why="5.5.3 closes the connection of a PUT that meets a full disk, as a broken path does."),
    cell("read-only", PULL, CopyFault(before=read_only, disks={ACTIVE: ROOMY}), R.LOCAL_IO_ERROR, ACTIVE,
         why="400 Unable to create ...; read-only file system."),
    cell("read-only", PUSH, CopyFault(before=read_only, disks={PASSIVE: ROOMY}), R.PASSIVE_ERROR, PASSIVE,
         why="500, and of a push it passes on the code only."),
)

_CERTIFICATES = (
    *both("expired-certificate", CopyFault(before=certificate(expired=True)),
          R.PASSIVE_TLS_FAILED, PASSIVE,
          why="It says 'SSL peer certificate or SSH remote key was not OK' of any fault; we see the same one."),
    *both("wrong-host-name", CopyFault(before=certificate(hosts=("elsewhere.invalid",))),
          R.PASSIVE_TLS_FAILED, PASSIVE, why="As above."),
    *both("unknown-authority", CopyFault(setups={PASSIVE: from_strangers}, trusts_strangers=True),
          R.PASSIVE_TLS_FAILED, ACTIVE, why="The same words, but we accept the certificate: its CA is missing there."),
)

_CONFIGURATIONS = (
    cell("no-checksum", PULL, CopyFault(setups={ACTIVE: NO_CHECKSUM}), R.OK, NOBODY),
    cell("no-checksum", PUSH, CopyFault(setups={PASSIVE: NO_CHECKSUM}), R.OK, NOBODY),
    cell("no-checksum-big", PULL, CopyFault(setups={ACTIVE: NO_CHECKSUM}, size=65 * MIB, limits=PATIENT),
         R.CHECKSUM_UNAVAILABLE, ACTIVE),
    cell("no-checksum-big", PUSH, CopyFault(setups={PASSIVE: NO_CHECKSUM}, size=65 * MIB, limits=PATIENT),
         R.CHECKSUM_UNAVAILABLE, PASSIVE),
    *both("no-third-party-copy", CopyFault(setups={ACTIVE: NO_COPY}), R.TPC_UNSUPPORTED, ACTIVE,
          why="400 Request unknown."),
    *both("unknown-name", CopyFault(setups={PASSIVE: setup(host="passive.invalid")}), R.PASSIVE_DNS_FAILURE, ACTIVE,
          why="We can resolve it."),
    *both("redirector-as-passive", CopyFault(setups={PASSIVE: redirector}), R.OK, NOBODY,
          why="XRootD's redirects carry the token in the URL, so that even libcurl follows them with it."),
    *both("cluster-as-passive", CopyFault(cluster=PASSIVE, limits=PATIENT), R.OK, NOBODY),
    cell("cluster-as-active", PULL, CopyFault(cluster=ACTIVE, limits=PATIENT), R.LOCAL_IO_ERROR, ACTIVE,
         why="400 Failed to open local resource: what a manager says that has to look for a new name first."),
    cell("cluster-as-active", PUSH, CopyFault(cluster=ACTIVE, limits=PATIENT), R.OK, NOBODY,
         why="The manager knows where the seed is, and redirects the COPY."),
    cell("static-redirector-as-active", PULL, CopyFault(setups={ACTIVE: redirector}), R.PARENT_MISSING, ACTIVE,
         why="xrootd.redirect does not concern COPY: it looks at the redirector's own, empty disk."),
    cell("static-redirector-as-active", PUSH, CopyFault(setups={ACTIVE: redirector}), R.NOT_FOUND, ACTIVE,
         why="As above; the seed is still where it was."),
)

_SERVERS = (
    *both("passive-down", CopyFault(before=passive_down), R.PASSIVE_REFUSED, PASSIVE,
          why="It refuses us as well."),
    cell("passive-hangs", PULL,
         CopyFault(before=signalled(signal.SIGSTOP, PASSIVE), limits=SHORT), R.NO_RESPONSE, PASSIVE,
         why="5.5.3 answers nothing while the source does not answer its HEAD; it does not answer us either."),
    cell("passive-hangs", PUSH,
         CopyFault(before=signalled(signal.SIGSTOP, PASSIVE), limits=PATIENT),
         R.PASSIVE_STALLED, PASSIVE, why=STALLED),
    *both("passive-killed", in_mid_transfer(signalled(signal.SIGKILL, PASSIVE)), R.PASSIVE_CUT, PASSIVE),
    *both("passive-stopped", in_mid_transfer(signalled(signal.SIGSTOP, PASSIVE)), R.PASSIVE_STALLED, PASSIVE),
    *both("active-killed", in_mid_transfer(signalled(signal.SIGKILL, ACTIVE)), R.NO_VERDICT, ACTIVE),
    *both("active-stopped", in_mid_transfer(signalled(signal.SIGSTOP, ACTIVE), LISTENING), R.MARKER_SILENCE, ACTIVE),
    *both("source-removed-in-mid-transfer", in_mid_transfer(source_removed), R.OK, NOBODY,
          why="An open file outlives its name."),
    *both("destination-removed-in-mid-transfer", in_mid_transfer(destination_removed), R.NOT_VISIBLE, DESTINATION,
          why="'success: Created' of a file that nobody can see."),
)

_NETWORK = (
    cell("black-hole", PULL, CopyFault(far=True, before=firewall("drop"), limits=SHORT), R.NO_RESPONSE,
         ACTIVE, PASSIVE, PATH, why=NOT_A_WORD),
    cell("black-hole", PUSH, CopyFault(far=True, before=firewall("drop"), limits=PATIENT), R.PASSIVE_STALLED,
         PASSIVE, PATH, why=STALLED),
    *both("host-unreachable", CopyFault(far=True, before=firewall("refuse")), R.PASSIVE_REFUSED, PASSIVE, PATH,
          why="libcurl's one text for all: 'Couldn't connect to server'."),
    *both("hangs-at-k-bytes", in_mid_transfer(firewall("drop")), R.PASSIVE_STALLED, PASSIVE, PATH, why=FAR_END),
    *both("stands-still-too-long-for-us", in_mid_transfer(firewall("drop"), STANDING), R.NO_PROGRESS,
          ACTIVE, PASSIVE, PATH, why=THREE_ENDS),
    *both("reset-at-k-bytes", in_mid_transfer(firewall("reset", after_bytes=0)), R.PASSIVE_CUT, PASSIVE, PATH,
          why=FAR_END),
    *both("slow-link", CopyFault(far=True, bytes_per_second=SLOW_BYTES_PER_SECOND, size=2 * MIB), R.OK, NOBODY,
          why="Slow is no fault."),
    *both("too-slow-link", CopyFault(far=True, bytes_per_second=SLOW_BYTES_PER_SECOND // 4, size=2 * MIB,
          limits=HURRIED), R.DEADLINE, ACTIVE, PASSIVE, PATH, "client", why=THREE_ENDS),
)
# fmt: on

# The slow ones first: all run side by side.
COPY_CELLS: tuple[RealCell, ...] = (
    *_NETWORK,
    *_SERVERS,
    *_tokens(),
    *_FILES,
    *_DISKS,
    *_CERTIFICATES,
    *_CONFIGURATIONS,
)
