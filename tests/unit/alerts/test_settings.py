"""Settings of the alerts stage refuse what would fail later."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from alerts.settings import AlertsSettings

HOOK = {"name": "platform", "url": "https://platform.example/hook", "secret_env": "SECRET"}


def test_the_defaults_work_as_they_are() -> None:
    """Nothing has to be set to start."""
    settings = AlertsSettings()

    assert settings.database == "sqlite:///var/foremend.db"
    assert settings.webhooks == ()


def test_durations_and_hours_are_written_as_people_do() -> None:
    """As YAML gives them: '10 s', '22:00'."""
    settings = AlertsSettings.model_validate(
        {"webhooks": [HOOK | {"timeout": "2 s"}], "quiet_hours": {"start": "22:00", "end": "07:30"}}
    )

    assert settings.webhooks[0].timeout == 2_000
    assert settings.quiet_hours is not None
    assert settings.quiet_hours.end.minute == 30


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"webhooks": [HOOK | {"url": "http://platform.example/hook"}]}, "is not https"),
        ({"webhooks": [HOOK | {"secret_file": "f"}]}, "one of them"),
        ({"webhooks": [{key: HOOK[key] for key in ("name", "url")}]}, "one of them"),
        ({"webhooks": [HOOK, HOOK]}, "share a name"),
        ({"webhooks": [HOOK | {"url": "ftp://x"}]}, "pattern"),
        ({"webhooks": [HOOK | {"name": "Plat form"}]}, "pattern"),
        ({"quiet_hours": {"start": "22:00", "end": "22:00"}}, "equal"),
        ({"retry": {"first_delay": "soon"}}, "is not a duration"),
        ({"web_hooks": []}, "unknown key 'web_hooks'"),
        ({"phone_region": "China"}, "two letters of ISO 3166-1"),
        ({"stop_url": "https://m.example/"}, "pattern"),
        ({"stop_url": "m.example"}, "pattern"),
        ({"stop_url": "https://a-name-that-fits-into-no-message.example"}, "40 characters"),
        ({"stop_url": "https://m.example", "sms": None, "push": None}, "messages to owners"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], words: str) -> None:
    """With a sentence that says what is wrong."""
    with pytest.raises(ValidationError, match=words):
        AlertsSettings.model_validate(wrong)
