"""`foremend` with a mistake in each stage, which a reading of the right power or an appliance of the right name meets.

The arguments are those of `foremend`. Each mistake shows after the real part has done its work, but that of effects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alerts.effects import DatabaseEffects
from foremend.cli import main
from foremend.engine.lane import Lane
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.kafka import partition
from ingest.reorder import Reorder
from rules.evaluator import RuleState

MARKS = {"record": 661.0, "reorder": 662.0, "engine": 663.0, "history": 664.0}  # W


def has(watts: Any, stage: str) -> bool:
    return bool((watts == MARKS[stage]).any())


def break_for(where: Any, name: str, found: Callable[..., bool]) -> None:
    """Let the part raise where `found` sees in its result and arguments what it stumbles over."""
    real = getattr(where, name)

    def broken(*given: Any, **named: Any) -> Any:
        result = real(*given, **named)
        if found(result, *given):
            raise ZeroDivisionError(f"by the mark, in {name}")
        return result

    setattr(where, name, broken)


break_for(partition, "decode", lambda block, *_: has(block.signals["power"], "record"))
break_for(Reorder, "push", lambda _result, _self, _a, _t, _s, values: has(values, "reorder"))
break_for(Lane, "push", lambda _result, _self, block: has(block.signals["power"], "engine"))
break_for(ParquetHistory, "write", lambda _result, _self, block: has(block.signals["power"], "history"))
break_for(
    RuleState,
    "evaluate",
    lambda _result, _self, asked: (
        asked.kind == "hour" and any(asked.ids[row] == "rules-bad" for row in asked.rows.appliance)
    ),
)


real_apply = DatabaseEffects.apply


def apply(effects: Any, findings: Any, letters: Any, position: int) -> None:
    """Nothing is committed where it raises."""
    if any(one.appliance_id == "effects-bad" for one in findings):
        raise ZeroDivisionError("by the name, in apply")
    real_apply(effects, findings, letters, position)


DatabaseEffects.apply = apply  # type: ignore[method-assign]

main()
