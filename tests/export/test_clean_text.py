import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.export.clean_text import clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("no space left", "no space left"),
        ("  two\r\nlines\tand  more ", "two lines and more"),
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x9b2Jgone", "gone"),
        ("\x1bP1$tq\x1b\\rest", "rest"),
        ("\x1b", ""),
        ("bell\x07 null\x00 del\x7f", "bell null del"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066isolate\u2069 \u200fmark \u200bzero\ufeff", "isolate mark zero"),
        ("line\u2028separator\u2029end\u00a0nbsp", "line separator end nbsp"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("tag\U000e0041 private\ue000", "tag private"),
        ("Zürich ✓ 日本", "Zürich ✓ 日本"),
        ("", ""),
    ],
)
def test_what_a_terminal_must_not_see_is_gone(text, clean):
    assert clean_text(text) == clean


def test_long_text_is_capped_and_says_so():
    assert clean_text("x" * 501) == "x" * 499 + "…"
    assert clean_text("x" * 500) == "x" * 500
    assert clean_text("x" * 10**7, 10) == "x" * 9 + "…"


def test_ascii_terminals_get_ascii():
    assert clean_text("Zürich " + "x" * 20, 12, ascii_only=True) == "Z?rich xx..."


def test_a_token_in_a_server_text_is_masked():
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"
    assert clean_text(f"denied: Bearer {token}") == "denied: <redacted>"
    assert "eyJ" not in clean_text(f"{'x' * 480} {token}")


@given(st.text(st.characters()), st.integers(1, 600), st.booleans())
def test_whatever_comes_the_result_is_one_short_printable_line(text, limit, ascii_only):
    clean = clean_text(text, limit, ascii_only=ascii_only)
    assert clean.isprintable()
    assert len(clean) <= max(limit, 3)
    assert all(unicodedata.bidirectional(character) not in {"LRO", "RLO", "LRE", "RLE", "PDF"} for character in clean)
    assert clean.isascii() or not ascii_only
    assert clean_text(clean, 700) == clean
