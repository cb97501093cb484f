"""Passwords: right ones quickly, wrong ones slowly, and never one kept."""

import asyncio
import base64

import bcrypt
import pytest

from tpcharness.daemon.web.doorkeeper import FAILURE_SECONDS, MOST_WAITING, QUICK_FAILURES, Admission, Doorkeeper

PASSWORD = "correct-horse-4711"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Watch:
    """Loop time that goes when told to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def keeper(watch):
    made = Doorkeeper({"ada": HASH}, watch)
    yield made
    made.close()


async def test_the_right_password_comes_in(keeper):
    assert await keeper.admits(basic("ada", PASSWORD), "192.0.2.1") == (Admission.YES, "ada")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer abc",
        basic("ada", "wrong"),
        basic("ada", ""),
        basic("bob", PASSWORD),
        basic("", PASSWORD),
        basic("ada", PASSWORD + "x" * 100),
        basic("ada", PASSWORD + "\0"),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"no-colon").decode(),
    ],
)
async def test_nothing_else_comes_in(keeper, given):
    assert (await keeper.admits(given, "192.0.2.1"))[0] is Admission.NO


async def test_bytes_that_bcrypt_does_not_read_are_not_passed_over(watch):
    """bcrypt reads 72 bytes; a longer password must not be as good as its beginning."""
    long = "x" * 72
    keeper = Doorkeeper({"ada": bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode()}, watch)
    assert (await keeper.admits(basic("ada", long), "::1"))[0] is Admission.YES
    assert (await keeper.admits(basic("ada", long + "y"), "::1"))[0] is Admission.NO
    keeper.close()


async def test_a_guesser_is_sent_away_and_may_come_back_slowly(keeper, watch):
    for n in range(QUICK_FAILURES):
        assert (await keeper.admits(basic("ada", f"guess-{n}"), "192.0.2.1"))[0] is Admission.NO
    assert (await keeper.admits(basic("ada", PASSWORD), "192.0.2.1"))[0] is Admission.TOO_MANY
    assert (await keeper.admits(basic("ada", PASSWORD), "192.0.2.2"))[0] is Admission.YES  # another address
    assert (await keeper.admits(basic("ada", PASSWORD), "192.0.2.1"))[0] is Admission.YES  # known by now
    assert (await keeper.admits(basic("ada", "guess"), "192.0.2.1"))[0] is Admission.TOO_MANY
    watch.seconds += FAILURE_SECONDS
    assert (await keeper.admits(basic("ada", "guess"), "192.0.2.1"))[0] is Admission.NO
    assert (await keeper.admits(basic("ada", "guess"), "192.0.2.1"))[0] is Admission.TOO_MANY


async def test_a_guesser_does_not_escape_into_his_ipv6_network(keeper):
    for n in range(QUICK_FAILURES):
        await keeper.admits(basic("ada", "guess"), f"2001:db8::{n + 1}")
    assert (await keeper.admits(basic("ada", "guess"), "2001:db8::ffff"))[0] is Admission.TOO_MANY


async def test_the_line_of_waiting_checks_is_bounded(keeper):
    answers = await asyncio.gather(
        *(keeper.admits(basic("ada", f"guess-{n}"), f"192.0.2.{n}") for n in range(3 * MOST_WAITING))
    )
    told = [admission for admission, _ in answers]
    assert told.count(Admission.NO) == MOST_WAITING
    assert told.count(Admission.TOO_MANY) == 2 * MOST_WAITING


async def test_users_that_are_replaced_are_out_at_once(keeper):
    assert (await keeper.admits(basic("ada", PASSWORD), "::1"))[0] is Admission.YES
    keeper.replace_users({"ada": bcrypt.hashpw(b"another", bcrypt.gensalt(4)).decode()})
    assert (await keeper.admits(basic("ada", PASSWORD), "::1"))[0] is Admission.NO
    assert (await keeper.admits(basic("ada", "another"), "::1"))[0] is Admission.YES


async def test_no_password_is_kept(keeper):
    password = "kept-nowhere-0815"
    keeper.replace_users({"eve": bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()})
    assert (await keeper.admits(basic("eve", password), "::1"))[0] is Admission.YES
    assert password not in repr(vars(keeper))
    assert password.encode() not in b"".join(keeper._remembered)


async def test_hashing_is_off_the_loop(watch):
    slow = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode()
    keeper = Doorkeeper({"ada": slow}, watch)
    check = asyncio.create_task(keeper.admits(basic("ada", PASSWORD), "::1"))
    turns = 0
    while not check.done():
        turns += 1
        await asyncio.sleep(0)
    keeper.close()
    assert (await check)[0] is Admission.YES
    assert turns > 10
