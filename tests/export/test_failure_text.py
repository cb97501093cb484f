from dataclasses import replace

import pytest

from tests.export.samples import copy_exchange, door, ended, failed, good
from tests.export.screen import Screen
from tpcharness.export.failure_text import FailureText, blamed_party, deciding_exchange
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, Exchange, TokenFacts
from tpcharness.model.variant import Blame, Outcome, Phase

WHOLE = """\
failure: SITE-A → SITE-B https-pull: The storage knows who we are but does not let us do this there. (forbidden; phase \
request, blame destination SITE-B)
  asked:  COPY https://site-b.example:2880/data/tpcharness/x/file
  token:  write: storage.create:/tpcharness/x, issuer https://iam.example.org/
  answer: 403 Forbidden (XRootD/5.7.1 at pool.site-b.example:2880, after 1 redirect) — "no matching mapping for issuer"
  or:     unauthenticated (blame issuer): The storage does not accept the token it was sent.
  note:   no marker for 7 s
  hint:   the token's issuer is not mapped at the destination  See: tpcharness explain forbidden"""


def test_a_failure_is_what_failed_what_was_said_and_what_to_do():
    assert Screen(160).show(FailureText(failed())).text == WHOLE


def test_our_own_error_is_called_one():
    result = ended(good(), Outcome.ERROR, Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
    result = replace(result, evidence=Evidence())
    lines = Screen(160).show(FailureText(result)).lines
    assert lines[0].startswith("error: SITE-A → SITE-B https-pull: No token")
    assert "blame client)" in lines[0]
    assert not any("asked" in line or "answer" in line for line in lines)
    assert Reason.TOKEN_SOURCE_FAILED.info.fix in lines[-1]


def exchange(phase, method="HEAD", status=200, error=""):
    return Exchange(phase, method, "https://x/", status=status, error=error)


@pytest.mark.parametrize(
    ("reason", "exchanges", "expected"),
    [
        (Reason.FORBIDDEN, [exchange(Phase.PREPARE, "PUT"), exchange(Phase.REQUEST, "COPY", 403)], 1),
        (Reason.NO_VERDICT, [exchange(Phase.REQUEST, "COPY", 202), exchange(Phase.CLEANUP, "DELETE", 204)], 0),
        (Reason.SIZE_MISMATCH, [exchange(Phase.REQUEST, "COPY", 202), exchange(Phase.VERIFY)], 1),
        (Reason.VERIFY_FAILED, [exchange(Phase.VERIFY, "HEAD", 500), exchange(Phase.VERIFY, "GET", 200)], 0),
        (Reason.TLS_EXPIRED, [exchange(Phase.REQUEST, "COPY", None, "certificate has expired")], 0),
        (Reason.TLS_EXPIRED, [exchange(Phase.REQUEST, "PUT", 201)], None),
        (Reason.PASSIVE_NOT_FOUND, [exchange(Phase.REQUEST, "COPY", 202), exchange(Phase.CLEANUP, "DELETE", 404)], 0),
        (Reason.CLEANUP_REFUSED, [exchange(Phase.REQUEST, "COPY", 202), exchange(Phase.CLEANUP, "DELETE", 403)], 1),
        (Reason.SEED_FAILED, [exchange(Phase.PREPARE, "PUT", 500), exchange(Phase.PREPARE, "MKCOL", 405)], 0),
        (Reason.ISSUER_REFUSED, [exchange(Phase.PREPARE, "MKCOL", 405)], None),
        (Reason.CONNECTION_REFUSED, [exchange(Phase.CLEANUP, "DELETE", None, "connection refused")], None),
        (Reason.FORBIDDEN, [], None),
    ],
)
def test_the_exchange_that_the_verdict_rests_on(reason, exchanges, expected):
    result = failed(reason=reason, evidence=Evidence(exchanges=tuple(exchanges)))
    assert deciding_exchange(result) is (None if expected is None else exchanges[expected])


def facts(role, path):
    return TokenFacts(role, "https://iam/", scope=f"storage.any:{path}")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (Exchange(Phase.REQUEST, "COPY", "https://b/dteam/t/copy", status=500), ["read: /t/seed", "write: /t/copy"]),
        (Exchange(Phase.REQUEST, "MKCOL", "https://b/dteam/t", status=403), ["directory: /t"]),
        (Exchange(Phase.REQUEST, "DELETE", "https://b/dteam/t/copy", status=403), ["cleanup: /t/copy"]),
        (Exchange(Phase.REQUEST, "HEAD", "https://b/dteam/t/copy", status=403), ["verify: /t/copy"]),
        (Exchange(Phase.REQUEST, "OPTIONS", "https://b/dteam", status=500), []),
    ],
)
def test_only_the_tokens_that_matter_are_shown(asked, shown):
    roles = ("directory", "/"), ("directory", "/t"), ("seed", "/t/seed"), ("read", "/t/seed"), ("write", "/t/copy")
    tokens = tuple(facts(*each) for each in (*roles, ("verify", "/t/copy"), ("cleanup", "/t/copy")))
    lines = Screen(120).show(FailureText(failed(evidence=Evidence(exchanges=(asked,), tokens=tokens)))).lines
    said = [line.strip() for line in lines if line.startswith("  token:")]
    assert said == [f"token:  {each.replace(' ', ' storage.any:')}, issuer https://iam/" for each in shown]


def test_a_hint_that_repeats_the_answer_gives_way_to_what_to_do():
    result = failed(body="permission denied", hint="DELETE was answered 403: permission denied")
    assert Reason.FORBIDDEN.info.fix in Screen(200).show(FailureText(result)).lines[-1]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_too_long_or_ends_with_a_blank(width):
    result = failed(body="x" * 500, warnings=("a word " * 40,))
    screen = Screen(width).show(FailureText(result))
    lines = screen.raw.splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line.endswith(" ") for line in lines)


def test_the_blamed_endpoint_has_its_name():
    assert blamed_party(failed(blame=Blame.SOURCE)) == "source SITE-A"
    assert blamed_party(failed(blame=Blame.PATH)) == "path"
    assert blamed_party(door(reason=Reason.TLS_EXPIRED)) == "endpoint SITE-A"
    assert blamed_party(ended(door(), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT)) == "client"


def test_a_connection_that_failed_shows_its_error_as_the_answer():
    evidence = Evidence(exchanges=(exchange(Phase.REQUEST, "COPY", None, "connection refused"),))
    result = failed(reason=Reason.CONNECTION_REFUSED, evidence=evidence)
    assert "  answer: connection refused" in Screen(120).show(FailureText(result)).lines


def test_hostile_text_is_neither_obeyed_nor_read_as_markup():
    body = "[red]a[/blue]\x1b[2J\x1b]0;t\x07\u202e\r\nb :skull: " + "x" * 5000
    evidence = Evidence(
        exchanges=(replace(copy_exchange("B", 403, "\x1bcNo"), server="[bold]\x07evil", body_excerpt=body),)
    )
    screen = Screen(100).show(FailureText(failed(evidence=evidence, hint="[/]\x1b[1m", warnings=("\x00[/w]",))))
    assert "\x1b" not in screen.raw
    assert "\u202e" not in screen.raw
    assert "[red]a[/blue] b :skull:" in screen.text
    assert len(screen.text) < 2000


def test_a_retry_says_which_attempt_it_was():
    assert "https-pull (attempt 2):" in Screen(200).show(FailureText(failed(attempt=2))).lines[0]
