"""What a legacy door's words mean: nothing is called shut that was not heard to refuse."""

from __future__ import annotations

import pytest

from tpcharness.diagnosis.legacy_verdict import (
    MAX_SAID,
    SHUT,
    FtpTalk,
    judge_failure,
    judge_gsiftp,
    judge_ping,
    judge_srm_failure,
    over_all,
    said,
)
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame
from tpcharness.wire.legacy.ftp import Reply
from tpcharness.wire.legacy.srm import PingAnswer, PingKind

GREETING = Reply(220, "GridFTP Server ready.")


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.CONNECTION_REFUSED])
def test_only_a_refusal_is_a_shut_door(reason: Reason) -> None:
    failure = Failure(reason, "why")
    for judge in (judge_failure, judge_srm_failure):
        assert judge(failure) != SHUT or reason is Reason.OK
    if reason is not Reason.OK:
        assert judge_gsiftp(FtpTalk(failure=failure)).reason is reason


def test_a_refusal_is_one() -> None:
    assert judge_failure(Failure(Reason.CONNECTION_REFUSED)) == SHUT


@pytest.mark.parametrize(
    ("auth", "kind"),
    [
        (Reply(334, "ADAT must follow"), "gsiftp, with GSI: 220 GridFTP Server ready."),
        (Reply(530, "globus_xio: Server side credential failure\nGSS failure:"), "gsiftp, with GSI: "),
        (Reply(500, "AUTH not understood"), "FTP without GSI: "),
        (Reply(504, "Unknown security mechanism"), "FTP without GSI: "),
        (None, "an FTP server: "),
    ],
)
def test_a_greeting_is_an_answer(auth: Reply | None, kind: str) -> None:
    verdict = judge_gsiftp(FtpTalk(GREETING, auth))
    assert (verdict.reason, verdict.blame, verdict.alternatives) == (Reason.LEGACY_ANSWERS, Blame.DESTINATION, ())
    assert verdict.hint.startswith(kind)


@pytest.mark.parametrize(
    ("greeting", "certain"),
    [
        (Reply(421, "GridFTP is closed for ever"), True),
        (Reply(530, "GridFTP is closed"), True),
        (Reply(421, "Too busy"), False),  # a mail server may say so too, RFC 5321
        (Reply(502, "no permission"), False),  # a news server, RFC 3977
        (Reply(554, "no service here"), False),  # a mail server, RFC 5321
    ],
)
def test_who_turns_everybody_away_may_be_another(greeting: Reply, certain: bool) -> None:
    verdict = judge_gsiftp(FtpTalk(greeting))
    assert (verdict.reason, verdict.blame) == (Reason.LEGACY_ANSWERS, Blame.DESTINATION)
    assert [each.reason for each in verdict.alternatives] == ([] if certain else [Reason.MALFORMED_RESPONSE])


def test_turning_everybody_away_is_an_answer_too() -> None:
    verdict = judge_gsiftp(FtpTalk(Reply(421, "GridFTP is closed for ever")))
    assert verdict.reason is Reason.LEGACY_ANSWERS
    assert verdict.hint == "an FTP server, that turns everybody away: 421 GridFTP is closed for ever"


@pytest.mark.parametrize(
    "greeting",
    [
        Reply(220, "mx ESMTP Postfix"),
        Reply(200, "news ready"),
        Reply(334, "x"),
        Reply(421, "4.3.2 Connection rate limit exceeded."),
        Reply(554, "5.7.1 no service here"),
        Reply(421, "4.7.0"),
    ],
)
def test_other_servers_with_codes_are_no_gsiftp(greeting: Reply) -> None:
    verdict = judge_gsiftp(FtpTalk(greeting))
    assert (verdict.reason, verdict.alternatives) == (Reason.MALFORMED_RESPONSE, ())


@pytest.mark.parametrize(
    ("auth", "reason", "certain"),
    [
        (Reply(334, "ADAT must follow"), Reason.LEGACY_ANSWERS, True),
        (Reply(535, "GSS failure"), Reason.LEGACY_ANSWERS, True),
        (Reply(500, "AUTH not understood"), Reason.LEGACY_ANSWERS, False),
        (None, Reason.LEGACY_ANSWERS, False),
        (Reply(503, "5.5.1 Error: send HELO/EHLO first"), Reason.MALFORMED_RESPONSE, True),
    ],
)
@pytest.mark.parametrize("text", ["se.example.org", "5.0.1 is our version", ""])
def test_a_banner_that_names_no_service_is_told_by_what_follows(
    text: str, auth: Reply | None, reason: Reason, certain: bool
) -> None:
    verdict = judge_gsiftp(FtpTalk(Reply(220, text), auth))
    assert (verdict.reason, verdict.blame) == (reason, Blame.DESTINATION)
    assert [each.reason for each in verdict.alternatives] == ([] if certain else [Reason.MALFORMED_RESPONSE])
    assert ("or another" in verdict.hint) is not certain


@pytest.mark.parametrize(
    ("answer", "reason", "maybe"),
    [
        (PingAnswer(PingKind.PING, 200, said="v2.2"), Reason.LEGACY_ANSWERS, False),
        (PingAnswer(PingKind.FAULT, 500, said="no"), Reason.LEGACY_ANSWERS, False),
        (PingAnswer(PingKind.HTTP, 200), Reason.MALFORMED_RESPONSE, False),
        (PingAnswer(PingKind.HTTP, 302), Reason.MALFORMED_RESPONSE, False),
        (PingAnswer(PingKind.HTTP, 400), Reason.MALFORMED_RESPONSE, False),
        (PingAnswer(PingKind.HTTP, 400, body="The SSL certificate error"), Reason.LEGACY_ANSWERS, True),
        (PingAnswer(PingKind.HTTP, 401), Reason.LEGACY_ANSWERS, True),
        (PingAnswer(PingKind.HTTP, 403), Reason.LEGACY_ANSWERS, True),
        (PingAnswer(PingKind.HTTP, 429), Reason.OVERLOADED, True),
        (PingAnswer(PingKind.HTTP, 502), Reason.SERVER_ERROR, True),
    ],
)
def test_answers_to_a_ping(answer: PingAnswer, reason: Reason, maybe: bool) -> None:
    verdict = judge_ping(answer)
    assert (verdict.reason, verdict.blame) == (reason, Blame.DESTINATION)
    other = Reason.MALFORMED_RESPONSE if reason is Reason.LEGACY_ANSWERS else Reason.LEGACY_ANSWERS
    assert [each.reason for each in verdict.alternatives] == [other] * maybe


def test_what_answers_anywhere_decides_then_what_was_not_seen() -> None:
    answers = Verdict(Reason.LEGACY_ANSWERS, Blame.DESTINATION)
    maybe = judge_srm_failure(Failure(Reason.TLS_HANDSHAKE, "alert"))
    other = Verdict(Reason.MALFORMED_RESPONSE, Blame.DESTINATION)
    dropped = judge_failure(Failure(Reason.CONNECT_TIMEOUT))
    ours = Verdict(Reason.LOCAL_NETWORK, Blame.CLIENT)
    order = [answers, maybe, other, dropped, ours, SHUT]
    for place, verdict in enumerate(order):
        assert over_all(reversed(order[place:])) == verdict


def test_no_address_at_all_proves_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        over_all([])


def test_what_is_said_is_one_short_line_without_credentials() -> None:
    secret = Secret("a-very-secret-token-value")
    text = said(f"a\r\n b {secret.reveal()} " + "x" * 500)
    assert "\n" not in text
    assert secret.reveal() not in text
    assert len(text) <= MAX_SAID
