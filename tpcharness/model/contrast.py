"""What several variants of one link or endpoint say together that none of them says alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tpcharness.model.endpoint import Subject
from tpcharness.model.variant import Variant


class ContrastKind(StrEnum):
    """What differs. Names are public: only added."""

    THIRD_PARTY_REFUSED = "third_party_refused"
    SOURCE_UNREADABLE = "source_unreadable"
    DESTINATION_UNWRITABLE = "destination_unwritable"
    ACTIVE_ROLE = "active_role"
    PROTOCOL_DOOR = "protocol_door"
    CLIENTS_DISAGREE = "clients_disagree"
    CACHE_FAILS = "cache_fails"
    STORAGE_BEHIND_CACHE_FAILS = "storage_behind_cache_fails"
    SLOW_PATH = "slow_path"
    SLOW_SOURCE = "slow_source"
    SLOW_DESTINATION = "slow_destination"

    @property
    def info(self) -> ContrastInfo:
        return _TABLE[self]


class ContrastInfo(NamedTuple):
    """What is compared, what follows from it, and why that is so."""

    compared: str
    meaning: str
    ground: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """One contrast. `probe_ids` are the results that it rests on, sorted.

    `culprit` is the one endpoint that it points at, empty where it blames nobody.
    """

    kind: ContrastKind
    subject: Subject
    variants: tuple[Variant, ...]
    sentence: str
    probe_ids: tuple[str, ...]
    culprit: str = ""


_K = ContrastKind

_TABLE: dict[ContrastKind, ContrastInfo] = {
    _K.THIRD_PARTY_REFUSED: ContrastInfo(
        "Our own upload works, and the same storage refuses every pull that it is asked for; or our own download "
        "works, and it refuses every push.",
        "Third-party copy itself is switched off or not authorised there; it is not its space, nor our rights to the "
        "path.",
        "Both need the same right at the same path; only the COPY is different.",
    ),
    _K.SOURCE_UNREADABLE: ContrastInfo(
        "Our own download from an endpoint fails by its fault, and nothing can be copied from it over that protocol.",
        "The source has to act where the failing copies leave that open.",
        "A storage that cannot give a file to its client cannot give it to another storage.",
    ),
    _K.DESTINATION_UNWRITABLE: ContrastInfo(
        "Our own upload to an endpoint fails by its fault, and nothing can be copied to it over that protocol.",
        "The destination has to act where the failing copies leave that open.",
        "A storage that cannot keep a file of its client cannot keep one of another storage.",
    ),
    _K.ACTIVE_ROLE: ContrastInfo(
        "Download from the source and upload to the destination work, and of pull and push only one does.",
        "What fails is the active party of that mode, or, if it gets no connection, the way from it to the other.",
        "Both storages serve a client, and the bytes come through when the other one moves them.",
    ),
    _K.PROTOCOL_DOOR: ContrastInfo(
        "All links of an endpoint work over one of https and xroot and fail over the other, and its partners use both "
        "with others.",
        "The endpoint's door for the failing protocol has to be mended.",
        "Its files and the network are the same for both protocols.",
    ),
    _K.CLIENTS_DISAGREE: ContrastInfo(
        "gfal2's copy and ours over the same protocol do not end alike on one link.",
        "Something depends on the client; nobody is blamed for it.",
        "Both ask the same two storages for the same thing, but not in the same words.",
    ),
    _K.CACHE_FAILS: ContrastInfo(
        "A storage can be read directly, and not through the cache in front of it.",
        "The cache, or its own way to the storage, is at fault.",
        "The reads differ in the cache only. Nothing is said where the storage failed before the cache was asked, or "
        "where both stand on one host.",
    ),
    _K.STORAGE_BEHIND_CACHE_FAILS: ContrastInfo(
        "A new file can be read through the cache, and our download from the storage behind it fails.",
        "The storage serves its cache. What fails is what our download alone asks for, as a greater size or pieces, "
        "or the storage is well at times only.",
        "No cache holds a file that is new: it had to be read from the storage.",
    ),
    _K.SLOW_PATH: ContrastInfo(
        "Our download from the source and our upload to the destination are both at least 4 times as fast as the copy.",
        "The path between the two is slow, or how they use it.",
        "Each end has shown that it can do better. Looked at only where all three moved the same size and the copy "
        "took 5 s or more: shorter ones measure the set-up.",
    ),
    _K.SLOW_SOURCE: ContrastInfo(
        "Our download from the source is about as slow as the copy, our upload to the destination 4 times as fast.",
        "The source is slow, or the way out of it.",
        "Our own line has carried more; compared as above.",
    ),
    _K.SLOW_DESTINATION: ContrastInfo(
        "Our upload to the destination is about as slow as the copy, our download from the source 4 times as fast.",
        "The destination is slow, or the way into it.",
        "Our own line has carried more; compared as above.",
    ),
}
