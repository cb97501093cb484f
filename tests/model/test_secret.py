"""Secrets do not print, and texts are scrubbed of other people's."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import subprocess
import sys
import threading
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.model.secret import _TOKENS, LEAST_CHARACTERS, MASK, Secret, _Register, redact, redact_url

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
MACAROON = "MDAxY2xvY2F0aW9uIE9wdGlvbmFsLmVtcHR5CjAwMThpZGVudGlmaWVyIA"


def test_every_rendering_is_stars() -> None:
    secret = Secret("canary")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{[secret]}", "%s" % secret):  # noqa: UP031
        assert "canary" not in text
    assert secret.reveal() == "canary"


def test_it_is_not_serialised() -> None:
    secret = Secret("canary")
    for write in (json.dumps, pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            write(secret)


def test_it_compares_and_hashes() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")


@pytest.mark.parametrize(
    "text",
    [
        f"token {JWT} refused",
        f"Authorization: Bearer {JWT}",
        "Bearer abcdefghijkl.mnop",
        f"https://h/p?authz=Bearer%20{JWT}&x=1",
        "GET /f?authz=opaquething",
        f'{{"access_token": "{MACAROON}"}}',
        f"macaroon {MACAROON}",
        "zteos64:MDAwMDAwNzR4nONiYGBg",
        "client_secret=abcdef",
        f"eyJhbGciOiJub25lIn0..{JWT.rpartition('.')[2]}",
    ],
)
def test_what_looks_like_a_token_is_masked(text: str) -> None:
    shown = redact(text)
    assert MASK in shown
    for piece in (*JWT.split("."), MACAROON, "opaquething", "abcdef", "MDAwMDAwNzR4nONiYGBg", "mnop"):
        assert piece not in shown


@pytest.mark.parametrize(
    "text",
    [
        "failure: rejected GET: 404 Not Found",
        "the bearer of bad news",
        "Unable to open /dteam/tpcharness/x/seed-1; permission denied",
        "scope storage.read:/tpcharness, audience https://door.example.org:1094",
    ],
)
def test_what_does_not_is_left(text: str) -> None:
    assert redact(text) == text


def test_urls_lose_their_user_and_query() -> None:
    shown = redact_url("https://me:pass@door.example.org:1094/a/b?cap.sym=canary#f")
    assert shown == f"https://door.example.org:1094/a/b?{MASK}"
    assert redact_url("https://[bad") == MASK


OPAQUE = "opaque/9f+3c~71-under_the%40sea=="


@pytest.mark.parametrize(
    "echo",
    [
        OPAQUE,
        f"x{OPAQUE}y",
        quote(OPAQUE, safe=""),
        quote(OPAQUE, safe="").lower(),
        "\r\n".join(OPAQUE[place : place + 5] for place in range(0, len(OPAQUE), 5)),
        " ".join(OPAQUE),
        "".join(f"%{ord(character):02x}" for character in OPAQUE),
        f"{OPAQUE}{OPAQUE} {OPAQUE}",
    ],
)
@pytest.mark.parametrize("shift", range(5))
def test_a_living_secret_is_known_in_whatever_dress(echo: str, shift: int) -> None:
    secret = Secret(f"Bearer {OPAQUE}")
    shown = redact(f"{'é' * shift}<{echo}> {shift}")
    assert MASK in shown
    assert shown.replace(MASK, "").strip("é") in (f"<xy> {shift}", f"<> {shift}", f"< > {shift}")
    del secret


def test_a_secret_is_known_for_as_long_as_somebody_holds_it() -> None:
    holders = [Secret(OPAQUE), Secret(OPAQUE), Secret(f"Basic {OPAQUE}")]
    for _ in range(len(holders)):
        assert redact(f"<{OPAQUE}>") == f"<{MASK}>"
        holders.pop()
    gc.collect()
    assert redact(f"<{OPAQUE}>") == f"<{OPAQUE}>"


def test_words_are_no_secrets() -> None:
    short = Secret("x" * (LEAST_CHARACTERS - 1))
    assert redact(f"<{short.reveal()}> and more") == f"<{short.reveal()}> and more"


def test_a_secret_that_was_never_made_does_not_complain_when_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TypeError):
        Secret()  # type: ignore[call-arg]
    gc.collect()
    assert capsys.readouterr().err == ""


def test_of_a_text_that_was_cut_the_last_word_goes() -> None:
    assert redact(f"refused: {OPAQUE[:20]}", cut=True) == f"refused: {MASK}"
    assert redact("refused: no such file", cut=True) == "refused: no such file"
    assert redact(f"refused {JWT[:14]}") == f"refused {MASK}"


@given(
    st.lists(
        st.sampled_from(
            ["eyJ", "MDA", "Bearer ", "zteos64:", "authz=", '"macaroon":"', "%20", "=", ".", "é", "\n", '"']
        )
        | st.text("abcXYZ019-_.~+/=% ", max_size=30)
    ).map("".join)
)
def test_the_quick_look_misses_nothing(text: str) -> None:
    """What the whole search finds, and no more, whether a secret is alive or not."""
    expected = _TOKENS.sub(MASK, text)
    assert redact(text) == expected
    unrelated = Secret("q0q1q2q3q4q5q6q7q8")
    assert redact(text) == expected
    del unrelated


@given(
    st.text("ab%20 \n4/é", max_size=60), st.text("ab%24/", min_size=LEAST_CHARACTERS, max_size=16), st.integers(0, 60)
)
def test_no_place_hides_a_secret(around: str, value: str, place: int) -> None:
    secret = Secret(value)
    assert value not in redact(f"{around[:place]}{value}{around[place:]}")
    if "%" not in around:
        assert quote(value, safe="") not in redact(f"{around[:place]}{quote(value, safe='')}{around[place:]}")
    del secret


@pytest.mark.parametrize(
    "unit",
    ["eyJ", "eyJabcd.", "MDA", "MDA.", "bearer ", "bearer" + " " * 50, '"macaroon" ', "authz=,", "%41", "zteos64:"],
)
def test_no_text_takes_long(unit: str) -> None:
    """Once it took 18 s of the event loop to scrub 64 KiB of `eyJ`."""
    text = unit * (64 * 1024 // len(unit))
    secret = Secret(unit * 9)
    start = time.thread_time()
    redact(text)
    assert time.thread_time() - start < 2.0
    del secret


def test_threads_that_make_and_drop_secrets_lose_none(monkeypatch: pytest.MonkeyPatch) -> None:
    troubles: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda trouble: troubles.append(trouble.exc_value))
    end = time.monotonic() + 1.0

    def work() -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            value = f"canary-value-{number % 3}-tail"
            secret = Secret(value)
            if value in redact(f"x {secret.reveal()} y"):
                troubles.append(value)
            del secret

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert troubles == []
    assert [redact(value) for value in map("canary-value-{}-tail".format, range(3))] == [
        "canary-value-0-tail",
        "canary-value-1-tail",
        "canary-value-2-tail",
    ]


def test_a_secret_that_is_dropped_in_the_midst_of_a_change_is_forgotten_after_it() -> None:
    register = _Register()
    register.add("the-first-value")
    ends = register._values = _Dropping(register)  # the collector may run wherever an object is made
    register.add("another-value")
    assert ends.called
    assert register.mask("the-first-value another-value", cut=False) == f"the-first-value {MASK}"


class _Dropping(dict[str, set[str]]):
    """Drops a secret with the same end at the worst moment: while another is being written down."""

    def __init__(self, register: _Register) -> None:
        super().__init__(register._values)
        self._register = register
        self.called = False

    def setdefault(self, key: str, default: set[str] | None = None) -> set[str]:
        found = super().setdefault(key, set() if default is None else default)
        if not self.called:
            self.called = True
            self._register.remove("the-first-value")
        return found


def test_a_secret_that_outlives_its_module_ends_quietly() -> None:
    # Modules that are still held at the end are cleared in turn, the first imported last.
    script = f"import json, sys; from tpcharness.model import secret; json.kept = secret.Secret({JWT!r})"
    script += "; sys.kept = secret, json"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stderr == ""
