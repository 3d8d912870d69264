"""What Home Assistant is told, held against what it does with it (seen with 2025.3.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from alerts.settings import HomeAssistant
from foremend.home.discovery import discovery, discovery_topic, state_topic
from foremend.home.picture import LONGEST_TEXT, Picture, picture
from foremend.home.words import Words
from foremend.runtimes.status import ApplianceStatus, Doing
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Severity

NOW = 20_500 * MS_PER_DAY + 10 * MS_PER_HOUR
FAULTS = {"not-cooling": {"en": "Not cooling", "zh": "不制冷"}}
WORDS = Words("en", FAULTS, {"generic-compressor": {"en": "Compressor", "zh": "压缩机"}})
SETTINGS = HomeAssistant()


def status(**changes: Any) -> ApplianceStatus:
    """A freezer that runs, heard of a minute ago."""
    usual = {"last_seen": NOW - 90_000, "doing": Doing(running=True, starts=7, until=NOW - 90_000)}
    return ApplianceStatus("freezer-2", "generic-compressor", "generic", **usual | changes)  # type: ignore[arg-type]


def episode(severity: str = "warning", **changes: Any) -> dict[str, Any]:
    """An open one, as `alerts.queries.open_episodes` has it."""
    usual = {
        "fault": "not-cooling",
        "severity": severity,
        "episode_start": NOW - MS_PER_DAY,
        "probability": None,
        "days_to_failure": None,
        "days_low": None,
        "days_high": None,
    }
    return usual | changes


def seen(one: ApplianceStatus, *episodes: Mapping[str, Any], words: Words = WORDS) -> Picture:
    return picture(one, episodes, words, Severity.WARNING, NOW)


def shown(said: Picture, component: str) -> str:
    """What Home Assistant makes of the JSON on the state topic: the component's template on it."""
    config = discovery(SETTINGS, said, WORDS, "1.0")["components"][component]
    heard = json.loads(orjson.dumps(said))
    return Environment().from_string(config["value_template"]).render(value_json=heard)


severities = st.sampled_from([str(one) for one in Severity])
episodes = st.lists(
    st.builds(
        episode,
        severities,
        fault=st.sampled_from(["not-cooling", "silent", "abnormal-behaviour", "a" * 300]),
        days_to_failure=st.none() | st.floats(0, 400),
    ),
    max_size=4,
)
statuses = st.builds(
    status,
    last_seen=st.integers(0, NOW),
    silent=st.booleans(),
    learning=st.booleans(),
    doing=st.none() | st.builds(Doing, st.booleans(), st.integers(0, 99), st.integers(0, NOW)),
)


@given(statuses, episodes)
def test_whatever_is_known_every_key_is_there(one: ApplianceStatus, open_ones: list[dict[str, Any]]) -> None:
    """A key that is missing would leave the old value standing; null says that nothing is known."""
    assert seen(one, *open_ones).keys() == seen(status()).keys()


@given(statuses, episodes)
def test_whatever_is_known_every_state_is_one_that_is_taken(
    one: ApplianceStatus, open_ones: list[dict[str, Any]]
) -> None:
    """ON, OFF or None for the binary ones; an option; a text that is neither empty nor too long; a time; numbers."""
    said = seen(one, *open_ones)
    config = discovery(SETTINGS, said, WORDS, "1.0")["components"]

    assert {shown(said, name) for name in ("problem", "running")} <= {"ON", "OFF", "None"}
    assert shown(said, "health") in config["health"]["options"]
    assert 0 < len(shown(said, "what")) <= LONGEST_TEXT < 255
    assert datetime.fromisoformat(shown(said, "last_heard")).tzinfo is not None
    for name in ("days_left", "starts_today"):
        assert re.fullmatch(r"None|\d+(\.\d+)?", shown(said, name))


@given(statuses, episodes)
def test_what_is_silent_or_still_learnt_is_never_called_well(
    one: ApplianceStatus, open_ones: list[dict[str, Any]]
) -> None:
    """Nor is there `no problem` with it: nobody knows."""
    said = seen(one, *open_ones)

    if one.silent or one.learning:
        assert said["health"] != "well"
    if not open_ones and (one.silent or one.learning):
        assert said["problem"] is None
    assert (said["health"] == "well") <= (said["problem"] is False)


def test_a_device_has_all_without_which_it_is_dropped() -> None:
    """`device` with an identifier, `origin`, and for each component `platform` and a `unique_id` of its own."""
    said = discovery(SETTINGS, seen(status()), WORDS, "1.0")

    assert said["device"]["identifiers"] == ["foremend_home_freezer-2"]
    assert said["origin"] == {"name": "Foremend", "sw_version": "1.0"}
    components = said["components"].values()
    assert all(one["platform"] in ("sensor", "binary_sensor") for one in components)
    assert len({one["unique_id"] for one in components}) == len(components) == 7
    assert said["availability"] == [{"topic": "foremend/home/status"}]


def test_an_old_value_gets_no_new_life() -> None:
    """`expire_after` begins anew with each restart of Home Assistant, whatever the age of what is retained."""
    assert "expire_after" not in json.dumps(discovery(SETTINGS, seen(status()), WORDS, "1.0"))


def test_a_topic_has_only_what_home_assistant_takes_for_an_id() -> None:
    """Letters, digits, dashes, underscores; two Foremends with a topic each have devices of their own."""
    other = HomeAssistant(topic="cellar/foremend", discovery_prefix="ha")

    assert discovery_topic(SETTINGS, "Fridge_1") == "homeassistant/device/foremend_home_Fridge_1/config"
    assert discovery_topic(other, "Fridge_1") == "ha/device/cellar_foremend_Fridge_1/config"
    assert state_topic(other, "Fridge_1") == "cellar/foremend/appliances/Fridge_1"


def test_a_well_appliance_is_shown_at_work() -> None:
    """No problem, as usual, running, its starts, and when it was heard, by the minute."""
    said = seen(status())

    assert (said["problem"], said["health"], said["what"]) == (False, "well", "as usual")
    assert (said["running"], said["starts_today"], said["days_left"]) == (True, 7, None)
    assert said["last_heard"] == "2026-02-16T09:58:00.000Z"


def test_the_most_urgent_comes_first_and_all_are_named() -> None:
    """With the shortest time that is left."""
    said = seen(
        status(),
        episode("info", fault="abnormal-behaviour"),
        episode("critical", days_to_failure=3.25),
        episode(days_to_failure=20.0),
    )

    assert (said["health"], said["problem"], said["days_left"]) == ("critical", True, 3.2)
    assert said["what"] == "abnormal behaviour; Not cooling"
    assert [one["fault"] for one in said["findings"]] == ["abnormal-behaviour", "not-cooling", "not-cooling"]


def test_what_nobody_would_be_told_of_is_a_notice_and_no_problem() -> None:
    """Below `alerts.act_from` it is shown, as everywhere."""
    said = seen(status(), episode("info"))

    assert (said["health"], said["problem"]) == ("notice", False)


def test_starts_are_of_today_or_unknown() -> None:
    """Of a plug whose last reading is of yesterday nobody knows today's."""
    yesterday = NOW - MS_PER_DAY

    said = seen(status(last_seen=yesterday, doing=Doing(True, 9, yesterday)))

    assert said["starts_today"] is None


def test_what_is_silent_may_run_or_not() -> None:
    """What it did when it was last heard is no news."""
    said = seen(status(silent=True))

    assert (said["health"], said["running"], said["starts_today"]) == ("silent", None, None)
    assert shown(said, "running") == "None"


@pytest.mark.parametrize(("language", "what"), [("en", "Not cooling"), ("zh", "不制冷")])
def test_people_read_their_language(language: str, what: str) -> None:
    """Names and findings; the words that automations compare stay the same."""
    words = Words(language, FAULTS, {})
    said = seen(status(), episode(), words=words)

    assert said["what"] == what
    assert said["health"] == "warning"
    assert discovery(SETTINGS, said, words, "1.0")["components"]["health"]["name"] in ("Health", "健康状态")
