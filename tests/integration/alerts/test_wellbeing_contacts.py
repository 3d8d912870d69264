"""Whom an owner wants told is kept sealed, shown masked, and goes with the owner."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.personal.retention import Retention
from alerts.policies.loading import load_policies
from alerts.tables import AuditRow, WellbeingContactRow
from alerts.wellbeing.contacts import MOST, Contact
from foremend.vocabulary.errors import InputError

NUMBER = "+8613912345678"
DAY = 86_400_000


def add(stage: Any, address: str = NUMBER, **changes: Any) -> dict[str, Any]:
    said = {"channel": "sms", "language": "en", "name": None} | changes
    return dict(stage.alerts.contacts.add("o-1", Contact(address=address, **said), "test"))


def rows(stage: Any) -> list[WellbeingContactRow]:
    with reading(stage.alerts.engine) as session:
        return list(session.scalars(select(WellbeingContactRow)))


def test_a_contact_is_kept_sealed_and_shown_masked(stage: Any) -> None:
    """Neither the number nor the name is in the database; that it was set and read is in the log, without either."""
    kept = add(stage, "+86 139 1234 5678", name="Grandma")

    [shown] = stage.alerts.contacts.some("o-1", "clerk")
    assert shown == kept
    assert (shown["address"], shown["name"], shown["language"]) == ("***678", "Grandma", "en")
    [row] = rows(stage)
    assert stage.vault.unseal(row.sealed) == NUMBER
    assert b"345678" not in row.sealed
    assert b"Grandma" not in (row.sealed_name or b"")
    with reading(stage.alerts.engine) as session:
        said = [(row.action, row.details) for row in session.scalars(select(AuditRow).order_by(AuditRow.seq))]
    assert [action for action, _ in said][-2:] == ["wellbeing.contact.added", "wellbeing.contact.read"]
    assert not any("345678" in details or "Grandma" in details for _, details in said)


def test_who_is_named_again_is_replaced_and_one_too_many_refused(stage: Any) -> None:
    """By address and channel; the others stay."""
    add(stage, name="Mum")
    add(stage, "+86 139 1234 5678", name="Grandma")
    assert [one["name"] for one in stage.alerts.contacts.some("o-1", "test")] == ["Grandma"]

    for number in range(1, MOST):
        add(stage, f"+861391234567{number}")
    with pytest.raises(InputError, match="remove one first"):
        add(stage, "+8613912345679")
    assert len(rows(stage)) == MOST


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channel": "pigeon"}, "reaches no contact here; channels are sms, push"),
        ({"channel": "email", "address": "a@b.example"}, "reaches no contact here"),  # not set up
        ({"language": "xx"}, "no language of messages"),
        ({"address": "12"}, "the sms address of the contact"),
        ({"address": ""}, "1 to 254 letters"),
        ({"channel": "push", "address": "a\nb"}, "1 to 254 letters"),
        ({"name": "see https://evil.example"}, "holds no link"),
    ],
)
def test_what_is_no_contact_is_refused(stage: Any, changes: dict[str, Any], says: str) -> None:
    """With what is wrong with it, and never with the address."""
    with pytest.raises(InputError, match=says):
        add(stage, **changes)
    assert rows(stage) == []


def test_the_households_own_line_reaches_no_contact(open_stage: Any) -> None:
    """A line for Apprise leads to one place, whatever the address: it would tell the person who is silent."""
    stage = open_stage(push={"url_env": "LINE"})

    with pytest.raises(InputError, match="channels are sms"):
        add(stage, "token", channel="push")


def test_nobody_elses_contact_is_let_go(stage: Any) -> None:
    """By the owner and the contact's id together."""
    kept = add(stage)

    with pytest.raises(InputError, match="has no contact"):
        stage.alerts.contacts.remove("o-2", kept["id"], "test")
    stage.alerts.contacts.remove("o-1", kept["id"], "test")
    assert rows(stage) == []
    with pytest.raises(InputError, match="o-9"):
        stage.alerts.contacts.some("o-9", "test")


def test_an_erasure_lets_contacts_go_as_it_is_asked_for(stage: Any) -> None:
    """Before anything else: from that moment nothing reaches them."""
    add(stage)

    job = stage.alerts.erasures.ask("o-1", "letter", 0, "test")

    assert rows(stage) == []
    assert job.report["removed"]["wellbeing_contacts"] == 1


def test_a_contact_of_who_never_agreed_goes_in_time(stage: Any) -> None:
    """Kept as the owner's own addresses are; an owner who said nothing has no use for it."""
    add(stage)
    policies = load_policies(default="strict")
    keeper = Retention(stage.alerts.engine, policies, stage.clock)

    keeper.run()
    assert len(rows(stage)) == 1
    stage.clock.now += 4_000 * DAY
    keeper.run()
    assert rows(stage) == []
