"""One way to follow an appliance: whoever lives through the same readings sees the same days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from foremend.engine.engine import Engine
from foremend.engine.fitted import Day
from foremend.engine.follow import NO_RULES, Days, follow
from foremend.history.parquet import ParquetHistory
from foremend.jobs.replay import Wish, replay_recording
from foremend.learning.past import all_of
from foremend.learning.practice_rows import as_block
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_HOUR, Block, FindingKind
from models.stream.stream import summarise_days
from rules.evaluator import RuleBook
from rules.settings import RulesSettings
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import Scenario

MODEL = "rf-260"
DAYS = 16
RUNS = RulesSettings.model_validate(
    {"book": [{"name": "runs", "fault": "compressor-wear", "when": {"feature": "duty", "above": 0.01}}]}
)


@cache
def refrigerator() -> Profile:
    return load_profiles()[MODEL]


@cache
def practised() -> list[Block]:
    """Three refrigerators for some days, a block a day, as a practice fleet tells them."""
    scenario = Scenario(days=DAYS, appliances={MODEL: 3}, fault_rate=0.0, report_every=10)
    return [as_block(telemetry) for telemetry in Fleet(scenario, seed=8).telemetry()]


@cache
def practice() -> Days:
    return follow(refrigerator(), practised())


@pytest.fixture
def stored(tmp_path: Path) -> ParquetHistory:
    """The same readings as history keeps them."""
    history = ParquetHistory(tmp_path / "history")
    for position, block in enumerate(practised(), start=1):
        history.write(block)
        history.flush(position - 1, position)
    return ParquetHistory(tmp_path / "history")


def as_rows(lived: Days) -> dict[tuple[str, int], tuple[bytes, bool]]:
    """(appliance, end of the day) -> its features, bit by bit, and whether it was news."""
    return {
        (lived.ids[row], time): (values.tobytes(), bool(news))
        for day in lived.each
        for row, time, values, news in zip(
            day.plain.appliance, day.plain.time.tolist(), day.plain.values, day.news, strict=True
        )
    }


def assert_same(one: Days, other: Days) -> None:
    """Features bit by bit. Deviations to rounding: what a fleet shares is summed in the order of its first readings."""
    assert as_rows(one) == as_rows(other)
    found = [
        {
            (lived.ids[row], time): values
            for day in lived.each
            for row, time, values in zip(
                day.deviations.appliance, day.deviations.time.tolist(), day.deviations.values, strict=True
            )
        }
        for lived in (one, other)
    ]
    np.testing.assert_allclose(
        [found[0][key] for key in found[1]], [*found[1].values()], rtol=1e-9, atol=1e-12
    )


def in_hours(blocks: Sequence[Block]) -> Iterator[Block]:
    """The same readings in blocks of an hour."""
    for block in blocks:
        hour = block.time // MS_PER_HOUR
        for one in np.unique(hour):
            yield block.take(hour == one)


def test_practice_and_history_give_the_same_days(stored: ParquetHistory) -> None:
    """What a champion is trained on at first, and what it is trained on later: by the same readings."""
    heard: list[int] = []

    past = follow(refrigerator(), all_of(stored, MODEL, lambda done, _days: heard.append(done), 0))

    assert_same(past, practice())
    assert any(np.isfinite(day.deviations.values).any() for day in practice().each)
    assert heard == list(range(1, heard[-1] + 1))


def test_a_live_engine_sees_the_days_that_were_learnt_from() -> None:
    """It hears an hour at a time, and has rules and other appliance models beside."""
    days: list[Day] = []
    engine = Engine(
        load_profiles(), RuleBook(RUNS), lateness_ms=600_000, on_day=lambda _lane, day: days.append(day)
    )

    for block in in_hours(practised()):
        engine.process(block)
    engine.flush()

    lived = Days(engine.lanes[MODEL].ids, practice().names, days, (), engine.counts())
    assert_same(lived, practice())


def test_a_replay_tells_the_days_of_the_recording(tmp_path: Path) -> None:
    """What it says of each appliance is what following the same readings gives."""
    block = practised()[0]
    signals = {name: column for name, column in block.signals.items() if np.isfinite(column).any()}
    ids = np.array(block.appliance_ids)[block.appliance]
    table = {"id": ids, "at": block.time, "number": block.seq, **signals}
    pq.write_table(pa.table(table), tmp_path / "day.parquet")
    units = refrigerator().units
    mapping = {
        "appliance_model": MODEL,
        "appliance_id": {"column": "id"},
        "time": {"column": "at", "format": "epoch_ms"},
        "seq": "number",
        "signals": {name: {"column": name, "unit": units[name]} for name in signals},
    }
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(mapping))

    told = replay_recording([tmp_path / "day.parquet"], tmp_path / "map.yaml", None, Wish(rules_alone=True))

    lived = follow(refrigerator(), [block])
    assert told["appliances"] == {one: {"days": summarise_days(rows)} for one, rows in lived.by_appliance()}
    assert all(one["days"] for one in told["appliances"].values())
    assert told["readings"]["used"] == len(block)


def test_an_appliance_ran_on_the_days_with_duty_whenever_it_told_them() -> None:
    """Ends of days, rising, though one comes late and its days behind those of others."""
    first, *rest = practised()
    late = first.appliance_ids[0]
    behind = [block.take(block.appliance == 0) for block in (first, *rest)]
    others = [block.take(block.appliance != 0) for block in (first, *rest)]

    ran = follow(refrigerator(), [*others, *behind]).ran()

    assert {one: times.tolist() for one, times in ran.items()} == {
        one: times.tolist() for one, times in practice().ran().items()
    }
    assert (np.diff(ran[late]) > 0).all()
    assert len(ran[late]) >= DAYS


def test_nothing_is_judged_unless_rules_are_given() -> None:
    """With them, their findings come along."""
    judged = follow(refrigerator(), practised(), rules=RuleBook(RUNS))

    assert practice().findings == []
    assert {one.appliance_id for one in judged.findings if one.kind is FindingKind.OPENED} == {*judged.ids}
    assert_same(judged, practice())


def test_no_reading_is_no_day() -> None:
    """Nobody is there, and nobody ran; the columns are known all the same."""
    lived = follow(refrigerator(), [], rules=NO_RULES)

    assert (list(lived.ids), list(lived.each), lived.ran()) == ([], [], {})
    assert lived.names == practice().names
    assert lived.counts.used == 0
