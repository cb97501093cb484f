"""Every reader of foreign bytes on bytes that nobody thought of, and on those that once broke it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SEEDS, TARGETS
from tests.support import xroot_frames as real

# What stands behind a refused login counted for an error of its own, but only if it came in the same piece.
LOGIN_THAT_IS_OVER = (
    real.HELLO_ANSWER + real.PROTOCOL_PLAIN + real.login_offering(b"&P=krb5") + real.answer(0, 0, b"\0") * 2
)

# What a fuzzer once found, by target; each is a bug that is mended.
REGRESSIONS: Mapping[str, tuple[bytes, ...]] = {
    "xroot_login": (LOGIN_THAT_IS_OVER,),
}


def test_every_target_has_seeds() -> None:
    assert TARGETS.keys() == SEEDS.keys()
    assert REGRESSIONS.keys() <= TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_was_found_before(name: str) -> None:
    for data in (b"", *SEEDS[name], *REGRESSIONS.get(name, ())):
        TARGETS[name](data)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """Pieces of the seeds, cut and put together anew, with foreign bytes between them."""
    pieces = []
    for _ in range(draw(st.integers(1, 4))):
        seed = draw(st.sampled_from(SEEDS[name]))
        begin, end = sorted((draw(st.integers(0, len(seed))), draw(st.integers(0, len(seed)))))
        pieces += [seed[begin:end], draw(st.binary(max_size=4)) * draw(st.integers(0, 3))]
    return b"".join(pieces)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name: str) -> None:
    @settings(max_examples=200)
    @given(mutated(name) | st.binary(max_size=200))
    @example(b"\xff" * 70)
    def run(data: bytes) -> None:
        TARGETS[name](data)

    run()
