"""When a token is renewed, and when it is not."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.virtual_time import VirtualClock, on_virtual_time
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import TokenFacts
from tpcharness.model.seams import Token
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame
from tpcharness.tokens import cache as cache_module
from tpcharness.tokens.cache import TokenCache, TokenKey

KEY = TokenKey("https://iam.example/", "client", ("storage.read:/a",), "https://door.example")


class FakeIssuer:
    """Gives tokens of one lifetime, or a failure; counts."""

    def __init__(self, lifetime_seconds: float | None = 3600.0, failure: Failure | None = None) -> None:
        self.lifetime_seconds = lifetime_seconds
        self.failure = failure
        self.asked = 0

    async def __call__(self) -> Token | Failure:
        self.asked += 1
        await asyncio.sleep(0.25)
        if self.failure is not None:
            return self.failure
        lifetime = self.lifetime_seconds
        expires = None if lifetime is None else VirtualClock().now() + timedelta(seconds=lifetime)
        return Token(Secret(f"token-{self.asked}"), TokenFacts("read"), expires)


def new_cache(jitter: float = 0.0) -> TokenCache:
    return TokenCache(VirtualClock(), jitter=lambda: jitter)


async def asked_within(seconds: float, every: float, issuer: FakeIssuer, wanted: float = 300.0) -> int:
    """How often the issuer is asked when a token is wanted again and again."""
    cache = new_cache()
    loop = asyncio.get_running_loop()
    while loop.time() < seconds:
        assert isinstance(await cache.token(KEY, wanted, issuer), Token)
        await asyncio.sleep(every)
    return issuer.asked


@on_virtual_time
async def test_a_token_of_an_hour_is_renewed_when_five_minutes_are_left() -> None:
    cache, issuer = new_cache(), FakeIssuer(3600)
    first = await cache.token(KEY, 60, issuer)
    await asyncio.sleep(3299)
    assert await cache.token(KEY, 60, issuer) == first
    await asyncio.sleep(2)
    assert await cache.token(KEY, 60, issuer) != first


@on_virtual_time
async def test_a_longer_need_renews_earlier() -> None:
    cache, issuer = new_cache(), FakeIssuer(3600)
    await cache.token(KEY, 60, issuer)
    await asyncio.sleep(1700)
    await cache.token(KEY, 1800, issuer)
    assert issuer.asked == 1
    await asyncio.sleep(200)
    await cache.token(KEY, 1800, issuer)
    assert issuer.asked == 2


@on_virtual_time
async def test_jitter_renews_some_seconds_earlier() -> None:
    cache, issuer = new_cache(jitter=0.5), FakeIssuer(3600)
    await cache.token(KEY, 60, issuer)
    await asyncio.sleep(3600 - 300 - 10)
    await cache.token(KEY, 60, issuer)
    assert issuer.asked == 2


@pytest.mark.parametrize(
    ("lifetime", "wanted", "most"),
    [(120.0, 60.0, 11), (300.0, 300.0, 5), (310.0, 300.0, 5), (3600.0, 3590.0, 2), (10.0, 10.0, 121)],
)
def test_short_lived_tokens_are_renewed_at_half_their_life_and_not_per_request(
    lifetime: float, wanted: float, most: int
) -> None:
    @on_virtual_time
    async def run() -> None:
        assert 1 <= await asked_within(600, 1.0, FakeIssuer(lifetime), wanted) <= most

    run()


@on_virtual_time
async def test_new_tokens_that_do_not_last_long_enough_are_a_failure_of_the_issuer() -> None:
    cache, issuer = new_cache(), FakeIssuer(20)
    for _ in range(5):
        failure = await cache.token(KEY, 300, issuer)
        assert isinstance(failure, Failure)
        assert (failure.reason, failure.blame) == (Reason.TOKEN_EXPIRED, Blame.ISSUER)
        assert "20 s" in failure.detail
    assert issuer.asked == 1


@on_virtual_time
async def test_a_token_without_an_expiry_is_kept() -> None:
    assert await asked_within(86400, 600, FakeIssuer(None)) == 1


@on_virtual_time
async def test_a_refusal_is_repeated_for_some_seconds_without_asking() -> None:
    refusal = Failure(Reason.ISSUER_REFUSED, "invalid_client", Blame.CLIENT)
    cache, issuer = new_cache(), FakeIssuer(failure=refusal)
    assert [await cache.token(KEY, 300, issuer) for _ in range(20)] == [refusal] * 20
    assert issuer.asked == 1
    await asyncio.sleep(cache_module.REFUSAL_SECONDS)
    issuer.failure = None
    assert isinstance(await cache.token(KEY, 300, issuer), Token)


@on_virtual_time
async def test_many_at_once_ask_once_and_survive_the_first_ones_cancellation() -> None:
    cache, issuer = new_cache(), FakeIssuer()
    tasks = [asyncio.create_task(cache.token(KEY, 300, issuer)) for _ in range(100)]
    await asyncio.sleep(0.1)
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert {token.secret.reveal() for token in results[1:] if isinstance(token, Token)} == {"token-2"}
    assert issuer.asked == 2


@on_virtual_time
async def test_other_scopes_and_audiences_are_other_tokens() -> None:
    cache, issuer = new_cache(), FakeIssuer()
    other_scope = TokenKey(KEY.issuer, KEY.client_id, ("storage.read:/b",), KEY.audience)
    other_audience = TokenKey(KEY.issuer, KEY.client_id, KEY.scopes, "https://other.example")
    tokens = [await cache.token(key, 300, issuer) for key in (KEY, other_scope, other_audience)]
    assert len({token.secret for token in tokens if isinstance(token, Token)}) == 3


@on_virtual_time
async def test_the_cache_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_TOKENS", 3)
    cache, issuer = new_cache(), FakeIssuer()
    keys = [TokenKey(KEY.issuer, KEY.client_id, (f"storage.read:/{n}",), "") for n in range(4)]
    for key in (*keys[:3], keys[0], keys[3]):
        await cache.token(key, 300, issuer)
    assert issuer.asked == 4
    await cache.token(keys[0], 300, issuer)
    assert issuer.asked == 4, "the one used last must stay"
    await cache.token(keys[1], 300, issuer)
    assert issuer.asked == 5, "the one used longest ago must go"
