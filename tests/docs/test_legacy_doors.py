"""The page about legacy doors: its table is that of the testbed, and its words are those of the product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tpcharness.config.addresses import check_gsiftp_url, check_srm_url
from tpcharness.model.reason import Reason
from tpcharness.testbed.legacy.manners import MANNERS, Manner

PAGE = (Path(__file__).parents[2] / "docs" / "legacy-doors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("manner", MANNERS, ids=str)
def test_every_manner_has_its_row(manner: Manner) -> None:
    assert PAGE.count(f"{manner.row_of_page}\n") == 1


def test_no_row_is_left_over() -> None:
    assert PAGE.partition("## What is tried")[2].count("\n| ") == len(MANNERS) + 2


def test_every_reason_that_can_come_is_explained() -> None:
    meant = PAGE.partition("## What the results mean")[2].partition("## What is tried")[0]
    assert {manner.reason for manner in MANNERS} - {Reason.OK} <= {
        Reason(word) for word in re.findall(r"`(\w+)`", meant) if word in set(Reason)
    }


def test_the_example_is_a_good_one() -> None:
    (gsiftp,) = re.findall(r'^gsiftp = "(.*?)"', PAGE, re.MULTILINE)
    (srm,) = re.findall(r'^srm = "(.*?)"', PAGE, re.MULTILINE)
    assert (check_gsiftp_url(gsiftp), check_srm_url(srm)) == (gsiftp, srm)
