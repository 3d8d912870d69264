"""Differential diagnosis: what to ask next where several faults are likely, and what an answer changes.

A belief is a probability for each fault, and one for none of them; they sum to 1. What is asked next is what is
expected to tell most about the fault: the mutual information between answer and fault in bits (Lindley, On a measure of
the information provided by an experiment, Annals of Mathematical Statistics 1956; Heckerman, Breese and Rommelse,
Decision-theoretic troubleshooting, Communications of the ACM 1995). Answers are taken to be independent given the
fault, so each multiplies by its probability (Bayes), in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from foremend.vocabulary.catalogue.inquiries import Inquiry, Reply

Belief = Mapping[str, float]
"""Fault -> probability, NONE among them."""

NONE = ""
"""No fault that is known, or none at all."""

SURE = 0.95
"""Where a fault is as likely, nothing is asked."""

LEAST_BITS = 0.05
"""What is expected to tell less is not worth anybody's time: it would hardly change the order."""


@dataclass(frozen=True, slots=True)
class Next:
    """What to ask next, and the bits that it is expected to tell.

    >>> from foremend.vocabulary.catalogue.inquiries import load_inquiries
    >>> belief = believed({"filter-clog": 0.5, "indoor-coil-icing": 0.5})
    >>> one = ask_next(belief, load_inquiries().values())
    >>> one.inquiry.name, 0 < one.bits < 1
    ('fan-only-at-full-speed', True)
    """

    inquiry: Inquiry
    bits: float


def believed(candidates: Mapping[str, float]) -> dict[str, float]:
    """A belief of what a model says of each fault by itself (0..1): what is left to 1 is none of them.

    Where they sum to more, one fault is meant, and each gets its share.

    >>> believed({"leak": 0.6, "fan": 0.2})
    {'leak': 0.6, 'fan': 0.2, '': 0.2}
    """
    total = math.fsum(candidates.values())
    scale = max(total, 1.0)
    return {**{fault: p / scale for fault, p in candidates.items()}, NONE: round(max(0.0, 1 - total), 12)}


def told(belief: Belief, inquiry: Inquiry, reply: Reply) -> dict[str, float]:
    """The belief after an answer; one who does not know changes nothing."""
    if reply == "unknown":
        return dict(belief)
    weights = {fault: p * _chance(inquiry, fault, reply == "yes") for fault, p in belief.items()}
    total = math.fsum(weights.values())
    return {fault: weight / total for fault, weight in weights.items()} if total else dict(belief)


def bits(belief: Belief, inquiry: Inquiry) -> float:
    """What an answer is expected to tell about the fault, at least 0: nothing where who is asked does not know."""
    yes = math.fsum(p * inquiry.chance(fault) for fault, p in belief.items())
    of_each = math.fsum(p * _entropy(inquiry.chance(fault)) for fault, p in belief.items())
    return (1 - inquiry.unknown) * max(0.0, _entropy(min(1.0, yes)) - of_each)


def ask_next(belief: Belief, inquiries: Iterable[Inquiry]) -> Next | None:
    """Of `inquiries` the one that is expected to tell most, of equals the first.

    None where a fault is as likely as SURE, or none is expected to tell as much as LEAST_BITS.
    """
    if max((p for fault, p in belief.items() if fault != NONE), default=0.0) >= SURE:
        return None
    best = max((Next(one, bits(belief, one)) for one in inquiries), key=lambda one: one.bits, default=None)
    return best if best is not None and best.bits >= LEAST_BITS else None


def ranked(belief: Belief) -> list[str]:
    """The faults, the likeliest first; of equals in the order they came."""
    return sorted((fault for fault in belief if fault != NONE), key=lambda fault: -belief[fault])


def _chance(inquiry: Inquiry, fault: str, yes: bool) -> float:
    chance = inquiry.chance(fault)
    return chance if yes else 1 - chance


def _entropy(p: float) -> float:
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q > 0)
