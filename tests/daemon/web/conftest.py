"""Pages of a small mesh, and somebody who asks for them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from tests.browser.meshes import Mesh, mesh
from tests.daemon.web.field import Paper, paper_site

USER, PASSWORD = "ada", "right-password-4711"


def basic(user: str, password: str) -> dict[str, str]:
    """Headers with a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture(scope="session")
def four() -> Mesh:
    return mesh(4)


@pytest.fixture
async def site(four: Mesh, tmp_path: Path) -> AsyncIterator[tuple[Paper, aiohttp.ClientSession]]:
    """A service without users."""
    async with paper_site(four, tmp_path) as (paper, url), aiohttp.ClientSession(url) as session:
        yield paper, session


@pytest.fixture
def web_config(tmp_path: Path) -> Path:
    """A web-config file with one user."""
    file = tmp_path / "web.yml"
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    file.write_text(f"basic_auth_users:\n  {USER}: {hashed}\n")
    return file


@pytest.fixture
async def guarded(four: Mesh, tmp_path: Path, web_config: Path) -> AsyncIterator[tuple[Paper, aiohttp.ClientSession]]:
    """A service with one user, and a client that knows the password."""
    async with (
        paper_site(four, tmp_path, web_config=str(web_config)) as (paper, url),
        aiohttp.ClientSession(url, headers=basic(USER, PASSWORD)) as session,
    ):
        yield paper, session
