"""davix does with every kind of storage what it does with files: put, get, list, make and remove."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import File
from tests.support.field import CONTENT, KINDS, Field

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def _davix(field: Field, command: str, *arguments: str, at: File) -> bytes:
    said = await field.clients.davix(command, "--header", at.authorization, *arguments, at.url)
    assert said.code == 0, f"davix-{command} {at.url}: {said.text}"
    return said.output


@pytest.mark.parametrize("kind", KINDS)
async def test_davix_is_at_home(kind: str, field: Field, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(CONTENT)
    directory = field.at(f"{field.sources[kind]}/davix")
    file = field.at(f"{directory.url}/file")

    await _davix(field, "mkdir", at=directory)
    await _davix(field, "put", str(local), at=file)
    assert await _davix(field, "get", at=file) == CONTENT
    listing = (await _davix(field, "ls", "--long-list", at=directory)).decode()
    assert [(words[2], words[-1]) for words in map(str.split, listing.splitlines())] == [(str(len(CONTENT)), "file")]

    await _davix(field, "rm", at=file)
    said = await field.clients.davix("get", "--header", file.authorization, file.url)
    assert said.code != 0
    assert "404" in said.text
    assert await _davix(field, "ls", at=directory) == b""
