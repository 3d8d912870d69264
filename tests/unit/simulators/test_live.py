"""Pace, flow control, addresses and answers: everything about publishing that needs no broker."""

from __future__ import annotations

import orjson
import pytest

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.topics import Progress
from simulators.fleet.asked import diagnosis
from simulators.fleet.fleet import Fleet
from simulators.fleet.links import Address
from simulators.fleet.live import Window, publish
from simulators.fleet.scenario import Scenario
from simulators.fleet.wire import messages


def progress(count: int) -> Progress:
    return Progress(messages=count, readings=60 * count, dead_letters=0, time=0)


def window_after(sent: int, size: int = 5) -> Window:
    """A window whose pipeline stood at 1000 before `sent` messages of ours."""
    window = Window(size)
    window.hear(progress(1_000), 0.0)
    for _ in range(sent):
        window.sent()
    return window


def test_a_window_closes_when_it_is_full_and_opens_as_the_pipeline_moves() -> None:
    """Counted from where the pipeline stood when it was first heard."""
    window = window_after(sent=5)
    assert not window.open

    window.hear(progress(1_002), 1.0)

    assert window.open
    assert window.unprocessed == 3


def test_an_unheard_pipeline_closes_nothing() -> None:
    """The broker's acknowledgements alone hold then."""
    window = Window(5)
    for _ in range(50):
        window.sent()

    assert window.open


def test_a_pipeline_that_is_silent_holds_the_window() -> None:
    """It restarts: its count survives, so nothing is sent meanwhile and nothing is forgotten."""
    window = window_after(sent=5)

    window.hear(progress(1_004), 60.0)

    assert window.unprocessed == 1


def test_a_pipeline_that_reports_but_stands_still_does_not_hold_for_ever() -> None:
    """What a broker without memory lost will never be counted: after ten seconds the window starts anew."""
    window = window_after(sent=5)

    for second in range(9):
        window.hear(progress(1_000), float(second))
        assert not window.open
    window.hear(progress(1_000), 11.0)

    assert window.unprocessed == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", ("broker", 1883, False, None, None)),
        ("mqtts://broker", ("broker", 8883, True, None, None)),
        ("mqtt://me:p%40ss@10.0.0.1:1884", ("10.0.0.1", 1884, False, "me", "p@ss")),
    ],
)
def test_addresses_are_read_as_written(url: str, expected: tuple[object, ...]) -> None:
    """Host, port, TLS, user and password."""
    address = Address.parse(url)

    assert (address.host, address.port, address.tls, address.username, address.password) == expected
    assert "p@ss" not in str(address)


@pytest.mark.parametrize("url", ["broker:1883", "http://broker", "mqtt://", "mqtt://broker:port"])
def test_a_wrong_address_is_refused(url: str) -> None:
    """In a sentence that says how to write one."""
    with pytest.raises(ConfigError, match="not a broker's address"):
        Address.parse(url)


@pytest.mark.parametrize(
    "wrong", [{"speed": 0.0}, {"window": 0}, {"per_message": -1}, {"connections": 0}], ids=str
)
def test_numbers_must_be_above_nought(wrong: dict[str, float]) -> None:
    """Before any connection is tried."""
    with pytest.raises(ConfigError, match="must be above 0"):
        publish(Fleet(Scenario(days=1, appliances={"rf-260": 1}), 1), "mqtt://127.0.0.1:1", **wrong)  # type: ignore[arg-type]


def test_a_diagnosis_is_the_newest_reading_and_no_truth() -> None:
    """The request's id comes back; nonsense in the request harms nobody."""
    fleet = Fleet(Scenario(days=1, appliances={"rf-260": 1}, fault_rate=1.0), 1)
    latest = next(messages(fleet))

    answer = orjson.loads(diagnosis(fleet.members[0], orjson.loads(latest.payload), b'{"id": "abc"}'))

    assert set(answer) == {"id", "appliance", "appliance_model", "batch", "reading"}
    assert answer["id"] == "abc"
    assert answer["reading"] == orjson.loads(latest.payload)[-1]
    assert orjson.loads(diagnosis(fleet.members[0], None, b"\xff{"))["reading"] is None
