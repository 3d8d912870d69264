"""What the benchmark of brokers looks at, on a real Mosquitto, and what it says where a broker is not here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.brokers.looks import PAYLOADS, WAITING, look
from benchmarks.brokers.servers import KINDS, Broker, found
from benchmarks.mosquitto_server import MOSQUITTO
from foremend.vocabulary.errors import UnavailableError


@pytest.fixture
def mosquitto_folder() -> Iterator[Path]:
    """Not below pytest's own folder, which only its user may enter: Mosquitto leaves root behind."""
    with tempfile.TemporaryDirectory(prefix="foremend-brokers-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_broker_that_is_not_here_is_told_with_what_to_set(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable and what belongs into it; nothing is downloaded."""
    monkeypatch.setenv(KINDS[name].variable, "no-such-program")

    with pytest.raises(UnavailableError, match=rf"{name} is not here: set {KINDS[name].variable} to "):
        found(name)


@pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto: apt-get install mosquitto")
def test_the_looks_tell_a_bounded_queue_from_one_that_is_not(mosquitto_folder: Path) -> None:
    """As installed Mosquitto keeps 1,000 for a session that is away; a kill before it saves loses all."""
    broker = Broker("mosquitto-as-installed", mosquitto_folder)
    broker.start()
    try:
        seen = look(broker)
    finally:
        broker.stop()

    assert (seen.kept, seen.kept_after_kill, seen.out_of_order) == (1_000, 0, 0)
    assert seen.kept < WAITING
    assert seen.largest_payload == PAYLOADS[-1]
    assert (seen.retained_is_marked, seen.share_brings) == (True, True)
