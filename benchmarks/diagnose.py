"""Diagnosis: which fault the shipped champions name on the day it fails, in simulated households they never saw.

Every fault that fails in a fleet, by the last day that is judged, is asked about: the champion's mean probability of
each fault over the appliance's last days on which it ran, until the failure. The likeliest is the first answer; below
`LEVEL` nothing is answered. The same fleet is then followed without a fifth of its signals, drawn anew for each seed,
and faults beside another that is under way are counted by themselves. Simulated faults prove that the pipeline tells
apart what it was built to tell apart; they prove nothing about households. `LEVEL` was fixed on seed 1 of rf-260 and
ac-35i. `with_those_ahead` is how it was counted at first: a fault that fails later was asked about on the last day,
too.

`with_question` is the same after one question to the owner and one guided test, each the most telling one. Answers are
drawn with the very probabilities that they are judged by: it shows how much is gained if those hold, not that they do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from benchmarks._common import by_seeds
from benchmarks.fleet import true_faults
from foremend.engine.fitted import FittedModel, scored
from foremend.engine.follow import follow
from foremend.learning.model_building import load_fitted
from foremend.learning.practice_rows import as_block
from foremend.learning.training import SHIPPED
from foremend.vocabulary.catalogue.inquiries import Inquiry, possible_inquiries
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block
from models.differential import Belief, ask_next, believed, ranked, told
from models.evaluation import TrueFault
from models.registry.registry import Registry
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import plain_fleet

MODELS = ("rf-260", "ac-35f", "ac-35i", "wh-60", "wm-7")
APPLIANCES, DAYS, FAULT_RATE = 40, 200, 1.0
LAST_DAYS = 7
LEVEL = 0.05
MISSING = 0.2  # of the signals
UNANSWERED = "nothing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of a fault that failed, the likeliest first; nothing where that is not likely enough."""

    fault: str
    named: tuple[str, ...]
    beside: bool  # another fault was under way
    asked: tuple[str, ...] = ()  # as `named`, after a question and a test
    ahead: bool = False  # it fails after the last day that is judged


def a_fleet(profile: Profile, fitted: FittedModel, seed: int, without: frozenset[str]) -> list[Answer]:
    """An answer for each fault that failed in the fleet of a seed, followed without some signals."""
    scenario = plain_fleet({profile.name: APPLIANCES}, DAYS, FAULT_RATE, start=date(2027, 4, 1))
    fleet = Fleet(scenario, seed)
    blocks = (_without(as_block(one), without) for one in fleet.telemetry())
    days = follow(profile, blocks)
    said = [scored(fitted, day.deviations, day.news).prediction for day in days.each]
    ran = np.concatenate([day.news for day in days.each])
    appliance, time, likely = (
        np.concatenate([getattr(one, name) for one in said]) for name in ("appliance", "time", "probability")
    )
    sent = [name for name in profile.signals if name not in without]
    states = profile.states.named if profile.states else ()
    inquiries = possible_inquiries(profile.category, sent, states)
    rng = np.random.default_rng(seed)
    end = int(time.max())
    row_of = {one: row for row, one in enumerate(days.ids)}
    truth = true_faults(fleet)
    answers = []
    for one in truth:
        if one.failure is None or one.appliance not in row_of:
            continue
        mine = ran & (appliance == row_of[one.appliance]) & (time <= one.failure) & (time > one.onset)
        last = np.flatnonzero(mine)[np.argsort(time[mine], kind="stable")][-LAST_DAYS:]
        mean = likely[last].mean(axis=0) if len(last) else np.zeros(len(said[0].faults))
        belief = believed(dict(zip(said[0].faults, mean.tolist(), strict=True)))
        after = asked(belief, one.fault, inquiries, rng)
        ahead = one.failure > end
        answers.append(Answer(one.fault, named(belief), _beside(one, truth), named(after), ahead))
    return answers


def asked(
    belief: Belief, fault: str, inquiries: Sequence[Inquiry], rng: np.random.Generator
) -> dict[str, float]:
    """The belief after the most telling question and the most telling test, answered as `fault` has it."""
    now = dict(belief)
    for of in ("owner", "appliance"):
        found = ask_next(now, [one for one in inquiries if one.of == of])
        if found is not None:
            knows, yes = rng.random(2) < (1 - found.inquiry.unknown, found.inquiry.chance(fault))
            now = told(now, found.inquiry, ("yes" if yes else "no") if knows else "unknown")
    return now


def _without(block: Block, names: frozenset[str]) -> Block:
    return replace(block, signals={name: one for name, one in block.signals.items() if name not in names})


def named(belief: Belief) -> tuple[str, ...]:
    """Faults, the likeliest first; none where that is not likely enough."""
    order = tuple(ranked(belief))
    return order if belief[order[0]] >= LEVEL else ()


def _beside(one: TrueFault, truth: Iterable[TrueFault]) -> bool:
    assert one.failure is not None
    return any(
        each is not one
        and each.appliance == one.appliance
        and each.onset <= one.failure
        and (each.over is None or each.over > one.failure - LAST_DAYS * MS_PER_DAY)
        for each in truth
    )


def figures(answers: Sequence[Answer]) -> dict[str, Any]:
    """Of all faults the share not answered; of those answered, how often the first is right, and one of three."""
    answered = [one for one in answers if one.named]
    right = [sum(one.fault in one.named[:k] for one in answered) for k in (1, 3)]
    return {
        "faults": len(answers),
        "top1": _share(right[0], len(answered)),
        "top3": _share(right[1], len(answered)),
        "abstained": _share(len(answers) - len(answered), len(answers)),
    }


def with_question(answers: Sequence[Answer]) -> dict[str, Any]:
    """`figures` of faults that failed, and the same after a question and a test."""
    failed = [one for one in answers if not one.ahead]
    after = figures([replace(one, named=one.asked) for one in failed])
    del after["faults"]
    return {**figures(failed), "with_question": after}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def confusion(answers: Iterable[Answer]) -> dict[str, dict[str, int]]:
    """Fault -> what was said first -> how often."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for one in answers:
        table[one.fault][one.named[0] if one.named else UNANSWERED] += 1
    return {fault: dict(said.most_common()) for fault, said in sorted(table.items())}


def summary(seeds: range) -> dict[str, Any]:
    """All models together, with each and without a fifth of the signals, and faults beside another alone."""
    profiles, registry = load_profiles(), Registry(SHIPPED)
    whole: dict[str, list[Answer]] = {name: [] for name in MODELS}
    blind: list[Answer] = []
    for name in MODELS:
        version = registry.aliases(name).champion or registry.versions(name)[-1]
        profile, fitted = profiles[name], load_fitted(name, version, registry)
        for seed in seeds:
            names = np.random.default_rng(seed).permutation(sorted(profile.signals))
            missing = frozenset(names[: max(1, round(MISSING * len(names)))].tolist())
            whole[name] += a_fleet(profile, fitted, seed, frozenset())
            blind += a_fleet(profile, fitted, seed, missing)
    every = [one for answers in whole.values() for one in answers]
    return {
        **with_question(every),
        "by_model": {name: with_question(answers) for name, answers in whole.items()},
        "a_fifth_of_signals_missing": with_question(blind),
        "beside_another": with_question([one for one in every if one.beside]),
        "with_those_ahead": figures(every),
        "confusion": confusion(one for one in every if not one.ahead),
        "seeds": [seeds.start, seeds.stop - 1],
    }


if __name__ == "__main__":
    by_seeds(__doc__, 1, summary)
