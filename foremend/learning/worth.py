"""What a version is worth beside the champion, and what would teach the next one more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from foremend.learning.backtest import Truth
from foremend.learning.crossed import asked, figures
from foremend.learning.model_building import judge, load_fitted, load_judge, load_watched
from foremend.vocabulary.profiles import Profile
from models.registry.card import ModelCard
from models.registry.gate import costlier, not_worth_it, worse
from models.registry.registry import Registry
from rules.evaluator import RuleBook

FEW_OUTCOMES = 3
"""Of a fault: with fewer, the folds often hold none to learn it from."""


def beside(
    profile: Profile, champion: str, rival: str, registry: Registry, rules: RuleBook, horizon_days: float
) -> tuple[list[dict[str, float]], list[str]]:
    """Figures of champion and rival on what neither learnt from, and a sentence for all that speaks against the rival.

    No figures where the two know other features, or neither brings rows to be judged by: of practice each has kept the
    same appliances apart, whoever brings them. A champion is not judged by appliances whose outcomes taught it.
    """
    name = profile.name
    fitted = [load_fitted(name, version, registry) for version in (champion, rival)]
    if fitted[0].names != fitted[1].names:
        return [], [f"{champion} knows other features than {rival}: they cannot be judged on the same rows"]
    watched = load_watched(name, rival, registry)
    if watched is None:
        kept = (load_judge(name, version, registry) for version in (rival, champion))
        rows = next((one for one in kept if one is not None), None)
        if rows is None:
            return [], [f"neither {champion} nor {rival} brings rows to be judged by: train one of them here"]
        metrics = [judge(one, rows, horizon_days) for one in fitted]
        return metrics, worse(metrics[1], metrics[0])
    fresh = watched.since(registry.card(name, champion).trained_on.get("until", 0))
    said = [asked(fitted[0].predictor, profile.faults, fresh), fresh.probability]
    metrics = [figures(profile, rules, fresh, one, horizon_days) for one in said]
    against = missed_marks(registry.card(name, rival))
    return metrics, against + (costlier(metrics[1], metrics[0]) if metrics[1]["ill"] else [])


def missed_marks(card: ModelCard) -> list[str]:
    """What a version misses by itself; one that learnt from practice was judged there."""
    return not_worth_it(card.metrics) if "named" in card.metrics else []


def missing(profile: Profile, card: ModelCard) -> str:
    """A sentence, with a blank before it, on what would teach more: outcomes and signals; or nothing."""
    about = card.trained_on
    if about["source"] != "history":
        return ""
    few = [fault for fault in profile.faults if about["outcomes"].get(fault, 0) < FEW_OUTCOMES]
    parts = [f"fewer than {FEW_OUTCOMES} outcomes of {', '.join(few)}"] if few else []
    parts += [f"no appliance reports {', '.join(about['unseen'])}"] if about["unseen"] else []
    return f" What is missing: {'; '.join(parts)}." if parts else ""


def by_fault(truths: Iterable[Truth]) -> dict[str, int]:
    """How many outcomes of each fault are among `truths`."""
    return dict(Counter(one.fault for one in truths if one.fault is not None))
