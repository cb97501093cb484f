"""What a door says that should be shut: ok is that nothing answers there any more (docs/legacy-doors.md).

Nobody is called shut whom we did not hear refuse, and nobody is said to answer as gsiftp or SRM who did not speak it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Phase
from tpcharness.wire.legacy.ftp import Reply
from tpcharness.wire.legacy.srm import PingAnswer, PingKind

SHUT = Verdict(Reason.OK, Blame.NOBODY)
MAX_SAID = 200

_D = Blame.DESTINATION
_STILL_SRM = (Alternative(Reason.LEGACY_ANSWERS, _D),)
_ANOTHER = (Alternative(Reason.MALFORMED_RESPONSE, _D),)
_GREETINGS = frozenset({120, 220})  # RFC 959, 5.4; what refuses is an FTP server's too, or one of mail or news
_FTP = re.compile(r"ftp|globus|gss", re.IGNORECASE)
_SECURITY = frozenset({234, 334, 335})  # RFC 2228, 3: the mechanism is accepted
_GSI = re.compile(r"gss|gsi", re.IGNORECASE)  # "530-GSS Major Status": a GridFTP server without a certificate
_MAIL = re.compile(r"\bE?SMTP\b")  # a mail server greets with 220 and 421 too (RFC 5321, 4.2)
_CODE_OF_MAIL = re.compile(r"([45])\.[0-9]{1,3}\.[0-9]{1,3}(?:\s|\Z)")  # RFC 2034, 4; FTP has nothing like it
_WITHOUT_CERTIFICATE = re.compile(r"certificate|credential", re.IGNORECASE)

_DROPPED = "no answer: a firewall that hides the port, or a host that is gone, look the same; ask the site"


@dataclass(frozen=True, slots=True)
class FtpTalk:
    """What came from an address: the greeting, the answer to AUTH GSSAPI, and why there is not more."""

    greeting: Reply | None = None
    auth: Reply | None = None
    failure: Failure | None = None


def judge_failure(failure: Failure) -> Verdict:
    """An address at which no word was exchanged. Only a refused connection is a shut door."""
    match failure.reason:
        case Reason.CONNECTION_REFUSED:
            return SHUT
        case Reason.CONNECT_TIMEOUT | Reason.UNREACHABLE:
            causes = tuple(Alternative(failure.reason, blame) for blame in (_D, Blame.PATH))
            return Verdict(failure.reason, Blame.UNDETERMINED, causes, f"{failure.detail}: {_DROPPED}")
        case Reason.DNS_FAILURE:  # the resolver did not answer: a name that is gone is no failure
            causes = tuple(Alternative(failure.reason, blame) for blame in (_D, Blame.CLIENT))
            return Verdict(failure.reason, Blame.UNDETERMINED, causes, failure.detail)
        case _:
            return of_failure(failure, _D)


def judge_gsiftp(talk: FtpTalk) -> Verdict:
    """An address at which somebody took our connection."""
    greeting = talk.greeting
    if greeting is not None and (_of_mail(greeting) or (talk.auth is not None and _of_mail(talk.auth))):
        return Verdict(Reason.MALFORMED_RESPONSE, _D, hint=f"a mail server, not gsiftp: {said(greeting.text)}")
    if greeting is not None and greeting.code not in _GREETINGS and greeting.code < 400:
        text = f"no FTP server greets with {greeting.code}: {said(greeting.text)}"
        return Verdict(Reason.MALFORMED_RESPONSE, _D, hint=text)
    if greeting is not None:
        certain = _FTP.search(greeting.text) is not None or _speaks_gsi(talk)
        text = f"{_kind(talk, certain=certain)}: {said(f'{greeting.code} {greeting.text}')}"
        return Verdict(Reason.LEGACY_ANSWERS, _D, () if certain else _ANOTHER, text)
    failure = talk.failure or Failure(Reason.CONNECTION_LOST)
    if failure.reason is Reason.NO_RESPONSE:
        return of_failure(Failure(failure.reason, f"it takes connections and says nothing: {failure.detail}"), _D)
    if failure.reason is Reason.CONNECTION_LOST:
        text = "it takes connections and closes them without a word: switched off behind a proxy, or overloaded"
        return of_failure(Failure(failure.reason, f"{text} ({failure.detail})" if failure.detail else text), _D)
    return judge_failure(failure)


def judge_srm_failure(failure: Failure) -> Verdict:
    """An address at which nobody answered srmPing. TLS that ends where we show no certificate may be an SRM's."""
    text = failure.detail
    match failure.reason:
        case Reason.TLS_HANDSHAKE:
            if _WITHOUT_CERTIFICATE.search(text):
                text = f"it wants a client certificate, as SRM doors do, but not they alone: {text}"
            else:
                text = f"TLS answers, but not to us, who show no certificate: {text}"
        case Reason.CONNECTION_LOST | Reason.NO_RESPONSE | Reason.TLS_TIMEOUT:
            text = f"something takes connections, but answers no srmPing without a certificate: {text}"
        case _:
            return judge_failure(failure)
    return Verdict(failure.reason, _D, _STILL_SRM, text)


def judge_ping(answer: PingAnswer) -> Verdict:
    """An HTTP answer to srmPing."""
    shown = said(f"{answer.status} {answer.status_text} {answer.server}")
    match answer.kind:
        case PingKind.PING:
            return Verdict(Reason.LEGACY_ANSWERS, _D, hint=f"SRM answers srmPing: {said(answer.said)}")
        case PingKind.FAULT:
            return Verdict(Reason.LEGACY_ANSWERS, _D, hint=f"a SOAP service refuses srmPing: {said(answer.said)}")
    if answer.status in (401, 403) or (answer.status in (400, 496) and _WITHOUT_CERTIFICATE.search(answer.body)):
        text = f"a web server that lets nobody in without credentials, an SRM or another: {shown}"
        return Verdict(Reason.LEGACY_ANSWERS, _D, _ANOTHER, text)
    if answer.status == 429:
        text = f"a web server that has too many requests, where an SRM may be behind it: {shown}"
        return Verdict(Reason.OVERLOADED, _D, _STILL_SRM, text)
    if answer.status >= 500:
        text = f"a web server that fails, where an SRM may be behind it: {shown}"
        return Verdict(Reason.SERVER_ERROR, _D, _STILL_SRM, text)
    return Verdict(Reason.MALFORMED_RESPONSE, _D, hint=f"a web server that is no SRM: {shown}")


def over_all(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a door by those on its addresses: that it answers anywhere, then what may be one, then what we
    could not see; it is shut only where it is shut everywhere. Raises ValueError when there are none.
    """
    return min(verdicts, key=_weight)


def answers(verdict: Verdict) -> bool:
    """Whether it is certain that the legacy door still answers."""
    return verdict.reason is Reason.LEGACY_ANSWERS and not verdict.alternatives


def said(text: str) -> str:
    """What a peer said, in one line of a length that people read, without credentials."""
    return redact(" ".join(text.split()))[:MAX_SAID].rstrip()


def _of_mail(reply: Reply) -> bool:
    """Whether mail is named, or an error has a code of mail's, which repeats its first digit."""
    code = _CODE_OF_MAIL.match(reply.text)
    return _MAIL.search(reply.text) is not None or (code is not None and str(reply.code).startswith(code[1]))


def _speaks_gsi(talk: FtpTalk) -> bool:
    return talk.auth is not None and (talk.auth.code in _SECURITY or _GSI.search(talk.auth.text) is not None)


def _kind(talk: FtpTalk, *, certain: bool) -> str:
    """What it is; where its greeting names no service, another may greet so."""
    server = "an FTP server" if certain else "an FTP server, or another that greets so"
    if talk.greeting is not None and talk.greeting.code >= 400:
        return f"{server}, that turns everybody away"
    if talk.auth is None:
        return server
    if _speaks_gsi(talk):
        return "gsiftp, with GSI"
    return "FTP without GSI" if certain else f"{server}, without GSI"


def _weight(verdict: Verdict) -> int:
    if answers(verdict):
        return 0
    if verdict.reason is Reason.OK:
        return 5
    if verdict.blame is Blame.CLIENT:
        return 4
    if verdict.reason.phase in (Phase.RESOLVE, Phase.CONNECT):
        return 3
    return 1 if verdict.alternatives else 2
