"""`/-/...`."""

import logging

import pytest

from tests.daemon.web.test_guards import status_of
from tpcharness.daemon.web import state


async def test_healthy_means_that_the_scheduler_ticks(site, monkeypatch):
    _, session = site
    assert await status_of(session, "/-/healthy") == (200, "Healthy.\n")
    monkeypatch.setattr("tpcharness.daemon.web.health.TICK_SECONDS", -1.0)
    status, text = await status_of(session, "/-/healthy")
    assert status == 503
    assert "has not ticked" in text


async def test_a_stuck_scheduler_is_told_on_the_page(site, monkeypatch):
    _, session = site
    monkeypatch.setattr(state, "TICK_SECONDS", -1.0)
    assert "nothing below is getting newer" in (await status_of(session, "/"))[1]


async def test_a_journal_that_takes_nothing_is_told_on_the_page(site):
    paper, session = site
    paper.running.history.journal.refusing = True
    assert "nor can its journal: what is measured now is shown and then lost" in (await status_of(session, "/"))[1]


async def test_ready(site):
    paper, session = site
    assert (await status_of(session, "/-/ready"))[0] == 200
    paper.running.ready = False
    assert await status_of(session, "/-/ready") == (503, "Not ready: the service is stopping.\n")
    assert (await status_of(session, "/-/healthy"))[0] == 200


async def test_reload_says_what_became_of_it(guarded):
    paper, session = guarded
    assert await status_of(session, "/-/reload", "POST") == (200, "Taken.\n")
    paper.ok = False
    status, text = await status_of(session, "/-/reload", "POST")
    assert status == 500
    assert "endpoints.toml:3" in text
    assert "the one before it holds" in (await status_of(session, "/"))[1]
    assert paper.reloads == 2


@pytest.fixture
def levels():
    root = logging.getLogger()
    before = root.level, logging.getLogger("tpcharness").level
    yield
    root.setLevel(before[0])
    logging.getLogger("tpcharness").setLevel(before[1])


@pytest.mark.usefixtures("levels")
async def test_the_log_level_is_one_word(guarded):
    paper, session = guarded
    assert (await status_of(session, "/-/log-level", "PUT", data=b"debug\n"))[0] == 200
    assert paper.levels == ["debug"]
    for wrong in (b"loud", b"", b"debug" * 10, b"\xff\xfe"):
        status, text = await status_of(session, "/-/log-level", "PUT", data=wrong)
        assert status == 400
        assert "debug, info, warning or error" in text
