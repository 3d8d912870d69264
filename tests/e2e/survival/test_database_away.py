"""The database gone for a while under load."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.postgres_server import PostgresServer
from foremend.commands.demo.ears import listening
from foremend.stores.broker import EmbeddedBroker


@pytest.mark.timeout(600)
def test_a_database_away_loses_and_doubles_nothing(
    make_stage: Callable[..., Any], embedded: EmbeddedBroker, postgres_server: PostgresServer
) -> None:
    """PostgreSQL stopped in the middle: /readyz says why, the pipeline waits, and nothing is missing afterwards."""
    stage = make_stage(embedded.url, postgres_server.new_database())

    with listening(embedded.url) as ears, stage.pipeline() as child:
        stage.wait_until(ears, 0)
        publisher = stage.publishing()
        stage.wait_until(ears, stage.readings // 3)
        postgres_server.stop()
        checks = stage.wait_until_ready(False)
        while checks["storage"] == "ok":
            checks = stage.wait_until_ready(False)
        assert "the effects database cannot be used now" in checks["storage"]
        assert "the effects database cannot be used now" in checks["database"]
        postgres_server.start()
        stage.wait_until(ears, stage.readings)
        publisher.join(120)
        stage.wait_until_delivered()
        stage.wait_until_ready(True)
        assert child.poll() is None

    assert not publisher.is_alive()
    stage.check_nothing_lost_or_doubled()
