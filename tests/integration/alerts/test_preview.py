"""Previews of messages: what leaves is what was shown, and a preview leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from sqlalchemy import func, select

from alerts import queries
from alerts.database import reading
from alerts.owner_channels import OWNER_CHANNELS
from alerts.owners import OwnedAppliance
from alerts.tables import Base
from alerts.words.loading import LANGUAGES
from foremend.service.v1.previews import Channel, Language
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

Make = Callable[..., Finding]


def found(stage: Any) -> str:
    """The id of the newest finding."""
    return str(queries.findings(stage.alerts.engine).items[0]["id"])


def by_channel(preview: Any) -> dict[str, dict[str, Any]]:
    return {one["channel"]: one for one in preview["messages"]}


def rows(stage: Any) -> dict[str, int]:
    """How many rows each table has."""
    with reading(stage.alerts.engine) as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def test_what_leaves_is_what_was_shown(stage: Any, finding: Make) -> None:
    """Letter by letter, with the appliance's own name, on both channels."""
    named = OwnedAppliance("fridge-1", "o-1", "BCD-200", language="en", name="kitchen fridge")
    stage.alerts.owners.register_appliances([named])
    for purpose in (Purpose.TICKET, Purpose.SMS, Purpose.PUSH):
        stage.say(purpose, True)
    stage.alerts.effects.apply([finding()], [], 1)

    shown = by_channel(stage.alerts.previews.of(found(stage), named=True))
    stage.alerts.dispatcher.run_once()

    for channel in ("sms", "push"):
        [sent] = stage.sent(channel)
        assert (shown[channel]["text"], shown[channel]["subject"]) == (sent.body, sent.subject)
        assert "kitchen fridge" in sent.body
        assert (shown[channel]["would"], shown[channel]["consent"]) == ("leave", "given")
    assert shown["sms"]["parts"] <= 2
    assert shown["email"]["consent"] == "never given"


def test_a_preview_sends_and_keeps_nothing(stage: Any, finding: Make) -> None:
    """No row in any table, the audit log and what was held back included, and no channel is touched."""
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)
    before = rows(stage)

    for language in LANGUAGES:
        stage.alerts.previews.of(found(stage), language)

    assert rows(stage) == before
    assert [one.tries for one in stage.channels.values()] == [0] * len(stage.channels)


def test_the_own_name_and_the_address_are_for_those_who_may_see_owners(stage: Any, finding: Make) -> None:
    """Without that the appliance is called what it is; an address is in no preview at all."""
    named = OwnedAppliance("fridge-1", "o-1", "BCD-200", language="en", name="kitchen fridge")
    stage.alerts.owners.register_appliances([named])
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)

    plain, whole = (stage.alerts.previews.of(found(stage), named=one) for one in (False, True))

    assert "kitchen fridge" not in str(plain)
    assert "kitchen fridge" in str(whole)
    assert "001234" not in str(whole)


@pytest.mark.parametrize(
    ("given", "hour", "expected"),
    [
        (None, 12, ("stay", "never given")),
        (False, 12, ("stay", "withdrawn at 2026-01-01T04:00:00.000Z")),
        (True, 12, ("leave", None)),
        (True, 22, ("wait", "quiet hours")),
    ],
)
def test_it_says_what_would_become_of_it_now(
    stage: Any, finding: Make, given: bool | None, hour: int, expected: tuple[str, str | None]
) -> None:
    """The same gate that every message passes: consent at this moment, and the owner's night."""
    if given is not None:
        stage.clock.now -= 1_000
        stage.say(Purpose.SMS, True)
        stage.clock.now += 1_000
        stage.say(Purpose.SMS, given)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.clock.now += (hour - 12) * 3_600_000

    [shown] = stage.alerts.previews.of(found(stage), channel="sms")["messages"]

    assert (shown["would"], shown["why"]) == expected
    assert (shown["not_before"] is not None) == (expected[0] == "wait")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"severity": Severity.INFO}, "below alerts.act_from"),
        ({"kind": FindingKind.CLOSED}, "has ended"),
    ],
)
def test_it_says_where_no_owner_would_be_told(
    stage: Any, finding: Make, changes: dict[str, Any], reason: str
) -> None:
    """A notice, and an end: the words are shown, and that they never leave."""
    stage.alerts.effects.apply([finding(**changes)], [], 1)

    shown = stage.alerts.previews.of(found(stage))

    assert not shown["told"]
    assert reason in shown["reason"]


def test_it_says_what_became_of_a_message_that_was_written(stage: Any, finding: Make) -> None:
    """Sent by SMS, held back from push, never written for a channel that is not set up."""
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()

    shown = by_channel(stage.alerts.previews.of(found(stage)))

    assert [shown[one]["state"] for one in ("sms", "push", "email")] == ["sent", "held_back", None]
    assert (shown["email"]["set_up"], shown["sms"]["set_up"]) == (False, True)


def test_of_an_appliance_that_nobody_registered_it_shows_the_words(stage: Any, finding: Make) -> None:
    """In the policy's language; it would stay."""
    stage.alerts.effects.apply([finding(appliance_id="stray-1")], [], 1)

    shown = by_channel(stage.alerts.previews.of(found(stage)))

    assert shown["sms"]["text"]
    assert {one["would"] for one in shown.values()} == {"stay"}


def test_what_there_is_not_is_said(stage: Any, finding: Make) -> None:
    """No such finding is None; a language or channel that is none is refused with those that there are."""
    stage.alerts.effects.apply([finding()], [], 1)

    assert stage.alerts.previews.of("fd_none") is None
    with pytest.raises(InputError, match="zh, en, de, es, fr"):
        stage.alerts.previews.of(found(stage), "it")
    with pytest.raises(InputError, match="sms, push, email"):
        stage.alerts.previews.of(found(stage), channel="fax")


def test_the_api_names_the_channels_and_languages_that_there_are() -> None:
    """Those of the tables, in the document of the API."""
    assert set(get_args(Channel)) == set(OWNER_CHANNELS)
    assert set(get_args(Language)) == set(LANGUAGES)


def test_the_link_in_a_preview_stops_nothing(open_stage: Callable[..., Any], finding: Make) -> None:
    """Whoever previews is not the owner: what stands there is as long as a link, and is of no message."""
    stage = open_stage(stop_url="https://h.example")
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)

    [shown] = stage.alerts.previews.of(found(stage), channel="sms")["messages"]
    stage.alerts.dispatcher.run_once()

    [sent] = stage.sent("sms")
    assert "https://h.example/s/" in shown["text"]
    assert len(shown["text"]) == len(sent.body)
    assert shown["text"] != sent.body
    assert stage.alerts.stopping.look(shown["text"].partition("/s/")[2][:20]) is None
