"""Which variants are meant by what people type."""

from __future__ import annotations

import click
import pytest

from tpcharness.cli.options import BEYOND_DOORS, pick_variants
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.variant import (
    DIRECT_VARIANTS,
    ENDPOINT_VARIANTS,
    LINK_VARIANTS,
    ROBOT_VARIANTS,
    TAPE_LINK_VARIANTS,
    Variant,
)

PLAIN = (Endpoint("A", "https://a/vo"), Endpoint("B", "https://b/vo"))
ROOTED = (Endpoint("A", "https://a/vo", root="roots://a//vo"), Endpoint("B", "https://b/vo", root="roots://b//vo"))
TAPED = (Endpoint("A", "https://a/vo", tape_files=("/vo/a",), tape_archive="/vo/t"), PLAIN[1])


def test_all_is_every_way_between_endpoints_that_mounts_no_tape() -> None:
    assert pick_variants(["all"], BEYOND_DOORS) == tuple(v for v in LINK_VARIANTS if v not in TAPE_LINK_VARIANTS)
    assert pick_variants(["all"], ENDPOINT_VARIANTS) == tuple(
        variant for variant in Variant if variant in ENDPOINT_VARIANTS and variant is not Variant.TAPE_STAGE
    )


def test_all_leaves_out_what_nobody_has() -> None:
    plain = {Variant.HTTPS_PULL, Variant.HTTPS_PUSH, Variant.GFAL_DAVS_DAVS}
    assert set(pick_variants(["all"], BEYOND_DOORS, PLAIN)) == plain
    rooted = plain | {Variant.ROOT_PULL, Variant.GFAL_ROOT_ROOT}
    assert set(pick_variants(["all"], BEYOND_DOORS, ROOTED)) == rooted
    assert set(pick_variants(["all"], BEYOND_DOORS, (ROOTED[0], PLAIN[1]))) == plain, "one end is no link"
    assert set(pick_variants(["all"], BEYOND_DOORS, TAPED)) == plain


def test_a_glob_is_all_that_it_matches_and_never_a_tape_robot() -> None:
    assert set(pick_variants(["*load"], BEYOND_DOORS)) == set(DIRECT_VARIANTS) - {Variant.CACHE_READ}
    assert pick_variants(["web*"], BEYOND_DOORS, PLAIN) == (Variant.WEBDAV_UPLOAD, Variant.WEBDAV_DOWNLOAD)
    assert pick_variants(["tape-*"], BEYOND_DOORS, TAPED) == (Variant.TAPE_INFO,)
    assert not set(pick_variants(["*"], BEYOND_DOORS)) & set(ROBOT_VARIANTS)


@pytest.mark.parametrize("variant", ROBOT_VARIANTS)
def test_a_tape_robot_moves_when_it_is_named(variant: Variant) -> None:
    assert pick_variants([variant.value, "all", variant.value], BEYOND_DOORS, PLAIN)[-1:] != ()
    assert variant in pick_variants([variant.value], BEYOND_DOORS, PLAIN), "the plan says what is missing"


def test_names_come_in_their_fixed_order_once() -> None:
    asked = ["root-pull", "https-push", "https-pull", "root-pull", "https-*"]
    assert pick_variants(asked, BEYOND_DOORS) == (Variant.HTTPS_PULL, Variant.HTTPS_PUSH, Variant.ROOT_PULL)
    assert pick_variants([], BEYOND_DOORS) == ()


@pytest.mark.parametrize(
    ("name", "among", "told"),
    [
        ("webdav-uplaod", BEYOND_DOORS, 'no such variant: "webdav-uplaod"; did you mean "webdav-upload"?'),
        ("door", BEYOND_DOORS, '"door" is about one endpoint alone: tpcharness check ENDPOINT --variant door'),
        ("x-*", BEYOND_DOORS, 'no such variant: "x-*"'),
        ("https-pull", ENDPOINT_VARIANTS, '"https-pull" is about a link: tpcharness probe SRC DST'),
        ("*-stage", BEYOND_DOORS, 'no such variant: "*-stage"; did you mean "tape-stage"?'),
        ("gfal-s*", BEYOND_DOORS, 'nothing that "gfal-s*" means is configured: gfal-srm-srm'),
    ],
)
def test_what_means_nothing(name: str, among: tuple[Variant, ...], told: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        pick_variants([name], among, PLAIN)
    assert told in caught.value.message
