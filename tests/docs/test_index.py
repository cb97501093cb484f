"""Nobody has to guess that a page exists, and links into the middle of a page find their heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")


def anchors(page: Path) -> set[str]:
    """What headings are called in links, by GitHub's rule."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_names_every_page() -> None:
    index = DOCS / "README.md"
    named = {(DOCS / target).resolve() for target, _ in _LINK.findall(index.read_text(encoding="utf-8"))}
    assert [page.name for page in PAGES if page != index and page.resolve() not in named] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_find_their_heading(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        if anchor:
            assert anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"
