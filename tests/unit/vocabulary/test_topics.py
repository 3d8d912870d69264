"""foremend.vocabulary.topics: names of topics, and the progress message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary import topics
from foremend.vocabulary.errors import InputError

segments = st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,12}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(segments, ids)
def test_a_telemetry_topic_names_its_appliance(model: str, appliance: str) -> None:
    """What is put into a telemetry topic comes out of it."""
    topic = topics.telemetry_topic(model, appliance)

    assert topics.parse_telemetry_topic(topic) == (model, appliance)


@given(segments, ids)
def test_a_status_topic_names_its_appliance(model: str, appliance: str) -> None:
    """What is put into a status topic comes out of it, and it is no telemetry."""
    topic = topics.status_topic(model, appliance)

    assert topics.parse_status_topic(topic) == (model, appliance)
    assert topics.parse_telemetry_topic(topic) is None


@given(segments, ids, segments)
def test_a_response_topic_names_its_request(model: str, appliance: str, request: str) -> None:
    """A response says which appliance answered which request; the request itself is not a response."""
    topic = topics.response_topic(model, appliance, request)

    assert topics.parse_response_topic(topic) == (model, appliance, request)
    assert topics.parse_response_topic(topics.command_topic(model, appliance, request)) is None


@given(st.text(max_size=60))
def test_any_text_can_be_asked_whether_it_is_a_topic(text: str) -> None:
    """Parsing never raises, whatever arrives."""
    for parse in (topics.parse_telemetry_topic, topics.parse_status_topic, topics.parse_response_topic):
        assert parse(text) is None or text.startswith(("dt/appliance/", "cmd/appliance/"))


@pytest.mark.parametrize("bad", ["", "+", "#", "a/b", "KFR", "-a", "a-", "a b", "é"])
def test_a_model_that_could_change_the_topic_is_refused(bad: str) -> None:
    """Wildcards, separators, capitals and loose dashes cannot get into a topic."""
    with pytest.raises(ValueError, match="lower case"):
        topics.telemetry_topic(bad, "fridge-1")


@pytest.mark.parametrize("bad", ["", "+", "#", "a/b", "a b", "é", "x" * 65])
def test_an_id_that_could_change_the_topic_is_refused(bad: str) -> None:
    """Ids may be as devices made them, but never with a wildcard or a separator."""
    with pytest.raises(ValueError, match="appliance id"):
        topics.telemetry_topic("kfr-35gw", bad)


def test_progress_survives_the_wire() -> None:
    """A publisher reads the counts that the pipeline wrote."""
    progress = topics.Progress(messages=12, readings=700, dead_letters=1, time=1_732_190_000_123)

    assert topics.Progress.from_json(progress.to_json()) == progress


@pytest.mark.parametrize("payload", [b"", b"[]", b"3", b'{"messages": 1}', b'{"messages": "x"}', b"\xff"])
def test_what_is_not_progress_is_an_input_error(payload: bytes) -> None:
    """Anybody can publish on the topic, so a publisher must be able to skip what it cannot read."""
    with pytest.raises(InputError, match="not a progress message"):
        topics.Progress.from_json(payload)
