"""The pages when more than both modes of https is probed: protocols, endpoints alone, contrasts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.browser.meshes import Mesh, Site
from tests.daemon.web.field import paper_site
from tests.daemon.web.test_guards import status_of
from tests.export.test_html_report import Page
from tests.support.protocol_worlds import ProtocolWorld
from tpcharness.export.protocols import contrasts_of


@asynccontextmanager
async def protocol_site(world: ProtocolWorld, folder: Path) -> AsyncIterator[str]:
    """The URL of a service that knows all results of the world, whatever its schedule has."""
    sites = [Site(number, name) for number, name in enumerate(world.names)]
    async with paper_site(Mesh(world.run, world.store, world.findings, sites), folder) as (paper, url):
        results = world.store.results()
        paper.running.latest.retain(dict.fromkeys((each.subject, each.variant) for each in results))
        for result in results:
            paper.running.latest.add(result)
        yield url


@pytest.fixture
def world() -> ProtocolWorld:
    return ProtocolWorld(4)


async def page_of(url: str, path: str) -> Page:
    async with aiohttp.ClientSession(url) as session:
        status, text = await status_of(session, path)
    assert status == 200, text
    return Page(text)


async def test_the_front_page_has_protocols_endpoints_alone_and_contrasts(world: ProtocolWorld, tmp_path: Path) -> None:
    async with protocol_site(world, tmp_path) as url:
        text = (await page_of(url, "/")).text
    assert "the letter is the best variant: P https-pull, U https-push, R root-pull" in text
    for contrast in contrasts_of(world.store):
        assert contrast.sentence in text
    assert "Asked alone" in text
    assert "cache-read" in text
    assert text.index("Contrasts") < text.index("Asked alone") < text.index("Sources")


async def test_two_variants_are_halves_as_ever(world: ProtocolWorld, tmp_path: Path) -> None:
    async with protocol_site(world, tmp_path) as url:
        text = (await page_of(url, "/?variant=https-pull&variant=https-push")).text
    assert "In each cell, from left: https-pull, https-push." in text
    assert "the letter is the best variant" not in text


async def test_the_page_of_an_endpoint_lists_what_it_does_alone(world: ProtocolWorld, tmp_path: Path) -> None:
    async with protocol_site(world, tmp_path) as url:
        page = await page_of(url, f"/endpoints/{world.names[3]}")
        probe = next(link for link in page.links if link.endswith(f"{world.names[3]}-webdav-upload"))
        told = (await page_of(url, probe)).text
    assert "checksum_mismatch" in page.text
    assert "this endpoint" in page.text
    assert "The endpoint did, alone, what it was asked for." in told
    assert "The door is open" not in told
