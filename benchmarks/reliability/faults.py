"""The faults, each done to a rig under load; what they answer is how long the pipeline took to recover, each time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer

from benchmarks.reliability.rig import SESSION_S, Process, Rig, until
from benchmarks.reliability.story import PARTITIONS, Story
from foremend.runtimes.kafka.settings import KafkaSettings, connection

Seconds = list[float]

_LONGER_THAN_A_WRITE_S = 0.2


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` is called with `times` (how often, how many or how long), and puts `garbage(times)` into Kafka."""

    words: str
    strike: Callable[[Rig, int], Seconds]
    times: int
    fewer: int  # in tests
    garbage: Callable[[int], Sequence[bytes]] = lambda times: ()
    story: Story = field(default_factory=Story)


def nothing(rig: Rig, times: int) -> Seconds:
    """How long it takes without any fault: for a checkpoint to come by."""
    return [rig.recovered() for _ in range(times)]


def kill_workers(rig: Rig, times: int) -> Seconds:
    """kill -9 the oldest, and start another at once."""

    def once() -> float:
        rig.workers.pop(0).kill()
        rig.add_worker()
        return rig.recovered()

    return [once() for _ in range(times)]


def rescale(rig: Rig, times: int) -> Seconds:
    """Stop the oldest in good order, then add one and let it take its share.

    A third would have none: Faust leaves a worker what it has up to partitions / workers, rounded up.
    """

    def added() -> float:
        began, worker = time.monotonic(), rig.add_worker()
        until(lambda: worker.number("worker_partitions") > 0, "the new worker's partitions")
        return time.monotonic() - began + rig.recovered()

    def removed() -> float:
        began, worker = time.monotonic(), rig.workers.pop(0)
        assert worker.stop() == 0, worker.log.read_text(encoding="utf-8")
        return time.monotonic() - began + rig.recovered()

    return [step() for _ in range(times) for step in (removed, added)]


def kill_gateways(rig: Rig, times: int) -> Seconds:
    """kill -9 one of two, and start the same again at once."""

    def once(name: str) -> float:
        rig.gateways[name].kill()
        rig.add_gateway(name)
        return rig.recovered()

    return [once(f"gateway-{number % len(rig.gateways)}") for number in range(times)]


def restart_broker(rig: Rig, times: int) -> Seconds:
    """Stop Kafka in good order and start it at once; counted from when it serves again."""

    def once() -> float:
        rig.servers.kafka.stop()
        rig.servers.kafka.start()
        return rig.recovered()

    return [once() for _ in range(times)]


def kill_broker(rig: Rig, times: int) -> Seconds:
    """kill -9 Kafka and start it at once; counted from when it serves again."""

    def once() -> float:
        rig.servers.kafka.kill()
        rig.servers.kafka.start()
        return rig.recovered()

    return [once() for _ in range(times)]


def stop_broker(rig: Rig, seconds: int) -> Seconds:
    """No Kafka for so long; counted from when it serves again."""
    rig.servers.kafka.stop()
    time.sleep(seconds)  # the outage itself
    rig.servers.kafka.start()
    return [rig.recovered()]


def fill_with_garbage(rig: Rig, records: int) -> Seconds:
    """So many records in every partition that are no blocks."""
    asyncio.run(_fill(rig.settings.kafka, garbage(records)))
    return [rig.recovered()]


def garbage(records: int) -> list[bytes]:
    """What is put into the partitions in turn."""
    return [b"garbage %d" % number for number in range(records * PARTITIONS)]


def stop_database(rig: Rig, seconds: int) -> Seconds:
    """No PostgreSQL for so long; counted from when it serves again."""
    rig.servers.postgres.stop()
    time.sleep(seconds)  # the outage itself
    rig.servers.postgres.start()
    return [rig.recovered()]


def freeze_workers(rig: Rig, times: int) -> Seconds:
    """SIGSTOP one until others have taken over, then let it go on: it believes that it has its partitions still."""

    def once() -> float:
        frozen = rig.workers[0]
        frozen.pause()
        taken_over = rig.recovered()
        frozen.resume()
        rig.workers.append(rig.workers.pop(0))
        until(
            lambda: frozen.number("worker_partitions") > 0 and rig.shared_out(), "the frozen worker's share"
        )
        return taken_over

    return [once() for _ in range(times)]


def freeze_in_transaction(rig: Rig, times: int) -> Seconds:
    """SIGSTOP one while PostgreSQL has a transaction of it open, with its locks; others must go on all the same."""

    def once() -> float:
        frozen = rig.workers[0]
        until(lambda: _stopped_in_transaction(rig, frozen), "a worker in the midst of a transaction")
        others_go_on = rig.recovered()
        frozen.resume()
        rig.workers.append(rig.workers.pop(0))
        until(rig.shared_out, "the frozen worker's share")
        return others_go_on

    return [once() for _ in range(times)]


def _stopped_in_transaction(rig: Rig, worker: Process) -> bool:
    """Stop it; where a transaction that wrote something is open still after a while, leave it so."""
    worker.pause()
    time.sleep(_LONGER_THAN_A_WRITE_S)  # others are through with theirs
    if rig.servers.postgres.idle_writers(_LONGER_THAN_A_WRITE_S / 2):
        return True
    worker.resume()
    return False


async def _fill(kafka: KafkaSettings, values: Sequence[bytes]) -> None:
    async with AIOKafkaProducer(**connection(kafka), acks="all", linger_ms=5) as producer:
        for number, value in enumerate(values):
            await producer.send(kafka.blocks_topic, value, b"rf-260/0", number % PARTITIONS)
        await producer.flush()


_SLOW = Story(lateness_h=24)
"""With two gateways, what one has kept for an outage comes before what the other has: lateness must be longer."""

FAULTS: Mapping[str, Fault] = {
    "none": Fault("no fault", nothing, 10, 3),
    "worker-killed": Fault("kill -9 of a worker, another started", kill_workers, 20, 3),
    "worker-frozen": Fault(
        f"SIGSTOP of a worker for longer than its session of {SESSION_S} s", freeze_workers, 3, 1
    ),
    "worker-frozen-writing": Fault(
        "SIGSTOP of a worker in the midst of a transaction of PostgreSQL", freeze_in_transaction, 3, 1
    ),
    "workers-changed": Fault("a worker stopped, a worker added", rescale, 3, 1),
    "gateway-killed": Fault("kill -9 of a gateway, started again", kill_gateways, 20, 1),
    "broker-restarted": Fault("Kafka stopped and started", restart_broker, 3, 1),
    "broker-killed": Fault("kill -9 of Kafka, started again", kill_broker, 3, 1),
    "broker-away": Fault("Kafka stopped for 60 s", stop_broker, 60, 8, story=_SLOW),
    "garbage": Fault("2,000 records of garbage a partition", fill_with_garbage, 2_000, 100, garbage),
    "database-away": Fault("PostgreSQL stopped for 20 s", stop_database, 20, 5),
}
