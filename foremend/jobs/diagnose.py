"""`foremend diagnose`: through the database, in which a pipeline on the same machine finds what to ask."""

from __future__ import annotations

import time
from typing import Any

from alerts.diagnosis.desk import Diagnoses, NoDiagnosisError, is_worth_waiting
from alerts.diagnosis.owner_word import OwnerWord, OwnerWords
from foremend.jobs.tokens import by_account

_LOOK_EVERY_S = 0.1


def diagnose(diagnoses: Diagnoses, appliance_id: str) -> dict[str, Any]:
    """As `Diagnoses.conclude` has it, once the appliance answered or was waited for; raises what that raises."""
    begun, began = diagnoses.begin(appliance_id, by_account()), time.monotonic()
    while True:
        taken, done = diagnoses.how_far(begun)
        if done or not is_worth_waiting(taken, time.monotonic() - began):
            return diagnoses.conclude(begun)
        time.sleep(_LOOK_EVERY_S)


def answer(
    diagnoses: Diagnoses, words: OwnerWords, appliance_id: str, word: str, note: str
) -> dict[str, Any]:
    """The owner's word on the last diagnosis of an appliance. Raises NoDiagnosisError where there was none."""
    last = diagnoses.last(appliance_id)
    if last is None:
        raise NoDiagnosisError(f"{appliance_id!r} was not diagnosed yet: foremend diagnose {appliance_id}")
    return words.take(last, OwnerWord(word), by_account(), note)
