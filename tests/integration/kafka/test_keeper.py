"""A keeper beside a gateway, a real Mosquitto that forgets its share at a restart, and a real Kafka."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest

from benchmarks.mosquitto_server import Mosquitto
from foremend.runtimes.kafka.gateway import Gateway
from tests.integration.kafka.test_gateway import Line, line, readings_of, telemetry, until

__all__ = ["line"]

GAP = telemetry(80)
LATER = telemetry(8, first=80)


def left_to_the_share(keeper: Gateway) -> bool:
    """Whether the keeper knows that the share deals out."""
    return keeper.keeper is not None and not keeper.keeper.standing_in


def restarted_beside_nobody(line: Line, mosquitto: Mosquitto, *roles: str) -> set[tuple[str, int]]:
    """What is stored of the `GAP` that Mosquitto acknowledged after its restart, before any gateway was back."""
    with line.gateway("a"), ExitStack() as more:
        for role in roles:
            keeper = more.enter_context(line.gateway(role=role))
            until(lambda keeper=keeper: left_to_the_share(keeper))
    mosquitto.stop()
    mosquitto.start()
    line.publish(GAP)
    with line.gateway("a"), ExitStack() as more:
        for role in roles:
            more.enter_context(line.gateway(role=role))
        line.publish(LATER)
        stored = line.wait_until_stored(set(readings_of(LATER)))
        if roles:
            stored = line.wait_until_stored(set(readings_of(GAP)))
    return {one.reading for one in stored}


def test_without_a_keeper_mosquitto_gives_to_nobody_what_comes_before_a_gateway_is_back(
    line: Line, mosquitto: Mosquitto
) -> None:
    """Acknowledged to the sender, and gone: the fault that the keeper is for."""
    assert restarted_beside_nobody(line, mosquitto) == set(readings_of(LATER))


def test_a_keeper_has_what_came_before_a_gateway_was_back(line: Line, mosquitto: Mosquitto) -> None:
    """All of it, though the keeper was away as well: Mosquitto remembers its plain subscription."""
    assert restarted_beside_nobody(line, mosquitto, "keeper") == set(readings_of(GAP + LATER))


def test_while_the_share_is_there_the_keeper_writes_nothing(line: Line) -> None:
    """Each reading is in Kafka once, and the keeper has acknowledged all."""
    messages = telemetry(400)
    with line.gateway("a"), line.gateway(role="keeper") as keeper:
        until(lambda: left_to_the_share(keeper))
        line.publish(messages)
        stored = line.wait_until_stored(set(readings_of(messages)))
        until(lambda: keeper.counts.acknowledged >= len(messages))

    assert Counter(one.reading for one in stored) == readings_of(messages)
    assert keeper.counts.readings == 0


def test_a_keeper_stands_in_from_a_restart_until_a_gateway_is_back(line: Line, mosquitto: Mosquitto) -> None:
    """It is told by the gateway, through the share; before, everything that comes is written by the keeper."""
    with line.gateway(role="keeper") as keeper:
        with line.gateway("a"):
            until(lambda: left_to_the_share(keeper))
        mosquitto.stop()
        until(lambda: not keeper.connected())
        mosquitto.start()
        line.publish(GAP)
        line.wait_until_stored(set(readings_of(GAP)))
        stood_in = not left_to_the_share(keeper)
        with line.gateway("a"):
            until(lambda: left_to_the_share(keeper))

    assert stood_in
    assert keeper.counts.readings == readings_of(GAP).total()


@pytest.mark.timeout(240)
def test_restarts_under_load_lose_nothing(line: Line, mosquitto: Mosquitto) -> None:
    """Three in a row, the publisher and the gateways coming back as each can."""
    messages = telemetry(3_000)
    with line.gateway("a"), line.gateway("b"), line.gateway(role="keeper") as keeper:
        until(lambda: left_to_the_share(keeper))
        for part in range(3):
            with line.publishing(messages[part * 1_000 : (part + 1) * 1_000]):
                mosquitto.stop()
                mosquitto.start()
            until(lambda: left_to_the_share(keeper))
        stored = line.wait_until_stored(set(readings_of(messages)))

    assert {one.reading for one in stored} == set(readings_of(messages))
