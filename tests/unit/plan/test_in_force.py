"""Addresses as the page of settings shows them: where something is, and nothing that opens it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.database_url import checked_url
from foremend.plan.in_force import without_secrets

PASSWORDS = st.text("abc/?#[]:%=&+ ;\\", min_size=1).map(lambda text: f"pw-{text}-word")


@given(PASSWORDS)
def test_no_part_of_a_databases_password_is_shown(password: str) -> None:
    """Whatever SQLAlchemy takes as one: a slash, a question mark or a bracket in it ends nothing."""
    url = f"postgresql://fmd:{password}@db.example.com:5432/foremend"
    assert checked_url(url).host == "db.example.com"

    assert without_secrets(url) == "postgresql://db.example.com:5432/foremend"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://db:5432/foremend?password=a@b", "postgresql://b"),
        ("postgresql://db/foremend?password=a@b", "postgresql://db/foremend?…"),
        ("postgresql://fmd:pw@db/foremend?password=a@b", "postgresql://db/foremend?…"),
        ("postgresql://fmd:pw@pw@db/foremend", "postgresql://db/foremend"),
        ("postgresql:///foremend?host=/run/postgresql", "postgresql:///foremend?…"),
        ("https://user:pw@example.com/hooks/a@b", "https://example.com/…"),
        ("https://[nowhere/hooks/a", "https://…"),
        ("sqlite:////var/lib/foremend@home.db", "sqlite:////var/lib/foremend@home.db"),
        ("sqlite:///C:/foremend@home.db", "sqlite:///C:/foremend@home.db"),
        ("mqtt://broker.example.com:1883", "mqtt://broker.example.com:1883"),
    ],
)
def test_an_address_keeps_its_host(text: str, shown: str) -> None:
    """Read as who connects by it reads it; one that cannot be read is not shown."""
    assert without_secrets(text) == shown
