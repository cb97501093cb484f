"""The line finder against tomllib: every path that tomllib sees has a line, and the right one."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.config.lines import find_lines, line_of

DOCUMENT = '''\
# a comment with [brackets] and = signs
title = "x # not a comment"  # [not.a.table]

[owner]
"first name" = "A"
'last.name' = 'B\\'
dob.day = 1
dob.month = 2

[ servers . "al.pha" ]
ip = "10.0.0.1"
ports = [
  8001,  # one ] here
  "a ] string",

  [ 1,
    2 ],
]
text = """
[not.a.header]
key = "value" \\""" and ""quotes"""""
raw = \'\'\'
key = 1\'\'\'\'
inline = { a = 1, b.c = { d = [ { e = 2 }, { e = 3 } ] }, "f g" = 4 }

[[products]]
name = "hammer"

[[products]]

[products.size]
cm = 3

[[products.colours]]
name = "red"
[[products.colours]]
name = "blue"

[owner.address]
street = 1979-05-27 07:32:00
[servers]
count = -inf
'''


def paths(value, at=()):
    """Every path of a parsed document, tables and elements included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from paths(inner, (*at, key))


@pytest.mark.parametrize(
    ("path", "start"),
    [
        (("title",), "title"),
        (("owner",), "[owner]"),
        (("owner", "first name"), '"first name"'),
        (("owner", "last.name"), "'last.name'"),
        (("owner", "dob"), "dob.day"),
        (("owner", "dob", "month"), "dob.month"),
        (("servers",), "[servers]"),
        (("servers", "al.pha"), '[ servers . "al.pha" ]'),
        (("servers", "al.pha", "ports"), "ports"),
        (("servers", "al.pha", "ports", 0), "  8001"),
        (("servers", "al.pha", "ports", 1), '  "a ]'),
        (("servers", "al.pha", "ports", 2), "  [ 1"),
        (("servers", "al.pha", "ports", 2, 1), "    2 ]"),
        (("servers", "al.pha", "text"), "text"),
        (("servers", "al.pha", "raw"), "raw"),
        (("servers", "al.pha", "inline", "b", "c", "d", 1, "e"), "inline"),
        (("servers", "count"), "count"),
    ],
)
def test_finds_the_line_on_which_a_key_stands(path, start):
    line = find_lines(DOCUMENT)[path]
    assert DOCUMENT.splitlines()[line - 1].startswith(start)


def test_counts_arrays_of_tables():
    lines = find_lines(DOCUMENT)
    numbered = dict(enumerate(DOCUMENT.splitlines(), 1))
    assert lines[("products",)] == lines[("products", 0)]
    assert lines[("products", 1)] > lines[("products", 0)]
    assert numbered[lines[("products", 1, "size", "cm")]] == "cm = 3"
    assert numbered[lines[("products", 1, "colours", 1, "name")]] == 'name = "blue"'


def test_knows_exactly_the_paths_that_tomllib_knows():
    assert set(find_lines(DOCUMENT)) == set(paths(tomllib.loads(DOCUMENT)))


def test_windows_line_ends_count_once():
    text = DOCUMENT.replace("\n", "\r\n")
    assert find_lines(text) == find_lines(DOCUMENT)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "a = 1", "[a]", "[[a]]", "a = []", "a = {}"])
def test_small_documents(text):
    assert set(find_lines(text)) == set(paths(tomllib.loads(text)))


@pytest.mark.parametrize("text", ["a", "= 1", "[a", "a = [1", "a = {b = 1", 'a = "x', "[[a]"])
def test_says_so_when_the_document_is_not_toml(text):
    with pytest.raises(ValueError):
        find_lines(text)


def test_line_of_a_missing_key_is_the_line_of_what_is_around_it():
    lines = find_lines("[a]\nb = 1\n")
    assert line_of(lines, ("a", "missing", 3)) == 1
    assert line_of(lines, ("a", "b")) == 2
    assert line_of(lines, ("nowhere",)) is None


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x7f", min_codepoint=32), max_size=6),
    st.sampled_from(['a"b', "a'b", "a.b", "a]b", "a#b", "a\nb", "a\\"]),
)
STRINGS = st.text(alphabet=st.sampled_from("ab [](){}#=,.'\"\\\n\t"), max_size=12)
TREES = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


class Writer:
    """Writes a document in many of TOML's manners, and notes the line of every path as it goes."""

    def __init__(self, draw):
        self.draw, self.text, self.expected = draw, "", {}

    @property
    def line(self):
        return self.text.count("\n") + 1

    def choose(self, *options):
        return self.draw(st.sampled_from(options))

    def quoted(self, text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{escaped}"'

    def key(self, key):
        if key.isascii() and key.replace("_", "").replace("-", "").isalnum() and self.draw(st.booleans()):
            return key
        if not set("'\n") & set(key) and self.draw(st.booleans()):
            return f"'{key}'"
        return self.quoted(key)

    def string(self, text):
        style = self.choose("basic", "multi", "raw", "multi raw")
        if style == "raw" and not set("'\n") & set(text):
            return f"'{text}'"
        if style == "multi raw" and "'" not in text:
            return f"'''{text}'''" if text[:1] != "\n" else f"'''\n{text}'''"
        if style == "multi":
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            return f'"""\n{escaped}"""'
        return self.quoted(text)

    def value(self, value, path, *, inline=False):
        if isinstance(value, dict):
            self.text += "{ "
            for index, (key, inner) in enumerate(value.items()):
                self.text += ", " if index else ""
                self.pair(key, inner, path, inline=True)
            self.text += " }"
        elif isinstance(value, list):
            self.text += "["
            for index, inner in enumerate(value):
                self.text += self.choose("", "\n", " # ] comment\n  ")
                self.expected[(*path, index)] = self.line
                self.value(inner, (*path, index), inline=True)
                self.text += self.choose(",", "\n , ")
            self.text += "]"
        elif isinstance(value, str):
            self.text += self.string(value)
        else:
            self.text += str(value).lower()

    def pair(self, key, value, path, *, inline=False):
        self.expected[(*path, key)] = self.line
        self.text += self.key(key)
        if isinstance(value, dict) and len(value) == 1 and self.draw(st.booleans()):
            self.text += " . "
            ((inner_key, inner),) = value.items()
            self.pair(inner_key, inner, (*path, key), inline=inline)
            return
        self.text += self.choose("=", " = ", "\t= ")
        self.value(value, (*path, key), inline=inline)

    def table(self, table, path):
        later = []
        for key, value in table.items():
            of_tables = isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
            if (isinstance(value, dict) or of_tables) and self.draw(st.booleans()):
                later.append((key, value))
            else:
                self.pair(key, value, path)
                self.text += self.choose("\n", "  # [comment]\n\n")
        for key, value in later:
            inner = (*path, key)
            for index, item in enumerate(value if isinstance(value, list) else [value]):
                here = (*inner, index) if isinstance(value, list) else inner
                self.expected.setdefault(inner, self.line)
                self.expected[here] = self.line
                name = " . ".join(self.key(part) for part in here if isinstance(part, str))
                self.text += f"[[{name}]]\n" if isinstance(value, list) else f"[{name}]\n"
                self.table(item, here)


@given(st.dictionaries(KEYS, TREES, max_size=5), st.data())
def test_agrees_with_tomllib_on_generated_documents(tree, data):
    writer = Writer(data.draw)
    writer.table(tree, ())
    assert tomllib.loads(writer.text) == tree
    assert find_lines(writer.text) == writer.expected
