"""WLCG bearer token discovery, step by step."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clocks import FixedClock
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token
from tpcharness.tokens.discovery import DiscoveredTokens
from tpcharness.tokens.roles import Role, token_request

REQUEST = token_request(Role.READ, Endpoint("A", "https://a.example/vo"), "/vo/f")


@dataclass(frozen=True)
class Places:
    """The four places, under a directory of the test's."""

    root: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"BEARER_TOKEN_FILE": str(self.root / "named"), "XDG_RUNTIME_DIR": str(self.root / "run")}

    def write(self, place: str, text: str) -> None:
        path = {"named": "named", "runtime": "run/bt_u1234", "tmp": "tmp/bt_u1234"}[place]
        (self.root / path).write_text(text)

    async def ask(self, environ: Mapping[str, str]) -> Token | Failure:
        source = DiscoveredTokens(FixedClock(), environ=environ, uid=1234, tmp=str(self.root / "tmp"))
        return await source.token(REQUEST)

    async def found(self, environ: Mapping[str, str]) -> str:
        token = await self.ask(environ)
        assert isinstance(token, Token), token
        return token.secret.reveal()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "run").mkdir()
    (tmp_path / "tmp").mkdir()
    return Places(tmp_path)


async def test_the_order(places: Places) -> None:
    environ = {"BEARER_TOKEN": "one"} | places.environ
    for place, text in (("named", "two"), ("runtime", "three"), ("tmp", "four")):
        places.write(place, text)
    assert await places.found(environ) == "one"
    del environ["BEARER_TOKEN"]
    assert await places.found(environ) == "two"
    del environ["BEARER_TOKEN_FILE"]
    assert await places.found(environ) == "three"
    del environ["XDG_RUNTIME_DIR"]
    assert await places.found(environ) == "four"


async def test_what_is_empty_or_missing_is_passed_over(places: Places) -> None:
    places.write("runtime", " \n\v")
    places.write("tmp", "four\r\n")
    assert await places.found({"BEARER_TOKEN": " \t"} | places.environ) == "four"


@pytest.mark.parametrize("place", ["named", "runtime", "tmp"])
async def test_what_is_no_token_ends_the_search(places: Places, place: str) -> None:
    places.write("tmp", "four")
    places.write(place, "no token")
    failure = await places.ask(places.environ)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.TOKEN_SOURCE_FAILED
    assert "RFC 6750" in failure.detail


async def test_a_bad_value_of_the_variable_ends_the_search(places: Places) -> None:
    places.write("tmp", "four")
    failure = await places.ask({"BEARER_TOKEN": "no token"})
    assert isinstance(failure, Failure)
    assert "BEARER_TOKEN" in failure.detail


async def test_a_place_that_cannot_be_read_ends_the_search(places: Places) -> None:
    places.write("tmp", "four")
    (places.root / "named").mkdir()
    failure = await places.ask(places.environ)
    assert isinstance(failure, Failure)
    assert str(places.root / "named") in failure.detail


async def test_nothing_anywhere_names_all_places(places: Places) -> None:
    failure = await places.ask(places.environ)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.TOKEN_SOURCE_FAILED
    for place in ("BEARER_TOKEN", "named", "run/bt_u1234", "tmp/bt_u1234"):
        assert place in failure.detail


async def test_the_uid_is_the_effective_one(places: Places) -> None:
    (places.root / "tmp" / f"bt_u{os.geteuid()}").write_text("mine")
    source = DiscoveredTokens(FixedClock(), environ={}, tmp=str(places.root / "tmp"))
    token = await source.token(REQUEST)
    assert isinstance(token, Token)
    assert token.secret.reveal() == "mine"
