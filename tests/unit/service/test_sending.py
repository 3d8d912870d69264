"""The health of the threads that send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from alerts.dispatch import LaneState
from foremend.service.health import Health
from foremend.service.sending import with_sending


@dataclass
class Lanes:
    """States as a dispatcher tells them."""

    told: list[LaneState]

    def states(self) -> list[LaneState]:
        return self.told


@pytest.mark.parametrize(
    ("lane", "alive", "ready"),
    [
        (LaneState("sms", False, None, 2), "ok", "ok"),
        (LaneState("sms", False, "waits for the database", 0), "ok", "sms waits for the database"),
        (LaneState("sms", True, None, 0), "the thread of sms has ended", "the thread of sms has ended"),
    ],
)
def test_health_tells_of_every_lane(lane: Any, alive: str, ready: str) -> None:
    """Waiting is not ready; only an ended thread asks for a restart. The metrics say the same, by target."""
    health = with_sending(Health((), lambda: ()), Lanes([lane]))  # type: ignore[arg-type]

    [living], [working] = health.alive, health.ready

    assert (living.state(), working.state()) == (alive, ready)
    assert f'foremend_sending{{target="sms"}} {int(ready == "ok")}\n' in health.metrics()
    assert f'foremend_set_aside_total{{target="sms"}} {lane.set_aside}\n' in health.metrics()
