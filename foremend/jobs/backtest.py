"""What was found in a recording, against the faults that people know of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from foremend.learning.backtest import Episode, Told, episodes, judged
from foremend.learning.truths import Heard, known
from foremend.vocabulary.types import Finding
from ingest.replay.outcomes import Confirmed
from models.settings import ModelsSettings


def backtest(
    findings: Iterable[Finding],
    outcomes: Sequence[Confirmed],
    heard: Heard,
    faults: Collection[str],
    settings: ModelsSettings,
) -> tuple[dict[str, Any], Sequence[str]]:
    """Figures by the protocol of `foremend.learning.backtest`, each outcome, each false warning; and what to note.

    Raises InputError where no outcome is about an appliance of the recording.
    """
    true = known(outcomes, heard, faults, settings)
    judgement = judged(episodes(findings), true.truths)
    result = judgement.figures() | {
        "outcomes": [_outcome(one) for one in judgement.ill],
        "false_warnings": [_false(one) for one in sorted(judgement.false, key=lambda one: one.time or 0)],
    }
    return result, true.notes


def _outcome(one: Told) -> dict[str, Any]:
    return {
        "appliance": one.truth.appliance,
        "fault": one.truth.fault,
        "telling_counts_from": one.truth.onset,
        "failure": one.truth.failure,
        "told": one.told,
        "lead_days": one.lead_days,
        "named": one.named,
        "shown": one.shown,
        "misnamed": one.misnamed,
        "misnamed_after": one.misnamed_after,
    }


def _false(one: Episode) -> dict[str, Any]:
    return {"appliance": one.appliance, "fault": one.fault, "time": one.time}
