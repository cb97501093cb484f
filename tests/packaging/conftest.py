"""What is built once and looked at by many: an image, a deb and an rpm."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.containers import ROOT, Container, Images, finished


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    """Not among pytest's folders: it keeps those of three runs, and this is a gigabyte."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-images-") as folder:
        yield Images(Path(folder))


@pytest.fixture(scope="session")
def image(images: Images) -> str:
    return images.build()


@pytest.fixture
def container(images: Images, image: str) -> Iterator[Container]:
    with images.container(image) as container:
        yield container


@pytest.fixture(scope="session")
def packages() -> Iterator[dict[str, Path]]:
    """The deb and the rpm, under these names."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-packages-") as folder:
        listed = finished(ROOT / "packaging/build-packages", folder).split()
        yield {Path(name).suffix.removeprefix("."): Path(name) for name in listed}
