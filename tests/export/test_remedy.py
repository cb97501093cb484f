"""Commands in our own texts, on a page."""

from __future__ import annotations

import pytest

from tpcharness.export.remedy import in_code


@pytest.mark.parametrize(
    ("text", "name", "made"),
    [
        ("Tell the site.", "SITE-A", "Tell the site."),
        ("First: `check NAME`.", "SITE-A", "First: <code><bdi>check SITE-A</bdi></code>."),
        ("First: `check NAME`.", "", "First: <code><bdi>check NAME</bdi></code>."),
        ("`a` < `b`", "", "<code><bdi>a</bdi></code> &lt; <code><bdi>b</bdi></code>"),
        ("`check NAME`", "<i>\u202e", "<code><bdi>check &lt;i&gt;\\u202e</bdi></code>"),
        ("an odd ` one", "", "an odd ` one"),
    ],
)
def test_a_command_is_code_with_the_name_in_it(text: str, name: str, made: str):
    assert in_code(text, name) == made
