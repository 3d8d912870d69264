"""The faults of one machine, each done to a pipeline under load; what they answer is how long it took to recover."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability.disks import cut_off, disk_of_its_own, mended, small_disk
from benchmarks.reliability.one_machine import LONGEST_START_S, OneMachine, Pipeline
from benchmarks.reliability.rig import until
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.topics import telemetry_topic
from ingest.mqtt.publish import MqttPublisher

Seconds = list[float]
_REFUSED = 7
SECONDS_PER_DAY = 86_400
_LIBFAKETIME = "faketime/libfaketime.so.1"


@dataclass(frozen=True, slots=True)
class LocalFault:
    """`strike` is called with `times` (how often, how many or how long).

    `around` is held open from before the pipeline starts until after the verdict; it gives more for its settings and
    its environment (`webhooks`, `environment`). `garbage` is what `strike` put among the telemetry.
    """

    words: str
    strike: Callable[[OneMachine, int], Seconds]
    times: int
    fewer: int  # in tests
    garbage: Callable[[int], list[bytes]] = lambda times: []
    around: Callable[[Path], AbstractContextManager[dict[str, Any]]] = lambda folder: nullcontext({})


def nothing(rig: OneMachine, times: int) -> Seconds:
    """How long it takes without any fault."""
    return [rig.recovered() for _ in range(times)]


def kill(rig: OneMachine, times: int) -> Seconds:
    """kill -9, and start again at once."""

    def once() -> float:
        began = time.monotonic()
        rig.pipeline.kill()
        rig.start()
        rig.recovered()
        return time.monotonic() - began

    return [once() for _ in range(times)]


def stop_database(rig: OneMachine, seconds: int) -> Seconds:
    """No PostgreSQL for so long, /readyz says why meanwhile; counted from when it serves again."""
    rig.servers.postgres.stop()
    until(lambda: "database" in rig.pipeline.why_not(), "/readyz to say that the database is away")
    time.sleep(seconds)  # the outage itself
    rig.servers.postgres.start()
    return [rig.recovered()]


def restart_broker(rig: OneMachine, times: int) -> Seconds:
    """Stop Mosquitto in good order and start it at once; counted from when it serves again."""

    def once() -> float:
        rig.servers.mosquitto.stop()
        rig.servers.mosquitto.start()
        return rig.recovered()

    return [once() for _ in range(times)]


def fill_disk(rig: OneMachine, seconds: int) -> Seconds:
    """The storage folder's file system is full for so long; counted from when there is room again."""
    filler = rig.settings.storage.folder / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(65_536))
                file.flush()
        except OSError:
            pass
    until(lambda: bool(rig.pipeline.why_not()), "/readyz to say that the disk is full")
    time.sleep(seconds)  # the outage itself
    filler.unlink()
    return [rig.recovered()]


def damage_files(rig: OneMachine, times: int) -> Seconds:
    """Stop, damage one file after another: each start must refuse with code 7; then the good ones, and on."""
    assert rig.pipeline.stop() == 0, rig.pipeline.log.read_text(encoding="utf-8")
    folder = rig.settings.storage.folder
    for name in ("engine.snapshot", "journal.db")[:times]:
        good = folder.parent / f"good-{name}"
        shutil.copy2(folder / name, good)
        with (folder / name).open("r+b") as file:
            file.write(b"\xff" * 3_000)
        code = _code_of(Pipeline(rig.config, rig.environment))
        if code != _REFUSED:
            raise UnavailableError(f"a damaged {name} was not refused: code {code}")
        shutil.copy2(good, folder / name)
    began = time.monotonic()
    rig.start()
    rig.recovered()
    return [time.monotonic() - began]


def poison(rig: OneMachine, messages: int) -> Seconds:
    """What once ended a pipeline, among the telemetry."""
    _publish(rig, poisons(messages))
    return [rig.recovered()]


def poisons(messages: int) -> list[bytes]:
    """Times of hundreds of digits, numbers beyond every float, nesting, what is not text."""
    kinds = (
        b'{"ts": 1%s, "signals": {"power": %d}}',
        b'{"ts": -1%s.5, "signals": {"power": %d}}',
        b'{"ts": "1%s", "signals": {"power": %d}}',
        b'{"ts": 1e4%s, "signals": {"power": %d}}',
    )
    return [kinds[n % len(kinds)] % (b"0" * (310 + n % 3_990), n) for n in range(messages)]


def flood(rig: OneMachine, messages: int) -> Seconds:
    """So much garbage of one appliance, as fast as the broker takes it. What is kept of it is bounded."""
    _publish(rig, [b"garbage %d" % number for number in range(messages)])
    return [rig.recovered()]


def trickle(rig: OneMachine, times: int) -> Seconds:
    """A receiver that sends a byte a second for ever; a stop must end in time all the same."""

    def once() -> float:
        began = time.monotonic()
        assert rig.pipeline.stop(timeout_s=15.0) == 0, rig.pipeline.log.read_text(encoding="utf-8")
        rig.start()
        rig.recovered()
        return time.monotonic() - began

    return [once() for _ in range(times)]


def two_instances(rig: OneMachine, times: int) -> Seconds:
    """Another `run` on the same folder is refused, and the first goes on."""
    other = rig.config.with_name("other.yaml")
    text = rig.config.read_text(encoding="utf-8")
    other.write_text(text.replace(f"port: {rig.settings.service.port}", "port: 0"), encoding="utf-8")

    def once() -> float:
        assert _code_of(Pipeline(other, rig.environment)) != 0, "a second pipeline took over the folder"
        return rig.recovered()

    return [once() for _ in range(times)]


def jump_clock(rig: OneMachine, times: int) -> Seconds:
    """The machine's clock jumps a day ahead, and back."""
    clock = Path(rig.environment["FAKETIME_TIMESTAMP_FILE"])

    def once(offset: str) -> float:
        clock.write_text(offset, encoding="utf-8")
        return rig.recovered()

    return [once(offset) for _ in range(times) for offset in ("+86400", "-3600", "+0")]


def wake_in_the_past(rig: OneMachine, times: int) -> Seconds:
    """A kill, and a start with a clock a day behind the fleet's, as a board without one has after a power cut.

    The network sets it once /readyz says what is waited for; counted from there.
    """
    clock = Path(rig.environment["FAKETIME_TIMESTAMP_FILE"])

    def once() -> float:
        newest = rig.pipeline.number("event_time_seconds")
        rig.pipeline.kill()
        clock.write_text(f"{newest - time.time() - SECONDS_PER_DAY:+.0f}", encoding="utf-8")
        rig.watch.pipeline = Pipeline(rig.config, rig.environment)
        until(lambda: "clock" in rig.pipeline.why_not(), "/readyz to say that the clock is behind")
        clock.write_text("+0", encoding="utf-8")
        return rig.recovered()

    return [once() for _ in range(times)]


def cut_power(rig: OneMachine, times: int) -> Seconds:
    """The disk takes no more and forgets what was not synced, everything is killed; then it is checked and mounted."""
    place = rig.settings.storage.folder

    def once() -> float:
        cut_off(place)
        rig.pipeline.kill()
        began = time.monotonic()
        mended(place)
        rig.start()
        rig.recovered()
        return time.monotonic() - began

    return [once() for _ in range(times)]


@contextmanager
def trickling_receiver(folder: Path) -> Iterator[dict[str, Any]]:
    """A webhook receiver that answers without end, a byte a second."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
                while not over.wait(1.0):
                    connection.sendall(b"a")
            except OSError:
                return

    def accept(listener: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        yield {"webhooks": [{"name": "desk", "url": url, "allow_private": True}]}
        over.set()


@contextmanager
def movable_clock(folder: Path) -> Iterator[dict[str, Any]]:
    """A clock for the pipeline alone. Raises UnavailableError where libfaketime is not installed."""
    library = next(Path("/usr/lib").glob(f"*/{_LIBFAKETIME}"), None)
    if library is None:
        raise UnavailableError("libfaketime is not installed: apt-get install -y faketime")
    clock = folder / "clock"
    clock.write_text("+0", encoding="utf-8")
    more = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    yield {"environment": {**more, "PATH": os.environ["PATH"]}}


def _code_of(refused: Pipeline) -> int | None:
    """What a pipeline that should not start ends with. Raises UnavailableError when it goes on."""
    try:
        until(lambda: refused.returncode is not None, "a pipeline to be refused", LONGEST_START_S)
    finally:
        if refused.returncode is None:
            refused.kill()
    return refused.returncode


def _publish(rig: OneMachine, payloads: list[bytes]) -> None:
    settings = rig.settings.mqtt.model_copy(update={"client_id": "poisoner"})
    with MqttPublisher(settings) as publisher:
        for payload in payloads:
            publisher.publish(telemetry_topic("rf-260", "rf-260-poison"), payload)
        publisher.wait_until_acknowledged()


LOCAL_FAULTS: Mapping[str, LocalFault] = {
    "none": LocalFault("no fault", nothing, 10, 2),
    "killed": LocalFault("kill -9, started again", kill, 20, 2),
    "database-away": LocalFault("PostgreSQL stopped for 60 s", stop_database, 60, 2),
    "broker-restarted": LocalFault("Mosquitto stopped and started", restart_broker, 3, 1),
    "disk-full": LocalFault("the disk full for 20 s", fill_disk, 20, 2, around=small_disk),
    "files-damaged": LocalFault("a damaged file refused, the good one brought back", damage_files, 2, 2),
    "poison": LocalFault("400 messages of poison", poison, 400, 40, poisons),
    "garbage": LocalFault("50,000 messages of garbage from one appliance", flood, 50_000, 1_000),
    "receiver-trickles": LocalFault(
        "a receiver that never ends its answer, a stop and a start", trickle, 3, 1, around=trickling_receiver
    ),
    "clock-jumps": LocalFault(
        "the machine's clock a day ahead, an hour back, right again", jump_clock, 3, 1, around=movable_clock
    ),
    "clock-of-the-past": LocalFault(
        "killed, and started with a clock a day behind", wake_in_the_past, 3, 1, around=movable_clock
    ),
    "power-cut": LocalFault("the power cut, the disk checked", cut_power, 5, 1, around=disk_of_its_own),
    "two-instances": LocalFault("a second pipeline on the same folder", two_instances, 3, 1),
}
