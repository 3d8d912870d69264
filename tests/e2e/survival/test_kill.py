"""The pipeline killed with SIGKILL under load."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from foremend.commands.demo.ears import listening
from foremend.stores.broker import EmbeddedBroker

KILLS = 5


@pytest.mark.timeout(600)
def test_five_kills_under_load_lose_and_double_nothing(
    make_stage: Callable[[str], Any], embedded: EmbeddedBroker
) -> None:
    """kill -9 five times while the fleet publishes: the same readings and tickets as without."""
    stage = make_stage(embedded.url)
    publisher = None

    with listening(embedded.url) as ears:
        for k in range(KILLS):
            with stage.pipeline() as child:
                stage.wait_until(ears, 0)
                publisher = publisher or stage.publishing()
                stage.wait_until(ears, stage.readings * (k + 1) // (KILLS + 2))
                os.kill(child.pid, signal.SIGKILL)
                child.wait()
        with stage.pipeline():
            stage.wait_until(ears, stage.readings)
            publisher.join(120)
            stage.wait_until_delivered()

    assert not publisher.is_alive()
    stage.check_nothing_lost_or_doubled()
