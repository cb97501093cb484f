"""What a whole matrix means: a few sentences in place of n x n cells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.contrast import Contrast
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant


class FindingKind(StrEnum):
    """The shapes that a cause leaves in a matrix. Names are public: only added."""

    ENDPOINT_DOWN = "endpoint_down"
    BAD_AS_SOURCE = "bad_as_source"
    BAD_AS_DESTINATION = "bad_as_destination"
    SINGLE_LINK = "single_link"
    NO_TOKENS = "no_tokens"  # one issuer or one token source, several endpoints
    OUR_SIDE = "our_side"
    ISSUER_NOT_ACCEPTED = "issuer_not_accepted"  # by several endpoints, and by nobody accepted
    REFUSES_TOKENS = "refuses_tokens"
    BAD_AS_ACTIVE = "bad_as_active"
    BAD_AS_PASSIVE = "bad_as_passive"
    BAD_BOTH_WAYS = "bad_both_ways"  # as source and as destination
    NOT_REACHABLE = "not_reachable"  # we reach it, other storages do not
    REACHES_NOBODY = "reaches_nobody"
    DOES_NOT_TRUST = "does_not_trust"  # refuses the certificates of others
    NOT_TRUSTED = "not_trusted"  # others refuse its certificate
    IMPLEMENTATION_PAIR = "implementation_pair"
    BLOCK = "block"  # some sources and some destinations
    EVERYTHING = "everything"
    BAD_PATH = "bad_path"  # one pair, both directions
    UNCLEAR = "unclear"  # one of several, and the matrix cannot tell which
    FAILS_ALONE = "fails_alone"  # one endpoint, in what is asked of it beside its doors and links

    @property
    def narrow(self) -> bool:
        """Whether it speaks of one pair of endpoints only."""
        return self in (FindingKind.SINGLE_LINK, FindingKind.BAD_PATH)


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause and the cells that it explains, worst first in a list of findings.

    `culprits`: one endpoint; source and destination of a link; the two ends of a path; all endpoints of a block; all
    candidates if unclear; two implementations as their servers call them; an issuer's URL; `client` for our own side;
    nobody if everything fails. `sources` and `destinations` say between whom the cells lie where the culprits do not;
    the endpoints that an issuer or our side leaves without a test are destinations, as in a door's blame. `cells`
    counts the failing (link, variant) cells explained, `of` those that were tried there; where an endpoint fails alone,
    these are its variants. `probe_id` is one typical result. `contrasts` are what makes the culprit more certain.
    """

    kind: FindingKind
    culprits: tuple[str, ...]
    reason: Reason
    blame: Blame
    cells: int
    of: int
    sentence: str
    variants: tuple[Variant, ...] = ()
    probe_id: str = ""
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
