"""The table of reasons: whole, and frozen where it has been released."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from tpcharness.model.reason import TABLE, Reason
from tpcharness.model.variant import Blame, Phase


def test_every_reason_has_a_whole_row() -> None:
    assert set(TABLE) == set(Reason)
    for reason, row in TABLE.items():
        assert row.reason is reason
        assert row.sentence.endswith((".", "?"))
        assert row.who.endswith((".", "?"))
        assert row.fix
        assert isinstance(reason.phase, Phase)


def test_codes_are_unique() -> None:
    codes = [reason.code(blame) for reason, blame in itertools.product(Reason, Blame)]
    assert len(set(codes)) == len(codes)
    assert Reason.OK.code(Blame.NOBODY) == 0


def test_released_numbers_stay() -> None:
    """Dashboards and alerts rest on these: a number is never changed and never reused."""
    assert {reason.value: row.number for reason, row in TABLE.items()}.items() >= {
        "ok": 0, "endpoint_down": 1, "not_reached": 2, "seed_lost": 3, "internal": 5, "cancelled": 6,
        "token_source_failed": 10, "issuer_unreachable": 11, "issuer_refused": 12, "token_reduced": 13,
        "token_expired": 14, "issuer_invalid": 15, "dns_failure": 20, "no_address_in_family": 21,
        "connection_refused": 25, "connect_timeout": 26, "unreachable": 27, "local_network": 28, "tls_untrusted": 30,
        "tls_expired": 31, "tls_hostname": 32, "tls_handshake": 33, "tls_timeout": 34, "seed_refused": 40,
        "seed_failed": 41, "seed_corrupt": 42, "unauthenticated": 50, "forbidden": 51, "not_found": 52,
        "destination_exists": 53, "parent_missing": 54, "is_directory": 55, "bad_request": 56, "tpc_unsupported": 57,
        "overloaded": 58, "server_error": 59, "no_response": 60, "connection_lost": 61, "malformed_response": 62,
        "redirect_loop": 63, "redirect_invalid": 64, "redirect_downgrade": 65, "passive_address_forbidden": 66,
        "delegation_required": 67, "passive_unauthenticated": 80, "passive_forbidden": 81, "passive_not_found": 82,
        "passive_overloaded": 83, "passive_error": 84, "passive_dns_failure": 85, "passive_refused": 86,
        "passive_timeout": 87, "passive_unreachable": 88, "passive_tls_failed": 89, "passive_redirect": 90,
        "passive_cut": 91, "passive_stalled": 92, "no_space": 93, "local_io_error": 94, "transfer_failed": 95,
        "aborted": 96, "no_verdict": 97, "markers_garbled": 98, "no_first_marker": 99, "no_first_byte": 100,
        "no_progress": 101, "marker_silence": 102, "deadline": 103, "size_mismatch": 110, "checksum_mismatch": 111,
        "checksum_unavailable": 112, "not_visible": 113, "verify_refused": 114, "verify_failed": 115,
        "content_mismatch": 116, "cleanup_refused": 120, "cleanup_failed": 121, "still_writing": 122,
    }.items()  # fmt: skip


def test_frozen_phases_and_blame_digits() -> None:
    assert [phase.value for phase in Phase] == [
        "queued", "token", "resolve", "connect", "tls", "prepare", "request", "transfer", "verify", "cleanup",
    ]  # fmt: skip
    assert {blame.value: blame.digit for blame in Blame} == {
        "nobody": 0, "source": 1, "destination": 2, "path": 3, "issuer": 4, "client": 5, "undetermined": 6,
    }  # fmt: skip


def test_every_reason_is_produced_by_a_test() -> None:
    """Somewhere a test sees each reason come out; what nothing can produce has no place in the table."""
    tests = Path(__file__).parents[1]
    seen = "\n".join(path.read_text(encoding="utf-8") for path in tests.rglob("*.py") if path != Path(__file__))
    missing = [
        reason.value
        for reason in Reason
        if not re.search(rf"\b(?:Reason|R|_R)\.{reason.name}\b|[\"']{reason.value}[\"']", seen)
    ]
    assert missing == []
