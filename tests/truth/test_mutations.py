"""What servers write, written otherwise: other names, numbers, prefixes, tails, letters and versions.

The verdict stays, or becomes the general one (a failure that nobody can name, or what the status alone says): it is
never another particular one, and so never accuses somebody else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tpcharness.diagnosis.copy_verdict import CopySeen, judge_copy
from tpcharness.diagnosis.patterns import PATTERNS
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.vocabulary import Cause, Trouble
from tpcharness.wire.copy_request import CopyAnswer, Mode
from tpcharness.wire.fingerprint import identify
from tpcharness.wire.markers import MarkerStream

GENERAL = (Reason.TRANSFER_FAILED, Blame.UNDETERMINED)
PLAIN = Trouble(
    Cause.SERVER_ERROR,
    method="GET",
    path="/store/vo/copy",
    url="https://pool.example:1094/vo/seed",
    status=403,
    phrase="Forbidden",
    text="see the log",
    size=1000,
    moved=10,
    seconds=60.0,
)
# Names and numbers that look like symptoms, and are none.
NAMES = [
    {"url": "https://tls-door.crl.example:4031/vo/seed", "path": "/no-space/404/copy"},
    {"url": "https://no-space.example/permission-denied/seed", "path": "/certificate/is-a-directory"},
    {"url": "https://[2001:db8::403]:507/connection-refused/already-exists", "path": "/timeout/EOF/503"},
    {"url": "https://expired.quota-exceeded.example:401/remote-host-returned/500", "path": "/unknown-host/refused"},
]
NUMBERS = [{"size": 404, "moved": 403}, {"size": 50_700_000, "moved": 401}, {"seconds": 507.0}]
SERVERS = ["dCache/12.0.1", "XrootD/v7.1.0", "XRootD", "StoRM-WebDAV/2.3", "pelican/9.9", "nginx/1.25", "Jetty(12)", ""]
MODES = {Mode.PULL: "GET", Mode.PUSH: "PUT"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """One thing that a server says: a line of the stream, or a refusal with its status."""

    server: str
    mode: Mode
    status: int
    text: bytes
    streamed: bool

    def verdict(self) -> tuple[Reason, Blame]:
        verdict = judge_copy(self._seen())
        assert verdict is not None, self.text
        return short(verdict)

    def fallback(self) -> tuple[Reason, Blame]:
        """The verdict when the text means nothing."""
        if self.streamed:
            return GENERAL
        verdict = judge_copy(replace(self._seen(), text=""))
        assert verdict is not None
        return short(verdict)

    def _seen(self) -> CopySeen:
        server = identify(self.server)
        if not self.streamed:
            return CopySeen(self.mode, server, CopyAnswer.REFUSED, self.status, self.text.decode())
        stream = MarkerStream()
        stream.feed(self.text)
        return CopySeen(self.mode, server, CopyAnswer.ACCEPTED, 202, terminal=stream.finish())


def short(verdict: Verdict) -> tuple[Reason, Blame]:
    return verdict.reason, verdict.blame


def spoken(dialect: Dialect, mode: Mode, trouble: Trouble) -> list[Spoken]:
    trouble = replace(trouble, pull=mode is Mode.PULL, method=MODES[mode])
    refusal = dialect.copy_refusal(trouble)
    said = [Spoken(dialect.server, mode, 202, dialect.failure(trouble), streamed=True)]
    if refusal.status >= 400 and refusal.status not in (405, 501):
        said.append(Spoken(dialect.server, mode, refusal.status, refusal.body, streamed=False))
    return said


SAYINGS = [
    pytest.param(dialect, mode, cause, id=f"{dialect.name}-{mode}-{cause}")
    for dialect in DIALECTS.values()
    for mode in Mode
    for cause in Cause
]


def judged(one: Spoken, other: Spoken) -> None:
    assert other.verdict() in {one.verdict(), other.fallback()}, other.text


@pytest.mark.parametrize(("dialect", "mode", "cause"), SAYINGS)
def test_names_and_numbers_mean_nothing(dialect: Dialect, mode: Mode, cause: Cause) -> None:
    trouble = replace(PLAIN, cause=cause)
    for change in (*NAMES, *NUMBERS):
        for one, other in zip(
            spoken(dialect, mode, trouble), spoken(dialect, mode, replace(trouble, **change)), strict=True
        ):
            assert other.verdict() == one.verdict(), other.text


REWRITTEN: list[Callable[[str], str]] = [
    str.upper,
    str.lower,
    lambda text: text.replace("failure: ", "Failure: "),
    lambda text: text.replace("failure: ", "failed: "),
    lambda text: text.replace("failure: ", "FAILURE:"),
    lambda text: text.replace(" ", "  "),
    lambda text: text.replace(" ", "\t"),
    lambda text: text.replace("; ", " "),
    lambda text: text.rstrip("\n") + "\r\n",
    lambda text: text.rstrip("\n") + " (failed to remove badly transferred file)\n",
    lambda text: text.rstrip("\n") + ", local=/no/space/404, remote=https://crl.example:507/exists\n",
    lambda text: text.rstrip("\n") + "; redirects [https://tls.example/permission-denied]\n",
    lambda text: text.rstrip("\n") + "; redirections [https://no-space.example/quota/exceeded]\n",
    lambda text: text.rstrip("\n") + " [id=404 403 507]\n",
    lambda text: text.replace("failure: ", "failure: org.dcache.util.CacheException: "),
    lambda text: text.replace("failure: ", "failure: Transfer 1b2e-507 at pool_403: "),
]


@pytest.mark.parametrize(("dialect", "mode", "cause"), SAYINGS)
def test_other_letters_prefixes_and_tails(dialect: Dialect, mode: Mode, cause: Cause) -> None:
    for one in spoken(dialect, mode, replace(PLAIN, cause=cause)):
        for rewrite in REWRITTEN:
            text = rewrite(one.text.decode())
            # A refusal that names another server only now has become another refusal.
            if one.streamed or "://" not in text or b"://" in one.text:
                judged(one, replace(one, text=text.encode()))


@pytest.mark.parametrize(("dialect", "mode", "cause"), SAYINGS)
def test_servers_of_the_future_and_of_nobody(dialect: Dialect, mode: Mode, cause: Cause) -> None:
    for one in spoken(dialect, mode, replace(PLAIN, cause=cause)):
        for server in SERVERS:
            if one.streamed:  # of a refusal the status may mean something else there
                judged(one, replace(one, server=server))


SNIPPETS = [
    "Transferred a partial file",
    "Couldn't resolve host name",
    "Connection refused (Connection refused)",
    "No route to host (Host unreachable)",
    "No space left on device",
    "PKIX path building failed",
    "Read timed out",
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(SNIPPETS, 2)))
def test_two_symptoms_in_one_text_are_one_of_the_two(first: str, second: str, mode: Mode) -> None:
    def alone(text: str) -> tuple[Reason, Blame]:
        return Spoken("", mode, 202, f"failure: {text}\n".encode(), streamed=True).verdict()

    assert alone(f"{first}; caused by: {second}") in {alone(first), alone(second)}


def test_every_row_says_where_it_comes_from_and_can_be_met() -> None:
    met = {
        pattern
        for pattern in PATTERNS
        for dialect in DIALECTS.values()
        for mode in Mode
        for cause in Cause
        for one in spoken(dialect, mode, replace(PLAIN, cause=cause))
        if pattern.expression.search(one.text.decode())
    }
    assert all(pattern.source for pattern in PATTERNS)
    assert len(met) >= 0.7 * len(PATTERNS)
