"""Names of payload files, and the fence around them: `<endpoint prefix>/tpcharness/<harness name>/`, flat. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from tpcharness.model.endpoint import Endpoint

TOP = "tpcharness"

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\?#;]")


class OutsidePrefix(ValueError):  # noqa: N818 - reads as what it is
    """A path that is not one of ours, or not plainly so."""


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One file of ours at an endpoint; `path` is the absolute URL path, percent-encoded as in the URL."""

    endpoint: Endpoint
    path: str

    @property
    def url(self) -> str:
        return self.endpoint.url(self.path)


class PayloadNames:
    """Makes and recognises the names of one run of one harness.

    A run that changes its configuration on its way has a `generation` of seeds for each, so that the seeds of the
    former can be used to the end and removed. Raises ValueError for a harness name or run id that is no plain word
    of at most 100 characters.
    """

    def __init__(self, harness_name: str, run_id: str, *, generation: int = 0) -> None:
        self.harness_name = _word(harness_name)
        self.run_id = _word(run_id)
        self._seed_label = f"{run_id}.{generation}" if generation else run_id

    def directory(self, endpoint: Endpoint) -> str:
        """The path of our directory at an endpoint, without a trailing slash; raises OutsidePrefix for a prefix that
        servers could read in different ways.
        """
        return f"{_plain(endpoint.path)}/{TOP}/{self.harness_name}"

    def directories(self, endpoint: Endpoint) -> tuple[str, str]:
        """What has to be there before our first file: both levels, the upper one first."""
        directory = self.directory(endpoint)
        return directory.rpartition("/")[0], directory

    def seed(self, endpoint: Endpoint, size: int, number: int = 0) -> PayloadFile:
        """The file of `size` bytes that this run's probes copy from; `number` tells it from those that it replaces."""
        return self._file(endpoint, f"seed-{self._seed_label}-{size}{f'-{number}' if number else ''}")

    def destination(self, endpoint: Endpoint, probe_id: str, attempt: int) -> PayloadFile:
        """Where one attempt of one probe copies to; no other attempt has it."""
        return self._file(endpoint, f"copy-{self.run_id}-{_word(probe_id)}-{attempt}")

    def archived(self, endpoint: Endpoint, probe_id: str, attempt: int) -> PayloadFile:
        """Where one attempt of one probe copies to that sees whether its file gets to tape."""
        return self._file(endpoint, f"archive-{self.run_id}-{_word(probe_id)}-{attempt}")

    def door(self, endpoint: Endpoint, probe_id: str) -> PayloadFile:
        """The file that a door probe writes, reads and removes."""
        return self._file(endpoint, f"door-{self.run_id}-{_word(probe_id)}")

    def is_destination(self, file: PayloadFile) -> bool:
        """Whether a third-party copy writes the file; seeds and door files we write ourselves."""
        return file.path.rpartition("/")[2].startswith(("copy-", "archive-"))

    def is_archived(self, url: str) -> bool:
        """Whether a URL's file may be waiting for its tape."""
        return url.rpartition("/")[2].startswith("archive-")

    def is_seed_of_run(self, url: str) -> bool:
        """Whether a URL's file is a seed of this run, of whatever generation."""
        return url.rpartition("/")[2].startswith(f"seed-{self.run_id}")

    def check(self, file: PayloadFile) -> None:
        """Raises OutsidePrefix unless the file lies directly in our directory and could be ours by its name."""
        directory, slash, name = file.path.rpartition("/")
        if not slash or directory != self.directory(file.endpoint) or not _WORD.fullmatch(name):
            raise OutsidePrefix(f"{file.path} is not a payload file below {self.directory(file.endpoint)}/")

    def _file(self, endpoint: Endpoint, name: str) -> PayloadFile:
        file = PayloadFile(endpoint, f"{self.directory(endpoint)}/{name}")
        self.check(file)
        return file


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"not a plain word of letters, digits, '.', '_' and '-': {text!r}")
    return text


def _plain(path: str) -> str:
    """The path of a prefix, if every server reads it in the one way in which it is written."""
    decoded = unquote(path)
    plain = unquote(decoded) == decoded and not _FORBIDDEN.search(decoded.replace(" ", ""))
    if not plain or decoded.count("/") != path.count("/") or {".", ".."} & set(decoded.split("/")):
        raise OutsidePrefix(f"the prefix {path!r} can be read in more than one way")
    return path
