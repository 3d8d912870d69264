"""What devices, owners, technicians and receivers write is kept the same on every database, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts import audit, queries
from alerts.channels import GoneError
from alerts.owners import OwnedAppliance, Owner
from alerts.storable import storable
from foremend.vocabulary.errors import InputError, RefusedError
from foremend.vocabulary.types import DeadLetter, Evidence, Finding, Purpose

Make = Callable[..., Finding]
ODD = "NUL \0, half a pair \ud83d, 电 and \U0001f9ca"
SHOWN = "NUL ␀, half a pair \ufffd, 电 and \U0001f9ca"
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)


def test_a_dead_letter_is_kept_with_whatever_the_device_wrote(stage: Any) -> None:
    """Its topic and reason readable, its bytes untouched."""
    stage.alerts.effects.apply([], [DeadLetter(f"dt/{ODD}", b"\0\xed\xa0\x80", f"signals.{ODD}", 1)], 1)

    [letter] = queries.dead_letters(stage.alerts.engine).items
    whole = queries.dead_letter(stage.alerts.engine, letter["id"])
    assert (letter["topic"], letter["reason"]) == (f"dt/{SHOWN}", f"signals.{SHOWN}")
    assert whole is not None
    assert whole.payload == b"\0\xed\xa0\x80"
    assert stage.alerts.effects.position() == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(text=ANY_TEXT)
def test_any_text_is_kept(stage: Any, text: str) -> None:
    """No text ends the run, and what can be kept as it is, is."""
    position = stage.alerts.effects.position() + 1
    stage.alerts.effects.apply([], [DeadLetter("topic", b"", text, position)], position)

    newest = queries.dead_letters(stage.alerts.engine, limit=1).items[0]
    assert newest["reason"] == storable(text)
    assert not any(odd in newest["reason"] for odd in ("\0", "\ud800", "\udfff"))


def test_evidence_and_tickets_are_kept_too(stage: Any, finding: Make) -> None:
    """JSON columns and the bodies of messages: receivers get the readable text."""
    stage.say(Purpose.TICKET, True)
    odd = finding(evidence=(Evidence(ODD, 1.0, unit=ODD),))
    stage.alerts.effects.apply([odd], [], 1)

    assert queries.findings(stage.alerts.engine).items[0]["evidence"][0]["unit"] == SHOWN
    stage.alerts.dispatcher.run_once()
    assert SHOWN in stage.sent("webhook:platform")[0].body
    assert audit.verify(stage.alerts.engine).intact


@pytest.mark.parametrize("error", [RefusedError(ODD), GoneError(ODD)])
def test_what_a_receiver_answers_is_kept(stage: Any, finding: Make, error: Exception) -> None:
    """As the message's error, as the reason why it is disabled, and in the audit log, whose chain holds."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.channels["webhook:platform"].errors.append(error)

    stage.alerts.dispatcher.run_once()

    [message] = [row for row in queries.outbox(stage.alerts.engine).items if row["state"] == "dead"]
    assert message["error"] == SHOWN
    assert audit.verify(stage.alerts.engine).intact


@pytest.mark.parametrize(
    "act",
    [
        lambda stage: stage.alerts.owners.register_owners([Owner("o-\0", {})]),
        lambda stage: stage.alerts.owners.register_owners([Owner("o" * 201, {})]),
        lambda stage: stage.alerts.owners.register_owners([Owner("o-2", {"sms": "+86\0"})]),
        lambda stage: stage.alerts.owners.register_owners([Owner("o-2", {"sms": "\ud800"})]),
        lambda stage: stage.alerts.owners.register_appliances(
            [OwnedAppliance("fridge-2", "o-1", "BCD\0-200")]
        ),
        lambda stage: stage.alerts.owners.register_appliances(
            [OwnedAppliance("fridge-2", "o-1", "BCD-200", language="z" * 21)]
        ),
        lambda stage: stage.say(Purpose.SMS, True, "fridge-\0"),
        lambda stage: stage.alerts.effects.apply([], [], 2**63),
        lambda stage: queries.tickets(stage.alerts.engine, appliance_id="fridge-\0"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused(stage: Any, act: Callable[[Any], object]) -> None:
    """It would not be found again under it; nothing of the whole is kept, and what follows is."""
    with pytest.raises(InputError):
        act(stage)

    stage.alerts.effects.apply([], [], 1)
    assert stage.alerts.effects.position() == 1
