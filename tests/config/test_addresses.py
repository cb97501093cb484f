"""URLs, paths and listening addresses: what is taken as it stands, what is refused, and with which remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.config.addresses import (
    check_endpoint_url,
    check_issuer_url,
    check_listen,
    check_path,
    check_root_url,
    is_below,
    same_place,
)
from tpcharness.config.problems import Unfit
from tpcharness.wire.xroot.opaque import RootUrl


@pytest.mark.parametrize(
    ("url", "settled"),
    [
        ("https://a.example:2880/pnfs/x", "https://a.example:2880/pnfs/x"),
        ("https://a.example/x/", "https://a.example/x"),
        ("https://a.example", "https://a.example"),
        ("https://a.example:443/", "https://a.example:443"),
        ("https://127.0.0.1:8443/x", "https://127.0.0.1:8443/x"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://a.example//eos/x%20y", "https://a.example//eos/x%20y"),
    ],
)
def test_takes_an_endpoint_without_its_trailing_slash(url, settled):
    assert check_endpoint_url(url) == settled


@pytest.mark.parametrize(
    ("url", "message", "remedy"),
    [
        ("davs://a.example/x", "not an https", "write https://"),
        ("http://a.example/x", "not an https", "tokens"),
        ("root://a.example//x", "not an https", "in the key `root`"),
        ("gsiftp://a.example/x", "not an https", "WebDAV"),
        ("a.example/x", "not an https", "https://HOST"),
        ("foo://a.example/x", "not an https", "https://"),
        ("https:///x", "no host", "HOST"),
        ("https://", "no host", "HOST"),
        ("https://:443/x", "no host", "HOST"),
        ("https://u@a.example/x", "user name", "remove"),
        ("https://u:p@a.example/x", "user name", "tokens only"),
        ("https://a.example/x?y=1", "query", "remove"),
        ("https://a.example/x?", "query", "remove"),
        ("https://a.example/x#y", "query or fragment", "remove"),
        ("https://a.example:x/", "not a valid URL", "port"),
        ("https://a.example:99999/", "not a valid URL", "port"),
        ("https://a.example:0/", "valid host and port", "PORT"),
        ("https://[::1/x", "not a valid URL", "brackets"),
        ("https://a example/x", "blanks", "%20"),
        ("https://a.example/x\n", "control", "%20"),
        ("https://a.example/x y", "blanks", "%20"),
        ("https://ä.example/x", "valid host", "xn--"),
        ("https://a.example/ä", "not a valid URL path", "percent-encode"),
        ("https://a.example/%zz", "not a valid URL path", "percent-encode"),
        ("https://a.example/x/../y", "..", "detours"),
        ("https://a.example/x/%2e%2E/y", "..", "detours"),
        ("https://a.example/x%2f..%2fy", "..", "detours"),
        ("https://a.example/./x", "..", "detours"),
    ],
)
def test_refuses_what_is_no_endpoint(url, message, remedy):
    with pytest.raises(Unfit) as caught:
        check_endpoint_url(url)
    assert message in str(caught.value)
    assert remedy in caught.value.hint


@pytest.mark.parametrize(
    ("url", "settled"),
    [
        ("roots://a.example:1094//pnfs/x/", "roots://a.example:1094//pnfs/x"),
        ("root://a.example//", "root://a.example//"),
        ("root://[2001:db8::1]:1095//x", "root://[2001:db8::1]:1095//x"),
    ],
)
def test_takes_a_root_door(url, settled):
    assert check_root_url(url) == settled
    RootUrl.parse(settled)  # what the probe does with it


@pytest.mark.parametrize(
    ("url", "message", "remedy"),
    [
        ("https://a.example/x", "not a root://", "roots://HOST"),
        ("xroot://a.example//x", "not a root://", "roots://HOST"),
        ("a.example", "not a root://", "roots://HOST"),
        ("root://a.example", "no // before", "root://HOST:PORT//PATH"),
        ("roots://a.example/x", "no // before", "roots://HOST:PORT//PATH"),
        ("root://u@a.example//x", "user name", "remove"),
        ("root://a.example//x?authz=t", "query", "remove"),
        ("root://a.example:0//x", "valid host and port", "PORT"),
        ("root://[::1//x", "not a valid URL", "brackets"),
        ("root://a.example//x%20y", "% or &", "plain name"),
        ("root://a.example//x/../y", "..", "detours"),
        ("root://a.example//x y", "blanks", "%20"),
    ],
)
def test_refuses_what_is_no_root_door(url, message, remedy):
    with pytest.raises(Unfit) as caught:
        check_root_url(url)
    assert message in str(caught.value)
    assert remedy in caught.value.hint


def test_leaves_an_issuer_exactly_as_it_is():
    assert check_issuer_url("https://iam.example.org/") == "https://iam.example.org/"
    with pytest.raises(Unfit):
        check_issuer_url("http://iam.example.org/")


@pytest.mark.parametrize("path", ["", "/", "/a/b", "/a%20b", "//a"])
def test_takes_paths(path):
    assert check_path(path) == path


@pytest.mark.parametrize("path", ["a", "/a b", "/..", "/a/%2e%2e", "/a\x00", "/a?b"])
def test_refuses_paths(path):
    with pytest.raises(Unfit):
        check_path(path)


@pytest.mark.parametrize(
    ("path", "base", "below"),
    [
        ("/a/b", "/a", True),
        ("/a/b", "/a/", True),
        ("/a", "/a", True),
        ("/a", "/a/", True),
        ("/a", "", True),
        ("", "", True),
        ("", "/", True),
        ("/ab", "/a", False),
        ("/a", "/a/b", False),
        ("", "/a", False),
    ],
)
def test_below_means_whole_components(path, base, below):
    assert is_below(path, base) is below


@pytest.mark.parametrize("address", ["127.0.0.1:10919", "localhost:1", "[::1]:65535", "0.0.0.0:80"])
def test_takes_listening_addresses(address):
    assert check_listen(address) == address


@pytest.mark.parametrize("address", ["", "10919", ":80", "a:", "a:0", "a:65536", "::1:80", "a b:80", "a:-1", "a:٣"])
def test_refuses_listening_addresses(address):
    with pytest.raises(Unfit):
        check_listen(address)


def test_the_same_place_has_many_spellings():
    assert same_place("https://A.example/x/") == same_place("https://a.example:443/x")
    assert same_place("https://a.example/x") != same_place("https://a.example/X")


@given(st.text(max_size=40))
def test_any_text_is_taken_or_refused(text):
    for check in (check_endpoint_url, check_issuer_url, check_path, check_listen):
        try:
            check(text)
        except Unfit:
            pass
