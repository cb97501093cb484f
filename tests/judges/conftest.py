"""One field for all tests of a module: it takes longer to build than a copy takes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.field import Field, open_field


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def field() -> AsyncIterator[Field]:
    async with open_field() as field:
        yield field
