"""What variants need of endpoints, and who has it."""

from __future__ import annotations

import pytest

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.needs import able, is_configured, shortage
from tpcharness.model.plan import DropReason
from tpcharness.model.variant import ENDPOINT_VARIANTS, LINK_VARIANTS, Variant
from tpcharness.model.variant_words import SENTENCES

BARE = Endpoint("BARE", "https://bare/vo")
TAPE = Endpoint("TAPE", "https://tape/vo", tape_files=("/vo/f",), tape_archive="/vo/t")
ROOT = Endpoint("ROOT", "https://root/vo", root="roots://root//vo")


def test_a_link_needs_different_things_at_its_ends() -> None:
    assert shortage(Variant.TAPE_RECALL, (TAPE, BARE)) is None
    assert shortage(Variant.TAPE_RECALL, (BARE, TAPE)) == (DropReason.NOT_CONFIGURED, "tape.files of BARE")
    assert shortage(Variant.TAPE_ARCHIVE, (BARE, TAPE)) is None
    assert shortage(Variant.TAPE_ARCHIVE, (TAPE, BARE)) == (DropReason.NOT_CONFIGURED, "tape_archive of BARE")
    assert shortage(Variant.ROOT_PULL, (BARE, ROOT)) == (DropReason.NO_ROOT_DOOR, "BARE")
    assert able(Variant.TAPE_RECALL, (BARE, TAPE)) == (frozenset({"TAPE"}), frozenset({"BARE", "TAPE"}))


def test_an_endpoint_alone_is_its_own_destination() -> None:
    assert shortage(Variant.TAPE_INFO, (TAPE,)) is None
    assert shortage(Variant.TAPE_INFO, (ROOT,)) == (DropReason.NOT_CONFIGURED, "tape.files of ROOT")
    assert shortage(Variant.WEBDAV_UPLOAD, (BARE,)) is None


@pytest.mark.parametrize("variant", Variant)
def test_what_needs_nothing_can_be_done_by_anybody(variant: Variant) -> None:
    bare = (BARE, Endpoint("OTHER", "https://other/vo"))
    assert is_configured(variant, bare) is not any(variant.needs)
    assert not is_configured(variant, ())
    assert is_configured(variant, (BARE,)) is (variant in ENDPOINT_VARIANTS and not any(variant.needs))


def test_one_endpoint_is_no_link_and_two_are() -> None:
    assert not is_configured(Variant.TAPE_RECALL, (TAPE,))
    assert is_configured(Variant.TAPE_RECALL, (TAPE, BARE))
    assert not is_configured(Variant.ROOT_PULL, (ROOT, BARE))


def test_every_variant_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Variant) == {*LINK_VARIANTS, *ENDPOINT_VARIANTS}
