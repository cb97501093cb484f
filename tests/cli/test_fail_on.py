"""--fail-on: which results make a run a failed one."""

from __future__ import annotations

import click
import pytest

from tests.export.samples import door, ended, failed, findings, good, matrix
from tpcharness.cli.exits import ExitCode
from tpcharness.cli.fail_on import FailOn, Rule, fail_on
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.comparison import compare
from tpcharness.results.store import MatrixStore


def stored(*results: Result) -> MatrixStore:
    store = MatrixStore()
    for result in results:
        store.add(result)
    return store


WELL = stored(door("SITE-A"), door("SITE-B"), good())
ONE_LINK = stored(door("SITE-A"), door("SITE-B"), good(), failed(variant=Variant.HTTPS_PUSH))
DOWN = stored(
    door("SITE-A", reason=Reason.CONNECTION_REFUSED),
    door("SITE-B"),
    ended(good(), Outcome.SKIPPED, Reason.ENDPOINT_DOWN, Blame.SOURCE),
)
NO_TOKEN = stored(
    ended(door("SITE-A"), Outcome.ERROR, Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT), door("SITE-B"), good("B", "C")
)
WIDE, SINGLE = findings()


@pytest.mark.parametrize(
    ("store", "found", "failing"),
    [
        (WELL, (), set()),
        (ONE_LINK, (SINGLE,), {"any", "threshold:51%", "threshold:100%"}),
        (DOWN, (), {"any", "endpoint", "threshold:51%", "threshold:50%", "threshold:100%"}),
        (NO_TOKEN, (), {"any", "endpoint"}),
        (matrix(4), (WIDE, SINGLE), {"any", "endpoint", "threshold:100%"}),
        (MatrixStore(), (), set()),
    ],
    ids=["all is well", "one link", "an endpoint is down", "an endpoint has no token", "a matrix", "nothing"],
)
def test_what_makes_which_rule_fail(store, found, failing):
    rules = ["any", "endpoint", "threshold:0%", "threshold:50%", "threshold:51%", "threshold:100%", "never"]
    assert {rule for rule in rules if fail_on(rule).judge(store, found) is ExitCode.FAILED} == failing


def test_only_what_is_new_counts():
    rule = fail_on("new")
    assert rule.judge(ONE_LINK, (), compare(ONE_LINK, ONE_LINK)) is ExitCode.OK
    assert rule.judge(ONE_LINK, (), compare(WELL, ONE_LINK)) is ExitCode.FAILED
    assert rule.judge(WELL, (), compare(ONE_LINK, WELL)) is ExitCode.OK
    assert rule.judge(ONE_LINK) is ExitCode.FAILED


def test_the_last_attempt_counts():
    first = failed()
    store = stored(first, good(probe_id=first.probe_id, attempt=2))
    assert FailOn().judge(store) is ExitCode.OK


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("any", FailOn()),
        ("never", FailOn(Rule.NEVER)),
        ("threshold:95%", FailOn(Rule.THRESHOLD, 95)),
        ("threshold:99.5%", FailOn(Rule.THRESHOLD, 99.5)),
    ],
)
def test_how_a_rule_is_written(text, rule):
    assert fail_on(text) == rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nevr", 'did you mean "never"?'),
        ("xyz", "known: any, endpoint, new, threshold:95%, never"),
        ("", "known: any"),
        ("any:1", "only threshold takes a number"),
        ("threshold", "threshold:95%"),
        ("threshold:95", "threshold:95%"),
        ("threshold:101%", "between 0% and 100%"),
        ("threshold:-1%", "between 0% and 100%"),
        ("threshold:nan%", "between 0% and 100%"),
        ("threshold:x%", "threshold:95%"),
    ],
)
def test_what_is_no_rule(text, message):
    with pytest.raises(click.BadParameter) as caught:
        fail_on(text)
    assert message in caught.value.message
