"""The ledger and the register of a large company: what a consent check costs, and how long a search takes.

A million owners with three appliances each, a word for each appliance and a second one for every tenth. Asked as
readings, findings and people ask: in blocks and whole pages, medians of many.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, text

from alerts.consent import ConsentLedger, decide, histories
from alerts.database import reading
from alerts.outbox import Outbox
from alerts.policies import load_policies
from alerts.queries import owned_by, register
from alerts.settings import AlertsSettings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.types import Purpose

_START = 1_700_000_000_000
_END = _START + 63_072_000_000
NOW = _START + 1_000
BLOCK = 500
"""Appliances whose consent is asked for at once."""
EACH = 3
"""Appliances of an owner."""


def fill(engine: Engine, series: str, owners: int) -> float:
    """`owners` with their appliances and words; how many seconds that took. `series` gives the numbers below `:n`."""
    began = time.monotonic()
    word = (
        "INSERT INTO consent_records (appliance_id, subject, purpose, given, at, recorded_at, notice_version, language,"
        " how, jurisdiction, retention, withdrawal_method, ends_at) SELECT 'appliance-' || n, 'owner-' || (n / 3),"
        f" '{{0}}', true, {_START}, {_START}, '2026-03', 'zh', 'app', 'CN', 'P2Y', 'in the app', {_END}"
        f" FROM ({series}) AS s{{1}}"
    )
    statements = (
        (
            f"INSERT INTO owners (id, created_at, folded) SELECT 'owner-' || n, {_START}, 'owner-' || n"
            f" FROM ({series}) AS s",
            1,
        ),
        (
            "INSERT INTO appliances (id, owner_id, appliance_model, language, timezone, folded) SELECT"
            " 'appliance-' || n, 'owner-' || (n / 3), 'rf-260', 'zh', 'Asia/Shanghai', 'appliance-' || n"
            f" FROM ({series}) AS s",
            EACH,
        ),
        (word.format(Purpose.TICKET.value, ""), EACH),
        (word.format(Purpose.SMS.value, " WHERE n % 10 = 0"), EACH),
    )
    for statement, each in statements:
        with engine.begin() as connection:
            connection.execute(text(statement), {"n": owners * each})
    if engine.dialect.name == "postgresql":  # which does so by itself, a while later; SQLite never does
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    return time.monotonic() - began


def measure(engine: Engine, owners: int, repeats: int) -> Mapping[str, Mapping[str, float]]:
    """Medians in ms, wall and CPU of this process; of the consent check for one appliance of a block."""
    return {name: _timed(asks, repeats, per) for name, per, asks in questions(engine, owners)}


def questions(engine: Engine, owners: int) -> Iterator[tuple[str, int, Callable[[int], object]]]:
    """What is asked, of how many at once, and how, by the number of the turn."""
    appliances = owners * EACH
    ledger = ConsentLedger(engine, Outbox(AlertsSettings()), load_policies(), SystemClock(), lambda: None)

    def block(turn: int) -> object:
        ids = [f"appliance-{(turn * 7919 + number * 6007) % appliances}" for number in range(BLOCK)]
        with reading(engine) as session:
            said = histories(session, ids, [Purpose.TICKET])
        return [decide(said.get((one, Purpose.TICKET), ()), NOW) for one in ids]

    def owner(turn: int) -> str:
        return f"owner-{turn * 7919 % owners}"

    yield f"consent of one appliance, in blocks of {BLOCK}", BLOCK, block
    yield "owners, the first page", 1, lambda turn: register.owners(engine)
    yield "owners, a page far in", 1, lambda turn: register.owners(engine, after=owner(turn))
    yield "owners whose id begins so", 1, lambda turn: register.owners(engine, beginning=owner(turn)[:-1])
    yield "one owner, with what holds", 1, lambda turn: register.owner(engine, owner(turn), NOW)
    yield "appliances of one owner", 1, lambda turn: owned_by(engine, owner(turn))
    yield (
        "every word about one appliance",
        1,
        lambda turn: ledger.history(f"appliance-{turn * 7919 % appliances}"),
    )
    yield "every word of one owner", 1, lambda turn: ledger.said_by(owner(turn))


def _timed(ask: Callable[[int], Any], repeats: int, per: int) -> dict[str, float]:
    took = []
    for turn in range(repeats + 1):
        began, busy = time.perf_counter(), time.process_time()
        ask(turn)
        took.append((time.perf_counter() - began, time.process_time() - busy))
    wall, cpu = (statistics.median(one) * 1_000 / per for one in zip(*took[1:], strict=True))
    return {"median_ms": round(wall, 4), "cpu_ms": round(cpu, 4)}
