"""Where our files may lie, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.model.endpoint import Endpoint
from tpcharness.payload.names import OutsidePrefix, PayloadFile, PayloadNames

ENDPOINT = Endpoint("SITE-A", "https://door.example:2880/pnfs/vo/")
NAMES = PayloadNames("example-site", "r1")
DIRECTORY = "/pnfs/vo/tpcharness/example-site"


def test_every_name_lies_directly_in_our_directory() -> None:
    assert NAMES.directory(ENDPOINT) == DIRECTORY
    assert NAMES.directories(ENDPOINT) == ("/pnfs/vo/tpcharness", DIRECTORY)
    files = (
        NAMES.seed(ENDPOINT, 1024),
        NAMES.destination(ENDPOINT, "p1", 1),
        NAMES.door(ENDPOINT, "p1"),
    )
    for file in files:
        assert file.path.rpartition("/")[0] == DIRECTORY
        assert "r1" in file.path
        assert file.url == f"https://door.example:2880{file.path}"
        NAMES.check(file)


def test_names_differ_by_run_probe_attempt_and_size() -> None:
    other_run = PayloadNames("example-site", "r2")
    paths = [
        NAMES.destination(ENDPOINT, "p1", 1).path,
        NAMES.destination(ENDPOINT, "p1", 2).path,
        NAMES.destination(ENDPOINT, "p2", 1).path,
        other_run.destination(ENDPOINT, "p1", 1).path,
        NAMES.door(ENDPOINT, "p1").path,
        NAMES.seed(ENDPOINT, 0).path,
        NAMES.seed(ENDPOINT, 1).path,
        other_run.seed(ENDPOINT, 0).path,
    ]
    assert len(set(paths)) == len(paths)


def test_an_endpoint_may_be_the_root_or_have_doubled_slashes() -> None:
    assert NAMES.directory(Endpoint("A", "https://a.example")) == "/tpcharness/example-site"
    assert NAMES.directory(Endpoint("A", "https://a.example/")) == "/tpcharness/example-site"
    assert NAMES.directory(Endpoint("A", "https://a.example//eos/vo")) == "//eos/vo/tpcharness/example-site"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        DIRECTORY,
        f"{DIRECTORY}/",
        f"{DIRECTORY}//f",
        f"{DIRECTORY}/a/f",
        f"{DIRECTORY}/f/",
        f"{DIRECTORY}/.",
        f"{DIRECTORY}/..",
        f"{DIRECTORY}/../f",
        f"{DIRECTORY}/%2e%2e",
        f"{DIRECTORY}/%2e%2e%2ff",
        f"{DIRECTORY}/f%00",
        f"{DIRECTORY}/f?x=1",
        f"{DIRECTORY}/f#x",
        f"{DIRECTORY}/f;x",
        f"{DIRECTORY}/f\n",
        f"{DIRECTORY}/f\\..\\g",
        f"{DIRECTORY}/.hidden",
        f"{DIRECTORY}/dätei",
        f"{DIRECTORY}-other/f",
        "/pnfs/vo/tpcharness/other-harness/f",
        "/pnfs/vo/tpcharness/f",
        "/pnfs/vo/f",
        "/elsewhere/f",
        f"/pnfs/vo/x/..{DIRECTORY}/f",
        f"{DIRECTORY}/{'f' * 101}",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(OutsidePrefix):
        NAMES.check(PayloadFile(ENDPOINT, path))


@pytest.mark.parametrize(
    "prefix",
    [
        "/pnfs/../etc",
        "/pnfs/./vo",
        "/pnfs/%2e%2e/etc",
        "/pnfs/%2E%2E/etc",
        "/pnfs%2fvo",
        "/pnfs/%252e%252e",
        "/pnfs/vo%00",
        "/pnfs/vo%0a",
        "/pnfs\\vo",
        "/pnfs/vo%3fx",
        "/pnfs/vo%23x",
    ],
)
def test_prefixes_that_can_be_read_in_two_ways_are_refused(prefix: str) -> None:
    endpoint = Endpoint("A", f"https://a.example{prefix}")
    for make in (
        lambda: NAMES.directory(endpoint),
        lambda: NAMES.seed(endpoint, 1),
        lambda: NAMES.destination(endpoint, "p", 1),
    ):
        with pytest.raises(OutsidePrefix):
            make()


@pytest.mark.parametrize("word", ["", ".", "..", ".a", "-a", "a/b", "a b", "a\n", "ä", "a%2f", "a" * 101])
def test_harness_run_and_probe_ids_are_plain_words(word: str) -> None:
    with pytest.raises(ValueError):
        PayloadNames(word, "r1")
    with pytest.raises(ValueError):
        PayloadNames("h", word)
    with pytest.raises(ValueError):
        NAMES.destination(ENDPOINT, word, 1)
    with pytest.raises(ValueError):
        NAMES.door(ENDPOINT, word)


def test_a_name_that_would_grow_too_long_is_refused_when_it_is_made() -> None:
    with pytest.raises(OutsidePrefix):
        PayloadNames("h", "r" * 60).destination(ENDPOINT, "p" * 60, 1)


@given(st.text(max_size=60))
def test_whatever_passes_the_check_is_a_plain_name_in_our_directory(text: str) -> None:
    file = PayloadFile(ENDPOINT, f"{DIRECTORY}/{text}")
    try:
        NAMES.check(file)
    except OutsidePrefix:
        return
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set("/\\%?#; ")
    assert text not in {"", ".", ".."}
