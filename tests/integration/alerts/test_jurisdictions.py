"""What a jurisdiction's policy does when a message would leave: hours, channels and their order, language, promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from alerts import queries
from alerts.consent import ConsentRecord
from alerts.database import reading
from alerts.fates import Sent
from alerts.owners import OwnedAppliance, Owner
from alerts.queue import Queue
from alerts.tables import OutboxRow
from alerts.wording import iso
from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.types import Finding, Purpose, Severity

Make = Callable[..., Finding]
HOUR = 3_600_000
EVENING = 1_767_301_200_000  # 2026-01-01 22:00 in Berlin, 21:00 in London
CHANNELS = (Purpose.SMS, Purpose.PUSH, Purpose.EMAIL)


@pytest.fixture
def abroad(open_stage: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Opens the stage with three channels and an appliance under a jurisdiction, whose owner agrees to all of them."""

    def make(law: str | None, zone: str = "Europe/Berlin", language: str = "en", **settings: Any) -> Any:
        stage = open_stage(email={"file": tmp_path / "mail.jsonl"}, **settings)
        stage.clock.now += 8 * HOUR  # 13:00 in Berlin
        addresses = {"sms": "+4915123456789", "push": "token", "email": "anna@example.com"}
        stage.alerts.owners.register_owners([Owner("o-1", addresses)])
        stage.alerts.owners.register_appliances(
            [OwnedAppliance("fridge-1", "o-1", "BCD-200", language, zone, law)]
        )
        for purpose in (Purpose.MONITORING, *CHANNELS):  # some policies ask before anything is kept
            stage.say(purpose, True)
        return stage

    return make


def sent(stage: Any) -> dict[str, int]:
    return {one: len(stage.sent(one)) for one in ("sms", "push", "email")}


def work(stage: Any, rounds: int = 4) -> None:
    """Some rounds of the dispatcher, with time to look again between them."""
    for _ in range(rounds):
        stage.alerts.dispatcher.run_once()
        stage.clock.now += 10_000


@pytest.mark.parametrize(
    ("jurisdiction", "told"),
    [
        ("CN", {"sms": 1, "push": 0, "email": 0}),
        ("EU", {"sms": 0, "push": 0, "email": 1}),
        ("UK", {"sms": 0, "push": 0, "email": 1}),
        ("US-CA", {"sms": 0, "push": 0, "email": 1}),
        ("strict", {"sms": 0, "push": 0, "email": 1}),
        (None, {"sms": 1, "push": 1, "email": 1}),
    ],
)
def test_the_policy_says_by_which_channel_an_owner_is_told(
    abroad: Callable[..., Any], finding: Make, jurisdiction: str | None, told: dict[str, int]
) -> None:
    """At home by SMS, abroad by e-mail, one's own household by everything that is set up."""
    stage = abroad(jurisdiction)

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)

    assert sent(stage) == told


def test_a_channel_that_the_policy_does_not_use_is_held_back_with_its_name(
    abroad: Callable[..., Any], finding: Make
) -> None:
    """One can show that nothing was sent, and why."""
    stage = abroad("EU")

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)

    [held] = [row for row in queries.held_back(stage.alerts.engine).items if row["purpose"] == "sms"]
    assert held["reason"] == "the policy EU uses no sms"


def test_where_the_first_channel_fails_the_next_one_tells(abroad: Callable[..., Any], finding: Make) -> None:
    """A warning does not wait for days for a mail server."""
    stage = abroad("EU")
    stage.channels["email"].errors = [UnavailableError("away")] * 9

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)

    assert sent(stage)["push"] == 1


def test_a_first_try_after_a_quiet_night_is_no_failed_one(abroad: Callable[..., Any], finding: Make) -> None:
    """The next channel waits for the first that waited for the morning, and that is being tried at this moment."""
    stage = abroad("EU")
    stage.clock.now = EVENING
    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)
    stage.clock.now = EVENING + 11 * HOUR
    trying = Queue(stage.alerts.engine, stage.clock).claim("email", 60_000)

    stage.alerts.dispatcher.run_once()

    assert trying is not None
    assert sent(stage) == {"sms": 0, "push": 0, "email": 0}


def messages(stage: Any) -> dict[str, tuple[str, str]]:
    """State and reason of the owner's message on each channel."""
    with reading(stage.alerts.engine) as session:
        query = select(OutboxRow.target, OutboxRow.state, OutboxRow.error)
        found = session.execute(query.where(OutboxRow.target.in_(("sms", "push", "email"))))
        return {target: (str(state), error) for target, state, error in found}


def test_what_waited_for_a_channel_is_through_with_it(abroad: Callable[..., Any], finding: Make) -> None:
    """In one transaction: it is not looked at again to find that out."""
    stage = abroad("EU")
    stage.alerts.effects.apply([finding()], [], 1)

    stage.alerts.dispatcher.run_once()

    became = messages(stage)
    assert (became["email"], became["push"]) == (("sent", ""), ("superseded", "told by email"))


def test_what_leaves_at_that_moment_keeps_what_becomes_of_it(
    abroad: Callable[..., Any], finding: Make
) -> None:
    """The first channel failed once, so the next one is on its way as the first is tried again and tells."""
    stage = abroad("EU")
    stage.channels["email"].errors = [UnavailableError("busy")]
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()
    stage.clock.now += 10_000
    queue = Queue(stage.alerts.engine, stage.clock)
    leaving = queue.claim("push", 60_000)
    assert leaving is not None
    assert leaving.error == "email goes first"

    stage.alerts.dispatcher.run_once()
    queue.record([Sent(leaving)])

    assert (sent(stage)["email"], messages(stage)["push"]) == (1, ("sent", ""))


def test_where_the_first_channel_was_withdrawn_the_next_one_tells(
    abroad: Callable[..., Any], finding: Make
) -> None:
    """The order is of those that the owner agreed to."""
    stage = abroad("EU")
    stage.clock.now += 1
    stage.say(Purpose.EMAIL, False)

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)

    assert sent(stage) == {"sms": 0, "push": 1, "email": 0}


def test_quiet_hours_are_those_of_the_policy(abroad: Callable[..., Any], finding: Make) -> None:
    """Of `strict` from 20:00 to 09:00 where the appliance is, whatever the settings say of a household."""
    stage = abroad("strict", quiet_hours=None)
    stage.clock.now = EVENING - 90 * 60_000  # 20:30 in Berlin

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)
    assert sent(stage)["email"] == 0

    stage.clock.now = EVENING + 11 * HOUR  # 09:00
    work(stage)
    assert sent(stage)["email"] == 1


@pytest.mark.parametrize("agreed", [True, False])
def test_harm_under_way_passes_the_night_where_the_owner_agreed_to_that(
    abroad: Callable[..., Any], finding: Make, agreed: bool
) -> None:
    """Food that thaws is told at 22:00; without that yes it waits for the morning as all else."""
    stage = abroad("EU")
    stage.clock.now = EVENING
    stage.say(Purpose.AT_NIGHT, agreed)
    harm = finding(severity=Severity.CRITICAL, probability=None, days_to_failure=None)

    stage.alerts.effects.apply([harm], [], 1)
    work(stage)

    assert sent(stage)["email"] == int(agreed)


def test_what_is_only_foretold_wakes_nobody(abroad: Callable[..., Any], finding: Make) -> None:
    """However sure and severe it is."""
    stage = abroad("EU")
    stage.clock.now = EVENING
    stage.say(Purpose.AT_NIGHT, True)

    stage.alerts.effects.apply([finding(severity=Severity.CRITICAL, probability=0.99)], [], 1)
    work(stage)

    assert sent(stage) == {"sms": 0, "push": 0, "email": 0}


def test_a_yes_to_messages_at_night_is_none_to_messages(abroad: Callable[..., Any], finding: Make) -> None:
    """The channel needs its own."""
    stage = abroad("EU")
    stage.clock.now = EVENING
    stage.say(Purpose.AT_NIGHT, True)
    stage.say(Purpose.EMAIL, False)
    stage.say(Purpose.PUSH, False)

    stage.alerts.effects.apply(
        [finding(severity=Severity.CRITICAL, probability=None, days_to_failure=None)], [], 1
    )
    work(stage)

    assert sent(stage) == {"sms": 0, "push": 0, "email": 0}


@pytest.mark.parametrize(("jurisdiction", "hours"), [("CN", (2, 48, 168)), ("EU", (24, 120, 336))])
def test_a_ticket_carries_what_the_owner_was_promised(
    abroad: Callable[..., Any], finding: Make, jurisdiction: str, hours: tuple[int, int, int]
) -> None:
    """From its opening on, and updates keep it."""
    stage = abroad(jurisdiction)
    stage.say(Purpose.TICKET, True)
    opened = stage.clock.now

    stage.alerts.effects.apply([finding()], [], 1)
    stage.clock.now += HOUR
    stage.alerts.effects.apply([finding(severity=Severity.CRITICAL, time=finding().time + 1)], [], 2)
    stage.alerts.dispatcher.run_once()

    events = [orjson.loads(one.body)["data"] for one in stage.sent("webhook:platform")]
    promised = {
        name: iso(opened + more * HOUR)
        for name, more in zip(("first_contact", "visit", "fix"), hours, strict=True)
    }
    assert [event["promise"] for event in events] == [promised, promised]


def test_the_settings_give_the_policy_of_appliances_without_one(
    abroad: Callable[..., Any], finding: Make
) -> None:
    """`alerts.jurisdiction`; and the record names it, with its time."""
    stage = abroad(None, jurisdiction="EU")

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)

    assert sent(stage) == {"sms": 0, "push": 0, "email": 1}
    assert {row["jurisdiction"] for row in stage.alerts.consent.history("fridge-1")} == {"EU"}


def test_a_policy_of_ones_own_holds_for_its_appliances(
    abroad: Callable[..., Any], finding: Make, tmp_path: Path
) -> None:
    """By the name of its file."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "CH.yaml").write_text("extends: EU\nname: CH\nchannels: [push]\nquiet_hours: null\n")
    stage = abroad("CH", policies={"folders": [folder]})
    stage.clock.now = EVENING

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)

    assert sent(stage) == {"sms": 0, "push": 1, "email": 0}


def test_a_jurisdiction_that_is_none_is_refused_with_the_nearest(stage: Any) -> None:
    """An appliance under a misspelt law would be under none."""
    with pytest.raises(InputError, match="'us-ca' is no policy: did you mean 'US-CA'"):
        stage.alerts.owners.register_appliances(
            [OwnedAppliance("fridge-1", "o-1", "BCD-200", "en", "UTC", "us-ca")]
        )


def test_an_owner_whose_language_nobody_writes_reads_that_of_the_policy(
    abroad: Callable[..., Any], finding: Make
) -> None:
    """At home Chinese, abroad English."""
    stage = abroad("CN", language="pt")

    stage.alerts.effects.apply([finding()], [], 1)
    work(stage)

    assert "制冷剂正在泄漏" in stage.sent("sms")[0].body


def test_a_record_by_the_policys_notice_keeps_the_digest_of_its_words(stage: Any) -> None:
    """One can show which words were shown; of a notice of one's own the version alone is kept."""
    notice = stage.alerts.policies.default.notices.version
    for version in (notice, "mine-7"):
        stage.alerts.consent.record(
            [ConsentRecord("fridge-1", "o-1", Purpose.SMS, True, stage.clock.now, version, "zh", "app")]
        )

    kept = [row["notice_digest"] for row in stage.alerts.consent.history("fridge-1")]
    assert [digest is not None for digest in kept] == [True, False]
