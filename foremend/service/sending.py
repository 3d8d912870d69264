"""How the threads that send are: their part of the health of `run` and `service`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from alerts.dispatch import Dispatcher
from foremend.service.health import Health, Probe
from foremend.service.metrics import Family, labelled


def with_sending(health: Health, dispatcher: Dispatcher) -> Health:
    """`health` with the dispatcher's: alive while its threads are, ready while none of them waits for its queue."""

    def ended() -> str | None:
        gone = [lane.target for lane in dispatcher.states() if lane.ended]
        return f"the thread of {', '.join(gone)} has ended" if gone else None

    def waits() -> str | None:
        troubles = [f"{lane.target} {lane.trouble}" for lane in dispatcher.states() if lane.trouble]
        return "; ".join(troubles) or ended()

    def families() -> Iterator[Family]:
        yield from _families(dispatcher)
        yield from health.families()

    return replace(
        health,
        ready=(*health.ready, Probe("dispatcher", waits)),
        alive=(*health.alive, Probe("dispatcher", ended)),
        families=families,
    )


def _families(dispatcher: Dispatcher) -> Iterator[Family]:
    states = dispatcher.states()
    working = labelled("target", {one.target: not one.ended and not one.trouble for one in states})
    yield Family("gauge", "sending", "1 while the thread that sends to the target works", working)
    aside = labelled("target", {one.target: one.set_aside for one in states})
    yield Family("counter", "set_aside_total", "Messages set aside for what nobody foresaw", aside)
