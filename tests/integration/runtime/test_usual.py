"""Somebody says that this is how an appliance is now: the journal has it, and a replay goes the same way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from alerts.personal.whose import mentions
from foremend.config import Settings
from foremend.engine.engine import Engine
from foremend.history.parquet import ParquetHistory
from foremend.jobs.usual import take_as_usual
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.stores.journal import SqliteJournal
from foremend.stores.orders import Orders
from foremend.vocabulary.errors import ConfigError, RefusedError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.topics import CLOCK, USUAL, usual_order
from foremend.vocabulary.types import MS_PER_DAY, DeadLetter, Finding, RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MODEL, FREEZER = "generic-compressor", "freezer-1"
START = 20_000 * MS_PER_DAY
EVERY_MS = 10 * 60_000


class Sayings:
    """What the broker has, and nothing more."""

    def __init__(self) -> None:
        self.waiting: list[RawMessage] = []

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        taken, self.waiting = self.waiting, []
        return [(message, None) for message in taken]

    def acknowledge(self, tokens: Iterable[Any]) -> None: ...

    def connected(self, timeout_s: float = 0.0) -> bool:
        return True

    def close(self) -> None: ...


class NoEffects:
    def position(self) -> int:
        return 0

    def apply(self, findings: Sequence[Finding], letters: Sequence[DeadLetter], position: int) -> None: ...


class Clock:
    now = START

    def now_ms(self) -> int:
        self.now += 2_000
        return self.now


class Machine:
    """A pipeline on real stores, which can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.source = folder, Sayings()
        self.scores: list[float] = []
        profiles = load_profiles()
        self.journal = SqliteJournal(folder / "journal.db")
        self.engine = Engine(
            profiles,
            RuleBook(RulesSettings()),
            lateness_ms=EVERY_MS,
            on_score=lambda step, score: self.scores.extend(score.value.tolist()),
        )
        self.runtime = InProcessRuntime(
            source=self.source,
            journal=self.journal,
            ingest=Ingest(IngestSettings(), {name: one.signals for name, one in profiles.items()}),
            engine=self.engine,
            effects=NoEffects(),
            history=ParquetHistory(folder / "history", self.journal.id),
            snapshot_file=folder / "engine.snapshot",
            clock=Clock(),
            checkpoint_every_ms=10**15,
            permitted=lambda block: block,
            report=lambda progress: None,
            orders=Orders(folder),
        )
        self.runtime.recover()

    def hears(self, days: range, watts: float) -> None:
        """Ten minutes of every thirty it runs, with `watts`."""
        rng = np.random.default_rng(days.start)
        for day in days:
            for number in range(MS_PER_DAY // EVERY_MS):
                at = START + day * MS_PER_DAY + number * EVERY_MS
                power = float(rng.normal(watts, 3.0)) if number % 3 == 0 else 0.0
                body = {"ts": at, "seq": at // EVERY_MS, "signals": {"power": power}}
                topic = f"dt/appliance/{MODEL}/{FREEZER}/telemetry"
                self.source.waiting.append(RawMessage(topic, orjson.dumps(body), at))
        while self.runtime.step(0.0):
            pass

    def killed(self) -> None:
        self.journal.close()


def says(folder: Path) -> dict[str, Any]:
    settings = validated(Settings, {"storage": {"folder": str(folder)}}, "config.yaml")
    return take_as_usual(settings, FREEZER)


def test_what_somebody_calls_usual_is_learnt_anew_and_a_replay_goes_the_same_way(tmp_path: Path) -> None:
    """It draws four times as much for good: said so, it scores no more; killed and replayed, the state is the same."""
    machine = Machine(tmp_path)
    machine.hears(range(14), 90.0)
    machine.hears(range(14, 20), 400.0)
    assert min(machine.scores[-24:]) > 0.995
    machine.runtime.checkpoint()

    says(tmp_path)
    machine.runtime.step(0.0)
    machine.scores.clear()
    machine.hears(range(20, 34), 400.0)
    before = orjson.dumps(machine.engine.snapshot(), default=_plain, option=orjson.OPT_NON_STR_KEYS)
    machine.killed()
    replayed = Machine(tmp_path)
    replayed.hears(range(0), 0.0)

    assert max(machine.scores) < 0.995
    assert [one for one in machine.scores if one] == [one for one in replayed.scores if one]
    after = orjson.dumps(replayed.engine.snapshot(), default=_plain, option=orjson.OPT_NON_STR_KEYS)
    assert _watching(after) == _watching(before)
    replayed.killed()


def test_an_order_is_kept_until_the_journal_has_it(tmp_path: Path) -> None:
    """Given while nothing runs, it is carried out at the next start, once, and stands in the journal."""
    Orders(tmp_path).give(usual_order(MODEL, FREEZER), START)

    machine = Machine(tmp_path)
    machine.runtime.step(0.0)
    machine.runtime.step(0.0)

    kept = [message for _, message in machine.journal.read(0, 100) if message.topic != CLOCK]
    assert [(message.topic, message.payload) for message in kept] == [
        (USUAL, b"generic-compressor/freezer-1")
    ]
    assert not Orders(tmp_path).waiting()
    machine.killed()


def test_orders_are_taken_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    """Whatever else the folder holds is left alone."""
    orders = Orders(tmp_path)
    for number in (2, 1, 3):
        orders.give(b"%d" % number, START + number)
    (tmp_path / "orders" / "note.txt").write_text("mine")

    assert [order.what for order in orders.waiting()] == [b"1", b"2", b"3"]


def make_folder(file: Path) -> None:
    file.mkdir()


def make_link_to_nothing(file: Path) -> None:
    file.symlink_to("nowhere")


def make_link(file: Path) -> None:
    (file.parent / "elsewhere").write_bytes(b"x")
    file.symlink_to("elsewhere")


def make_pipe(file: Path) -> None:
    os.mkfifo(file)


def make_huge(file: Path) -> None:
    with file.open("wb") as whole:
        whole.truncate(1 << 40)


@pytest.mark.parametrize("make", [make_folder, make_link_to_nothing, make_link, make_pipe, make_huge])
def test_what_is_no_order_stays_and_stops_neither_readings_nor_other_orders(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None]
) -> None:
    """Whatever somebody put into the folder: it is told once, and the order behind it is carried out."""
    (tmp_path / "orders").mkdir()
    make(tmp_path / "orders" / "000000000000000-mine.order")
    Orders(tmp_path).give(usual_order(MODEL, FREEZER), START)

    machine = Machine(tmp_path)
    machine.runtime.step(0.0)
    machine.hears(range(1), 90.0)

    kept = [message for _, message in machine.journal.read(0, 1_000) if message.topic == USUAL]
    assert [message.payload for message in kept] == [b"generic-compressor/freezer-1"]
    assert machine.runtime.progress.readings == MS_PER_DAY // EVERY_MS
    assert sum("left where it is" in line for line in caplog.messages) == 1
    assert [file.name for file in (tmp_path / "orders").glob("*.order")] == ["000000000000000-mine.order"]
    machine.killed()


def test_orders_that_cannot_be_taken_keep_no_reading_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk refuses the folder: said once, readings go on, and the order is carried out once it is back."""
    Orders(tmp_path).give(usual_order(MODEL, FREEZER), START)
    folder, away = tmp_path / "orders", tmp_path / "away"
    folder.rename(away)
    folder.symlink_to("orders")  # a loop: whoever looks at it gets an error of the system

    machine = Machine(tmp_path)
    machine.hears(range(1), 90.0)
    assert machine.runtime.progress.readings == MS_PER_DAY // EVERY_MS
    folder.unlink()
    away.rename(folder)
    machine.runtime.step(0.0)

    assert not Orders(tmp_path).waiting()
    assert sum("cannot be used" in line for line in caplog.messages) == 1
    machine.killed()


def test_an_appliance_that_nobody_knows_is_told(tmp_path: Path) -> None:
    """A slip of the pen changes nothing, and says what to do."""
    with pytest.raises(ConfigError, match="'freezer-1' is not known"):
        says(tmp_path)


def test_a_slip_in_an_id_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    """One letter is missing: the sentence names the appliance, and no order is kept."""
    plug = {"appliance_id": "freezer-kitchen", "appliance_model": MODEL}
    entry = {"decoder": "tasmota", "signals": {"power": {"path": "ENERGY.Power", "unit": "W"}}}
    ingest = {"decoders": [{**entry, "appliances": {"plug-1": plug}}]}
    settings = validated(Settings, {"storage": {"folder": str(tmp_path)}, "ingest": ingest}, "config.yaml")

    with pytest.raises(ConfigError, match="did you mean 'freezer-kitchen'"):
        take_as_usual(settings, "freezer-kichen")

    assert not Orders(tmp_path).waiting()


def test_on_kafka_it_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Workers take no orders: nothing is kept that nobody would carry out."""
    settings = validated(Settings, {"storage": {"folder": str(tmp_path)}, "kafka": {}}, "config.yaml")

    with pytest.raises(RefusedError, match="workers on Kafka"):
        take_as_usual(settings, FREEZER)

    assert not Orders(tmp_path).waiting()


def _watching(snapshot: bytes) -> Any:
    part = orjson.loads(snapshot)[MODEL]
    return part["watching"], part["lane"]["features"]


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def test_an_order_that_waits_goes_with_the_appliance_that_is_erased(tmp_path: Path) -> None:
    """Given while no pipeline ran: it names the appliance, and so does one that a kill cut short."""
    orders = Orders(tmp_path)
    for one in (FREEZER, f"{FREEZER}2"):
        orders.give(usual_order(MODEL, one), START)
    (tmp_path / "orders" / "1.order.new").write_bytes(usual_order(MODEL, FREEZER))

    machine = Machine(tmp_path)
    machine.runtime.forget([FREEZER], mentions({FREEZER}))

    assert [one.what for one in orders.waiting()] == [usual_order(MODEL, f"{FREEZER}2")]
    assert len(list((tmp_path / "orders").iterdir())) == 1
    machine.killed()
