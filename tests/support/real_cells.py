"""The copies that go wrong between real XRootD 5.5.3 servers, and what the harness must find."""

from __future__ import annotations

import signal

from tests.support.house import LIMITS, shortened
from tests.support.real_copies import (
    ACTIVE,
    DESTINATION,
    NOBODY,
    PASSIVE,
    PATH,
    CopyCell,
    CopyFault,
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
    setup,
    signalled,
    source_removed,
    source_unreadable,
)
from tests.support.real_world import KIB, MIB, PATIENT
from tpcharness.wire.copy_request import Mode

PULL, PUSH = Mode.PULL, Mode.PUSH

TOKENS = tuple(
    found
    for name, forge in (
        ("expired-token", expired),
        ("foreign-token", foreign),
        ("wrong-audience-token", for_another),
        ("wrong-path-token", for_another_path),
    )
    for found in (
        *both(f"{name}-at-active", CopyFault(forged={ACTIVE: forge}), R.FORBIDDEN, ACTIVE, why=""),
        *both(f"{name}-at-passive", CopyFault(forged={PASSIVE: forge}), R.PASSIVE_FORBIDDEN, PASSIVE, why=""),
    )
)

FILES = (
    cell("destination-exists", PULL, CopyFault(before=destination_there), R.DESTINATION_EXISTS, ACTIVE, why=""),
    cell("destination-exists", PUSH, CopyFault(before=destination_there), R.PASSIVE_FORBIDDEN, PASSIVE, why=""),
    cell("destination-is-directory", PULL, CopyFault(before=destination_is_directory), R.IS_DIRECTORY, ACTIVE, why=""),
    cell("destination-is-directory", PUSH, CopyFault(before=destination_is_directory), R.PASSIVE_ERROR, PASSIVE, why=""),
    cell("parent-missing", PULL, CopyFault(before=parent_missing), R.PARENT_MISSING, ACTIVE, why=""),
    cell("parent-missing", PUSH, CopyFault(before=parent_missing), R.OK, NOBODY, why=""),
    *both("source-removed", CopyFault(before=source_removed), R.SEED_LOST, NOBODY, why=""),
    cell("source-unreadable", PULL, CopyFault(before=source_unreadable), R.PASSIVE_FORBIDDEN, PASSIVE, why=""),
    cell("source-unreadable", PUSH, CopyFault(before=source_unreadable), R.FORBIDDEN, ACTIVE, why=""),
    cell("directory-unwritable", PULL, CopyFault(before=directory_unwritable, disks={ACTIVE: 8 * MIB}), R.FORBIDDEN, ACTIVE, why=""),
    cell("directory-unwritable", PUSH, CopyFault(before=directory_unwritable, disks={PASSIVE: 8 * MIB}), R.PASSIVE_FORBIDDEN, PASSIVE, why=""),
)

DISKS = (
    cell("disk-full", PULL, CopyFault(disks={ACTIVE: 2 * MIB}, size=6 * MIB), R.NO_SPACE, ACTIVE, why=""),
    cell("disk-full", PUSH, CopyFault(disks={PASSIVE: 2 * MIB}, size=6 * MIB), R.PASSIVE_CUT, PASSIVE, PATH, why=""),
    cell("read-only", PULL, CopyFault(disks={ACTIVE: 8 * MIB}, before=read_only), R.LOCAL_IO_ERROR, ACTIVE, why=""),
    cell("read-only", PUSH, CopyFault(disks={PASSIVE: 8 * MIB}, before=read_only), R.PASSIVE_ERROR, PASSIVE, why=""),
)

OWN_PASSIVE = {PASSIVE: setup()}
OWN_ACTIVE = {ACTIVE: setup()}

CERTIFICATES = (
    *both("expired-certificate", CopyFault(setups=OWN_PASSIVE, before=certificate(expired=True)), R.PASSIVE_TLS_FAILED, PASSIVE, ACTIVE, why=""),
    *both("wrong-host-name", CopyFault(setups=OWN_PASSIVE, before=certificate(hosts=("elsewhere.invalid",))), R.PASSIVE_TLS_FAILED, PASSIVE, ACTIVE, why=""),
    *both("unknown-authority", CopyFault(setups={PASSIVE: from_strangers}, trusts_strangers=True), R.PASSIVE_TLS_FAILED, PASSIVE, ACTIVE, why=""),
)

CONFIGURED = (
    cell("no-checksum", PULL, CopyFault(setups={ACTIVE: setup(without=("xrootd.chksum",))}), R.OK, NOBODY, why=""),
    cell("no-checksum", PUSH, CopyFault(setups={PASSIVE: setup(without=("xrootd.chksum",))}), R.OK, NOBODY, why=""),
    cell("no-checksum-big", PULL, CopyFault(setups={ACTIVE: setup(without=("xrootd.chksum",))}, size=65 * MIB, limits=PATIENT), R.CHECKSUM_UNAVAILABLE, ACTIVE, why=""),
    cell("no-checksum-big", PUSH, CopyFault(setups={PASSIVE: setup(without=("xrootd.chksum",))}, size=65 * MIB, limits=PATIENT), R.CHECKSUM_UNAVAILABLE, PASSIVE, why=""),
    *both("no-third-party-copy", CopyFault(setups={ACTIVE: setup(without=("http.exthandler xrdtpc",))}), R.TPC_UNSUPPORTED, ACTIVE, why=""),
    *both("unknown-name", CopyFault(setups={PASSIVE: setup(host="passive.invalid")}), R.PASSIVE_DNS_FAILURE, ACTIVE, why=""),
)

SLOW = 1_000_000
QUICK_TO_GIVE_UP = shortened(response_seconds=4.0, first_marker_seconds=4.0, cleanup_seconds=3.0)

def mid(strike, **more):
    return CopyFault(during=strike, far=True, bytes_per_second=SLOW, size=4 * MIB, limits=PATIENT, **more)

LIVES = (
    *both("passive-down", CopyFault(setups=OWN_PASSIVE, before=passive_down), R.PASSIVE_REFUSED, PASSIVE, PATH, why=""),
    cell("passive-hangs", PULL, CopyFault(setups=OWN_PASSIVE, before=signalled(signal.SIGSTOP, PASSIVE), limits=QUICK_TO_GIVE_UP), R.NO_RESPONSE, PASSIVE, ACTIVE, why=""),
    cell("passive-hangs", PUSH, CopyFault(setups=OWN_PASSIVE, before=signalled(signal.SIGSTOP, PASSIVE), limits=PATIENT), R.PASSIVE_STALLED, PASSIVE, PATH, why=""),
    *both("passive-killed", mid(signalled(signal.SIGKILL, PASSIVE)), R.PASSIVE_CUT, PASSIVE, PATH, why=""),
    *both("passive-stopped", mid(signalled(signal.SIGSTOP, PASSIVE)), R.PASSIVE_STALLED, PASSIVE, PATH, why=""),
    *both("active-killed", mid(signalled(signal.SIGKILL, ACTIVE)), R.NO_VERDICT, ACTIVE, why=""),
    *both("active-stopped", mid(signalled(signal.SIGSTOP, ACTIVE)), R.MARKER_SILENCE, ACTIVE, why=""),
    *both("source-removed-in-mid-transfer", mid(source_removed), R.OK, NOBODY, why=""),
    *both("destination-removed-in-mid-transfer", mid(destination_removed), R.NOT_VISIBLE, DESTINATION, why=""),
)

NETWORK = (
    cell("black-hole", PULL, CopyFault(far=True, before=firewall("drop"), limits=QUICK_TO_GIVE_UP), R.NO_RESPONSE, ACTIVE, PASSIVE, PATH, why=""),
    cell("black-hole", PUSH, CopyFault(far=True, before=firewall("drop"), limits=PATIENT), R.PASSIVE_TIMEOUT, PASSIVE, PATH, why=""),
    *both("host-unreachable", CopyFault(far=True, before=firewall("reject")), R.PASSIVE_REFUSED, PASSIVE, PATH, why=""),
    *both("hangs-at-k-bytes", CopyFault(far=True, before=firewall("drop", after_bytes=MIB), size=4 * MIB, limits=PATIENT), R.PASSIVE_STALLED, PASSIVE, PATH, why=""),
    *both("stands-still-for-us", CopyFault(far=True, before=firewall("drop", after_bytes=MIB), size=4 * MIB, limits=shortened(no_progress_seconds=8.0, first_byte_seconds=8.0, transfer_seconds=60.0)), R.NO_PROGRESS, PASSIVE, ACTIVE, PATH, why=""),
    *both("reset-at-k-bytes", CopyFault(far=True, before=firewall("reset", after_bytes=MIB), size=4 * MIB), R.PASSIVE_CUT, PASSIVE, PATH, why=""),
    *both("slow-link", CopyFault(far=True, bytes_per_second=SLOW, size=2 * MIB), R.OK, NOBODY, why=""),
    *both("too-slow-link", CopyFault(far=True, bytes_per_second=SLOW // 4, size=2 * MIB, limits=shortened(transfer_seconds=4.0)), R.DEADLINE, PASSIVE, ACTIVE, PATH, why=""),
)

COPY_CELLS: tuple[CopyCell, ...] = (*NETWORK, *LIVES, *TOKENS, *FILES, *DISKS, *CERTIFICATES, *CONFIGURED)
