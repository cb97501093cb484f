"""The rules by which variants are compared: one function each, listed in `RULES`. Pure.

What each rule rests on stands in `model.contrast`, in its kind's row. All of them look at tried cells only: one that
is missing, skipped or stale makes its rule silent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tpcharness.diagnosis.families import UNREACHED
from tpcharness.diagnosis.matrix_view import BOTH_ENDS, Cell
from tpcharness.diagnosis.parties import active_role
from tpcharness.diagnosis.scene import Drawn, Scene, endpoint_speed, own_fault
from tpcharness.model.contrast import Contrast, ContrastKind
from tpcharness.model.endpoint import EndpointSubject, LinkSubject, Subject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Phase, Variant

FASTER = 4.0
"""An end is faster than the copy if it moves at least so many times as much in the same time."""

AS_SLOW = 1.25
"""An end is as slow as the copy if it moves at most so many times as much."""

MIN_COPY_SECONDS = 5.0
"""Shorter copies measure the set-up: active parties look at a copy every few seconds (markers come every 5 s)."""

MIN_PARTNERS = 2

_S, _D = Blame.SOURCE, Blame.DESTINATION
_V = Variant

_REFUSED = frozenset({Reason.UNAUTHENTICATED, Reason.FORBIDDEN, Reason.TPC_UNSUPPORTED, Reason.DELEGATION_REQUIRED})
# What says nothing of a copy: it passes by itself, or is of ranges, which no copy reads.
_NO_GROUND = frozenset({Reason.OVERLOADED, Reason.RANGE_REFUSED, Reason.RANGE_WRONG})
_ACCEPTED = frozenset({Phase.TRANSFER, Phase.VERIFY, Phase.CLEANUP})
_HTTPS = (_V.HTTPS_PULL, _V.HTTPS_PUSH)


class _Way(NamedTuple):
    """A direct transfer, the copies that need the same of an endpoint in this role, and what they are called."""

    direct: Variant
    role: Blame
    copies: tuple[Variant, ...]
    done: str


_WAYS = (
    _Way(_V.WEBDAV_DOWNLOAD, _S, (*_HTTPS, _V.GFAL_DAVS_DAVS), "download"),
    _Way(_V.WEBDAV_UPLOAD, _D, (*_HTTPS, _V.GFAL_DAVS_DAVS), "upload"),
    _Way(_V.ROOT_DOWNLOAD, _S, (_V.ROOT_PULL, _V.GFAL_ROOT_ROOT), "download"),
    _Way(_V.ROOT_UPLOAD, _D, (_V.ROOT_PULL, _V.GFAL_ROOT_ROOT), "upload"),
)
_OTHER_WAY = {_V.WEBDAV_UPLOAD: _V.WEBDAV_DOWNLOAD, _V.WEBDAV_DOWNLOAD: _V.WEBDAV_UPLOAD}


def third_party_refused(scene: Scene) -> Iterator[Drawn]:
    """Our own transfer works, and each copy that the endpoint is asked to make in the same role is refused."""
    for direct, mode in ((_V.WEBDAV_UPLOAD, _V.HTTPS_PULL), (_V.WEBDAV_DOWNLOAD, _V.HTTPS_PUSH)):
        role, done = active_role(mode), "upload" if direct is _V.WEBDAV_UPLOAD else "download"
        for name, result in scene.tested(direct):
            cells = scene.at(mode, role, name)
            refused = [cell for cell in cells if _refuses(cell, role, scene, _OTHER_WAY[direct])]
            if not result.ok or not refused or any(_accepted(cell) for cell in cells):
                continue
            word = mode.value.removeprefix("https-")
            sentence = (
                f"{name}: direct {done} works, {word} is refused in {len(refused)} of {len(cells)} copies: "
                "third-party copy itself is switched off or not authorised there"
            )
            clause = f"direct {done} works, {word} is refused"
            kind = ContrastKind.THIRD_PARTY_REFUSED
            yield _drawn(kind, EndpointSubject(name), sentence, clause, (result,), refused, culprit=name, role=role)


def _accepted(cell: Cell) -> bool:
    """Whether the copy began, however it ended: then the active party does third-party copies, and for us."""
    return cell.ok or (cell.failing and not cell.nobodys and cell.result.reason.phase in _ACCEPTED)


def _refuses(cell: Cell, role: Blame, scene: Scene, direct: Variant) -> bool:
    """Whether it is the active party that refuses: by its own word, or because the passive one is seen to serve."""
    if not cell.failing or cell.result.reason not in _REFUSED or role not in cell.reported:
        return False
    passive = cell.partner(role).name
    return cell.reported == {role} or (cell.reported <= BOTH_ENDS and scene.good_alone(direct, passive) is not None)


def direct_fails_too(scene: Scene) -> Iterator[Drawn]:
    """Our own transfer fails by the endpoint's fault, and so does every copy that needs the same of it."""
    for direct, role, copies, done in _WAYS:
        source = role is _S
        kind = ContrastKind.SOURCE_UNREADABLE if source else ContrastKind.DESTINATION_UNWRITABLE
        for name, result in scene.tested(direct):
            tried = [cell for variant in copies for cell in scene.at(variant, role, name)]
            failing = [cell for cell in tried if cell.failing and not cell.nobodys and cell.supports(role)]
            if not own_fault(result) or result.reason in _NO_GROUND:
                continue
            if not failing or any(cell.ok for cell in tried):
                continue
            sentence = (
                f"{name}: direct {done} fails as well ({direct}: {result.reason}), so the {role} is the culprit of "
                f"{len(failing)} failing {'copy' if len(failing) == 1 else 'copies'} {'from' if source else 'to'} it"
            )
            clause = f"direct {done} {'from' if source else 'to'} {name} fails as well"
            yield _drawn(kind, EndpointSubject(name), sentence, clause, (result,), failing, culprit=name, role=role)


def active_role_fails(scene: Scene) -> Iterator[Drawn]:
    """Both ends serve us, one mode works and the other does not: it is the active party of that mode."""
    groups: dict[tuple[str, Blame, bool], list[tuple[Cell, Cell, Result, Result]]] = defaultdict(list)
    for link, cells in scene.by_link.items():
        read = scene.good_alone(_V.WEBDAV_DOWNLOAD, link[0])
        written = scene.good_alone(_V.WEBDAV_UPLOAD, link[1])
        pull, push = cells.get(_V.HTTPS_PULL), cells.get(_V.HTTPS_PUSH)
        if read is None or written is None or pull is None or push is None or pull.ok is push.ok:
            continue
        failing, working = (push, pull) if pull.ok else (pull, push)
        role = active_role(failing.variant)
        if failing.nobodys or failing.reported == BOTH_ENDS - {role}:
            continue  # what is certain stays so
        own = role in failing.reported and failing.reported <= BOTH_ENDS and failing.result.reason not in UNREACHED
        name = failing.partner(next(iter(BOTH_ENDS - {role}))).name
        groups[name, role, own].append((failing, working, read, written))
    for (name, role, own), found in sorted(groups.items()):
        failing_cells = [each[0] for each in found]
        bad, good = ("pull", "push") if role is _D else ("push", "pull")
        why = "" if own else ", or the way from it to the other party"
        subject = _subject(name, failing_cells)
        sentence = (
            f"{subject}: direct transfers with both ends work, {good} works, {bad} fails"
            f"{_in_copies(failing_cells)}: it is {name} as the active party that fails{why}"
        )
        others = [result for _, working, *ends in found for result in (working.result, *ends)]
        yield _drawn(
            ContrastKind.ACTIVE_ROLE,
            subject,
            sentence,
            f"direct transfers with both ends and {good} work: {name} fails as the active party{why}",
            others,
            failing_cells,
            culprit=name if own else "",
            role=role if own else None,
        )


def protocol_door(scene: Scene) -> Iterator[Drawn]:
    """One protocol works with all partners, the other one with none of them, though they use it with others."""
    for bad, good in (((_V.ROOT_PULL,), _HTTPS), (_HTTPS, (_V.ROOT_PULL,))):
        names = sorted({place.name for place in scene.by_place if place.variant in bad})
        for name in names:
            failing, working = _between(scene, name, bad), _between(scene, name, good)
            partners = {_other(cell, name) for cell in failing}
            if len(partners) < MIN_PARTNERS or partners != {_other(cell, name) for cell in working}:
                continue
            if any(cell.ok for cell in failing) or not all(cell.ok for cell in working):
                continue
            if not all(_may_be(cell, name) for cell in failing) or not any(_names(cell, name) for cell in failing):
                continue
            if not all(any(c.ok and name not in c.link for c in _between(scene, each, bad)) for each in partners):
                continue
            yield from _one_door(name, failing, working, "root" if _V.ROOT_PULL in bad else "https")


def _one_door(name: str, failing: Sequence[Cell], working: Sequence[Cell], door: str) -> Iterator[Drawn]:
    other = "https" if door == "root" else "root"
    text = f"{other} works with all partners, {door} with none of them"
    for role in (_S, _D):  # the cells of one role: so that each can be settled
        if cells := [cell for cell in failing if _role(cell, name) is role]:
            yield _drawn(
                ContrastKind.PROTOCOL_DOOR,
                EndpointSubject(name),
                f"{name} as {role}: {text}: its {door} door has to be mended",
                f"{text}: it is its {door} door",
                [cell.result for cell in working],
                cells,
                culprit=name if any(role in cell.reported for cell in cells) else "",
                role=role,
            )


def clients_disagree(scene: Scene) -> Iterator[Drawn]:
    """gfal2's copy and ours end differently on the same link."""
    pairs: dict[tuple[Variant, Variant], list[tuple[Cell, Cell]]] = defaultdict(list)
    for cells in scene.by_link.values():
        for theirs, ours in ((_V.GFAL_DAVS_DAVS, _V.HTTPS_PULL), (_V.GFAL_ROOT_ROOT, _V.ROOT_PULL)):
            one, other = cells.get(theirs), cells.get(ours)
            if one is None or other is None or one.ok is other.ok:
                continue
            failing, working = (other, one) if one.ok else (one, other)
            if not failing.nobodys:
                pairs[failing.variant, working.variant].append((failing, working))
    for (bad, good), differing in sorted(pairs.items()):
        yield from _disagreements(bad, good, differing)


def _disagreements(bad: Variant, good: Variant, differing: Sequence[tuple[Cell, Cell]]) -> Iterator[Drawn]:
    """One contrast for each endpoint that has most of the links in common."""
    often = Counter(name for failing, _ in differing for name in failing.link)
    groups: dict[str, list[tuple[Cell, Cell]]] = defaultdict(list)
    for failing, working in differing:
        groups[max(sorted(failing.link), key=often.__getitem__)].append((failing, working))
    for name, found in sorted(groups.items()):
        failing_cells = [failing for failing, _ in found]
        subject = _subject(name, failing_cells)
        sentence = f"{subject}: {good} works, {bad} fails{_in_copies(failing_cells)}: something depends on the client"
        clause = f"{good} works there"
        results = [working.result for _, working in found]
        yield _drawn(ContrastKind.CLIENTS_DISAGREE, subject, sentence, clause, results, failing_cells)


def cache(scene: Scene) -> Iterator[Drawn]:
    """A read through the cache and one from the storage behind it end differently."""
    for name, cached in scene.tested(_V.CACHE_READ):
        direct = dict(scene.tested(_V.ROOT_DOWNLOAD)).get(name)
        if direct is None or cached.ok is direct.ok:
            continue
        failing = direct if cached.ok else cached
        if failing.blame in (Blame.CLIENT, Blame.ISSUER):
            continue
        if cached.ok:
            kind = ContrastKind.STORAGE_BEHIND_CACHE_FAILS
            sentence = f"{name}: a cache can read from the storage, and we can not ({direct.reason})"
            clause = "a cache can read from it"
        elif Blame.PATH in (cached.blame, *(each.blame for each in cached.alternatives)):
            kind = ContrastKind.CACHE_FAILS
            sentence = f"{name}: the storage serves a file, the cache in front of it fails ({cached.reason})"
            clause = "without the cache the storage serves the file"
        else:
            continue  # the storage failed before the cache was asked, or they are one
        culprit = name if own_fault(failing) else ""
        yield _drawn(kind, EndpointSubject(name), sentence, clause, (cached, direct), culprit=culprit)


def slow(scene: Scene) -> Iterator[Drawn]:
    """A good copy that is slow, beside the speed of both halves."""
    for link, cells in scene.by_link.items():
        for variant, down, up in (
            (_V.HTTPS_PULL, _V.WEBDAV_DOWNLOAD, _V.WEBDAV_UPLOAD),
            (_V.HTTPS_PUSH, _V.WEBDAV_DOWNLOAD, _V.WEBDAV_UPLOAD),
            (_V.ROOT_PULL, _V.ROOT_DOWNLOAD, _V.ROOT_UPLOAD),
        ):
            if variant in cells:
                yield from _halves(scene, LinkSubject(*link), variant, down, up)


def _halves(scene: Scene, link: LinkSubject, variant: Variant, down: Variant, up: Variant) -> Iterator[Drawn]:
    """The largest size for which all three are known."""
    copies = scene.speeds(link, variant)
    for size in sorted(copies, reverse=True):
        read = endpoint_speed(scene, link.source, down, size)
        written = endpoint_speed(scene, link.destination, up, size)
        if read is None or written is None:
            continue
        copy = copies[size]
        if (copy.transfer_seconds or 0.0) < MIN_COPY_SECONDS or not copy.throughput:
            return
        ratios = (read.throughput or 0.0) / copy.throughput, (written.throughput or 0.0) / copy.throughput
        if verdict := _slow_verdict(link, ratios):
            kind, culprit, why = verdict
            rates = ", ".join(
                f"{each.variant} {(each.throughput or 0.0) / 1e6:.1f} MB/s" for each in (copy, read, written)
            )
            yield _drawn(kind, link, f"{link}: {rates}: {why}", "", (copy, read, written), culprit=culprit)
        return


def _slow_verdict(link: LinkSubject, ratios: tuple[float, float]) -> tuple[ContrastKind, str, str] | None:
    read, written = ratios
    if min(ratios) >= FASTER:
        return ContrastKind.SLOW_PATH, "", "both halves are faster, the path between the two is slow"
    if read <= AS_SLOW and written >= FASTER:
        return ContrastKind.SLOW_SOURCE, link.source, f"{link.source}, or the way out of it, is slow"
    if written <= AS_SLOW and read >= FASTER:
        return ContrastKind.SLOW_DESTINATION, link.destination, f"{link.destination}, or the way into it, is slow"
    return None


RULES: tuple[Callable[[Scene], Iterable[Drawn]], ...] = (
    third_party_refused,
    direct_fails_too,
    active_role_fails,
    protocol_door,
    clients_disagree,
    cache,
    slow,
)
"""All of them. Each sees the whole scene and knows nothing of the others."""


def _drawn(
    kind: ContrastKind,
    subject: Subject,
    sentence: str,
    clause: str,
    results: Iterable[Result],
    cells: Sequence[Cell] = (),
    *,
    culprit: str = "",
    role: Blame | None = None,
) -> Drawn:
    ground = [*results, *(cell.result for cell in cells)]
    seen = {result.variant for result in ground}
    variants = tuple(variant for variant in Variant if variant in seen)
    probes = tuple(sorted({result.probe_id for result in ground}))
    began = [result.started_at for result in ground]
    contrast = Contrast(kind, subject, variants, f"{sentence}.", probes, culprit)
    return Drawn(contrast, clause, tuple(cells), role, max(began) - min(began))


def _subject(name: str, cells: Sequence[Cell]) -> Subject:
    """The link where it is one, else the endpoint that all of them have in common."""
    links = {cell.link for cell in cells}
    return LinkSubject(*links.pop()) if len(links) == 1 else EndpointSubject(name)


def _in_copies(cells: Sequence[Cell]) -> str:
    return f" in {len(cells)} copies" if len(cells) > 1 else ""


def _between(scene: Scene, name: str, variants: Sequence[Variant]) -> list[Cell]:
    return [cell for variant in variants for role in (_S, _D) for cell in scene.at(variant, role, name)]


def _other(cell: Cell, name: str) -> str:
    return cell.destination if cell.source == name else cell.source


def _role(cell: Cell, name: str) -> Blame:
    return _S if cell.source == name else _D


def _names(cell: Cell, name: str) -> bool:
    return _role(cell, name) in cell.reported


def _may_be(cell: Cell, name: str) -> bool:
    return cell.failing and not cell.nobodys and cell.supports(_role(cell, name))
