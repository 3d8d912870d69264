"""A gateway that proves its shared subscriptions: what it asks for, and where it listens."""

from __future__ import annotations

import pytest

from foremend.config import Settings
from foremend.runtimes.kafka.proof import proof_topics
from foremend.vocabulary.schema import validated
from foremend.wiring.gateway import mqtt_settings


def subscribed(client_id: str) -> tuple[str, ...]:
    settings = validated(Settings, {"kafka": {"share": "all"}}, "test")
    return mqtt_settings(settings, client_id).subscribe


def test_a_gateway_listens_for_itself_through_the_share_and_past_it() -> None:
    """One filter of each kind, besides those of the appliances."""
    shared, plain = proof_topics("gateway-7")

    filters = subscribed("gateway-7")

    assert f"$share/all/{shared}" in filters
    assert [topic for topic in filters if not topic.startswith("$share/all/")] == [plain]


def test_no_two_gateways_listen_for_the_same_message() -> None:
    """Members of a share take each other's messages, so each has filters of its own."""
    first, second = subscribed("gateway 7"), subscribed("gateway-7")

    assert not [
        topic for topic in set(first) & set(second) if "foremend/" in topic and not topic.endswith("/asked")
    ]


@pytest.mark.parametrize("client_id", ["a b", "a/+/#", "\N{SNOWMAN}", "x" * 5_000])
def test_any_client_id_makes_topics_that_every_broker_takes(client_id: str) -> None:
    """NATS refuses spaces, MQTT wildcards in what is published."""
    for topic in proof_topics(client_id):
        assert set(topic) <= set("abcdefghijklmnopqrstuvwxyz0123456789/")
        assert len(topic) < 100
