"""How many messages an owner gets: a bound a day, what is over it as one digest, and each told exactly once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerts.audit import verify
from alerts.channels import Message
from alerts.database import reading
from alerts.digests import waiting_with_each
from alerts.owners import OwnedAppliance, Owner
from alerts.queue import Queue
from alerts.tables import OutboxRow
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

Make = Callable[..., Finding]
HOUR = 3_600_000
MIDNIGHT = 1_767_283_200_000  # 2026-01-02 00:00 in Shanghai
URL = "https://m.example"
NAMES = ("kitchen fridge", "cellar freezer", "wine fridge", "garage freezer", "attic fridge", "bar fridge")


@pytest.fixture
def house(open_stage: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Opens the stage at noon with six appliances of one owner in Shanghai who reads English, under a policy HERE."""

    def make(bound: int | None = 2, policy: str = "", **settings: Any) -> Any:
        folder = tmp_path / "policies"
        folder.mkdir(exist_ok=True)
        words = f"extends: household\nname: HERE\nmessages_a_day: {bound or 'null'}\n{policy}"
        (folder / "HERE.yaml").write_text(words)
        stage = open_stage(policies={"folders": [folder]}, jurisdiction="HERE", stop_url=URL, **settings)
        stage.alerts.owners.register_owners(
            [Owner("o-1", {"sms": "+8613800001234", "email": "a@example.com"})]
        )
        stage.alerts.owners.register_appliances(
            [
                OwnedAppliance(f"fridge-{number}", "o-1", "BCD-200", "en", name=name)
                for number, name in enumerate(NAMES, 1)
            ]
        )
        for number in range(1, 7):
            stage.say(Purpose.SMS, True, f"fridge-{number}")
        return stage

    return make


@pytest.fixture
def leaks(finding: Make) -> Callable[..., list[Finding]]:
    """A leak in each of the appliances with these numbers."""
    return lambda *numbers, **more: [finding(appliance_id=f"fridge-{one}", **more) for one in numbers]


def one_by_one(stage: Any, findings: Iterable[Finding]) -> None:
    """Each is told before the next is found."""
    for one in findings:
        stage.alerts.effects.apply([one], [], 1)
        stage.alerts.dispatcher.run_once()


def named(message: Message) -> set[str]:
    return {name for name in NAMES if name.lower() in message.body.lower()}


def rows(stage: Any, target: str = "sms") -> list[OutboxRow]:
    with reading(stage.alerts.engine) as session:
        return list(
            session.scalars(select(OutboxRow).where(OutboxRow.target == target).order_by(OutboxRow.seq))
        )


def test_what_is_over_the_days_bound_is_one_digest_the_next_morning(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """Two messages today; the other three are one, after the night, and that is one of tomorrow's two."""
    stage = house(2)
    one_by_one(stage, leaks(1, 2, 3, 4, 5))
    assert [named(one) for one in stage.sent("sms")] == [{NAMES[0]}, {NAMES[1]}]

    stage.clock.now = MIDNIGHT + 1
    stage.alerts.dispatcher.run_once()
    assert len(stage.sent("sms")) == 2  # it is night
    stage.clock.now = MIDNIGHT + 8 * HOUR
    stage.alerts.dispatcher.run_once()

    [digest] = stage.sent("sms")[2:]
    assert named(digest) == set(NAMES[2:5])
    assert digest.body.startswith("Foremend: 3 of your appliances need you: ")
    assert re.search(rf"Stop: {URL}/s/\w+$", digest.body)
    one_by_one(stage, leaks(6, 1, episode_start=5))
    assert len(stage.sent("sms")) == 4


def test_a_digest_leaves_one_row_sent_and_the_others_superseded_by_it(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """Each was told once, and the audit log says in which message."""
    stage = house()

    stage.alerts.effects.apply(leaks(1, 2, 3), [], 1)
    stage.alerts.dispatcher.run_once()

    first, *others = rows(stage)
    assert (first.state, {one.state for one in others}) == ("sent", {"superseded"})
    assert {one.digest for one in (first, *others)} == {first.id}
    assert len(stage.sent("sms")) == 1
    assert stage.alerts.dispatcher.run_once() == 0
    assert verify(stage.alerts.engine).intact


def test_harm_under_way_passes_the_bound_and_stands_alone(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """Food that thaws waits for no morning and is in no list of others."""
    stage = house(1)
    one_by_one(stage, leaks(1, 2))

    harm = leaks(3, severity=Severity.CRITICAL, probability=None, days_to_failure=None)
    one_by_one(stage, harm)

    assert [named(one) for one in stage.sent("sms")] == [{NAMES[0]}, {NAMES[2]}]


def test_without_a_bound_everything_leaves(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """`messages_a_day: null`."""
    stage = house(None)

    one_by_one(stage, leaks(1, 2, 3, 4, 5, 6))

    assert len(stage.sent("sms")) == 6


def test_a_no_to_one_appliance_leaves_it_out_of_the_digest(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """Consent of each is asked as the digest leaves; of what is left out the reason is kept."""
    stage = house()
    stage.alerts.effects.apply(leaks(1, 2, 3), [], 1)
    stage.clock.now += 1
    stage.say(Purpose.SMS, False, "fridge-2")

    stage.alerts.dispatcher.run_once()

    assert [named(one) for one in stage.sent("sms")] == [{NAMES[0], NAMES[2]}]
    assert [row.state for row in rows(stage)] == ["sent", "held_back", "superseded"]


def test_a_no_while_a_digest_is_being_sent_waits_for_it(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """Those that leave in another's message are marked as leaving, too: after the no nothing leaves."""
    stage = house()
    stage.alerts.effects.apply(leaks(1, 2), [], 1)
    sms, said, during = stage.channels["sms"], threading.Event(), []

    def send(message: Message) -> None:
        no = threading.Thread(target=lambda: (stage.say(Purpose.SMS, False, "fridge-2"), said.set()))
        no.start()
        during.append((said.wait(0.3), no))
        sms.sent.append(message)

    sms.send = send
    stage.alerts.dispatcher.run_once()

    [(was_said, no)] = during
    no.join(30)
    assert not was_said
    assert said.is_set()


def test_the_link_in_a_digest_stops_all_that_it_named(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """One tap, and no message of that channel comes about any of them; of the others they come as before."""
    stage = house()
    stage.alerts.effects.apply(leaks(1, 2, 3), [], 1)
    stage.alerts.dispatcher.run_once()
    token = stage.sent("sms")[0].body.rpartition("/s/")[2]

    found = stage.alerts.stopping.stop(token)

    assert found.appliance_ids == ("fridge-1", "fridge-2", "fridge-3")
    given = [stage.alerts.consent.is_given(f"fridge-{one}", Purpose.SMS) for one in (1, 2, 3, 4)]
    assert given == [False, False, False, True]


def test_a_digest_that_failed_is_tried_again_as_it_was(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """With its id and those that it named, so that a receiver drops a repeat and nothing else; what came since is told
    after it."""
    stage = house(9)
    stage.channels["sms"].errors = [UnavailableError("away")]
    stage.alerts.effects.apply(leaks(1, 2), [], 1)
    stage.alerts.dispatcher.run_once()
    first = rows(stage)[0].message_id
    stage.clock.now += HOUR
    stage.alerts.effects.apply(leaks(3), [], 2)

    stage.alerts.dispatcher.run_once()

    assert [(one.id == first, named(one)) for one in stage.sent("sms")] == [
        (True, {NAMES[0], NAMES[1]}),
        (False, {NAMES[2]}),
    ]
    assert {row.attempts for row in rows(stage)[:2]} == {2}


def test_a_digest_whose_sender_died_leaves_again_once_its_lease_is_over(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """The same one; until then nobody sends any of it alone."""
    stage = house()
    stage.alerts.effects.apply(leaks(1, 2, 3), [], 1)
    queue = Queue(stage.alerts.engine, stage.clock)
    row = queue.claim("sms", 60_000)
    assert row is not None
    queue.gather(row, waiting_with_each(stage.alerts.engine, [row], stage.clock.now)[row.seq], 60_000)

    stage.alerts.dispatcher.run_once()
    assert stage.sent("sms") == []
    stage.clock.now += 60_001
    stage.alerts.dispatcher.run_once()

    assert [(one.id, named(one)) for one in stage.sent("sms")] == [(row.message_id, set(NAMES[:3]))]


@pytest.mark.parametrize("stopped", ["refused", "over", "withdrawn"])
def test_what_stops_the_message_that_carries_a_digest_stops_no_other(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]], stopped: str
) -> None:
    """Refused by the gateway, of an episode that ended, or no longer allowed: the others are told without it."""
    stage = house(9)
    stage.channels["sms"].errors = [RefusedError("no") if stopped == "refused" else UnavailableError("away")]
    stage.alerts.effects.apply(leaks(1, 2, 3), [], 1)
    stage.alerts.dispatcher.run_once()
    stage.clock.now += HOUR
    if stopped == "over":
        stage.alerts.effects.apply(leaks(1, kind=FindingKind.CLOSED), [], 2)
    if stopped == "withdrawn":
        stage.say(Purpose.SMS, False, "fridge-1")

    stage.alerts.dispatcher.run_once()

    assert [named(one) for one in stage.sent("sms")] == [{NAMES[1], NAMES[2]}]


def test_where_the_first_channel_told_in_a_digest_the_next_one_does_not(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    """Under a policy by which the first that delivers is enough."""
    stage = house(9, "channels: [sms, email]\ntogether: false\n", email={"file": tmp_path / "mail.jsonl"})
    for number in (1, 2):
        stage.say(Purpose.EMAIL, True, f"fridge-{number}")

    stage.alerts.effects.apply(leaks(1, 2), [], 1)
    for _ in range(3):
        stage.alerts.dispatcher.run_once()
        stage.clock.now += 10_000

    assert (len(stage.sent("sms")), stage.sent("email")) == (1, [])
    assert {row.state for row in rows(stage, "email")} == {"superseded"}


def test_a_message_that_two_channels_send_is_one_of_the_day(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    """Whoever reads SMS and e-mail has read one."""
    stage = house(2, email={"file": tmp_path / "mail.jsonl"})
    for number in range(1, 4):
        stage.say(Purpose.EMAIL, True, f"fridge-{number}")

    one_by_one(stage, leaks(1, 2, 3))

    assert [len(stage.sent(one)) for one in ("sms", "email")] == [2, 2]


def test_a_digest_by_email_says_of_each_what_to_do(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    """There is room for it, a line each, and the link comes last."""
    stage = house(2, email={"file": tmp_path / "mail.jsonl"})
    for number in (1, 2):
        stage.say(Purpose.EMAIL, True, f"fridge-{number}")

    stage.alerts.effects.apply(leaks(1, 2), [], 1)
    stage.alerts.dispatcher.run_once()

    [mail] = stage.sent("email")
    first, *lines, last = mail.body.splitlines()
    assert mail.subject == "2 of your appliances need you"
    assert first == "Foremend: 2 of your appliances need you: kitchen fridge, cellar freezer."
    assert [line.partition(":")[0] for line in lines] == ["- kitchen fridge", "- cellar freezer"]
    assert last.startswith(f"Stop: {URL}/s/")


def test_what_waits_for_the_morning_is_told_as_it_is_by_then(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """`may fail` that was overtaken by `is so` during the night is not told any more."""
    stage = house()
    stage.clock.now = MIDNIGHT
    seen = {"kind": FindingKind.UPDATED, "probability": None, "days_to_failure": None}
    stage.alerts.effects.apply([*leaks(1), *leaks(1, **seen, time=leaks(1)[0].time + 1)], [], 1)

    stage.clock.now = MIDNIGHT + 9 * HOUR
    stage.alerts.dispatcher.run_once()

    assert [row.state for row in rows(stage)] == ["superseded", "sent"]
    assert "may fail" not in stage.sent("sms")[0].body


def test_two_services_tell_each_message_once_and_keep_to_the_bound(
    house: Callable[..., Any], leaks: Callable[..., list[Finding]]
) -> None:
    """Whoever of them claims what: no appliance is told twice, and no day has more than it may."""
    stages = [house(2), house(2)]
    stages[1].clock = stages[0].clock
    found = leaks(1, 2, 3, 4, 5, 6)

    def tell() -> None:
        threads = [threading.Thread(target=stage.alerts.dispatcher.run_once) for stage in stages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    for position, one in enumerate(found):
        stages[0].alerts.effects.apply([one], [], position)
        tell()
    for stage in stages:
        stage.alerts.dispatcher.run_once()
    today = [one for stage in stages for one in stage.sent("sms")]
    for stage in stages:
        stage.alerts.queue.clock.now = MIDNIGHT + 9 * HOUR
    tell()

    everything = [one for stage in stages for one in stage.sent("sms")]
    told = [name for one in everything for name in named(one)]
    assert len(today) <= 2
    assert sorted(told) == sorted(NAMES)
