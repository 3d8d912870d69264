"""The Faust app: it keeps the worker in its group and brings the records. Everything else is left out of it.

Where Faust (0.15) would lose or repeat something, this is how it is kept from it:

- It goes to the *committed* offsets after a rebalance, and commits more than was done: a record that it skips in a
  rebalance counts as acknowledged; so does one whose agent raised, and `take()` its whole batch. After a rebalance it
  may commit nothing at all, since acknowledgements that are older than where it went are passed over. Here the
  checkpoint's offset is where a partition goes on, whatever was committed; Faust's own acknowledgements are off for
  blocks (`acks=False`, `noack()`), and what is committed, for lag tools alone, is what a checkpoint covers.
- With `isolated_partitions` an actor does not know its partition before its first record, so it cannot take its state
  over before. One agent serves all partitions, and hands each record to its `PartitionRuntime`.
- `stream_wait_empty` lets a rebalance wait for acknowledgements that come with the next checkpoint: it is off.
- Tables lose what was not flushed in a rebalance, and are written record by record: there are none (`state.py`).
- The buffer before a stream holds 4,096 records by default, with us 100 MB to 4 GB: 64 are enough for a thread. A
  partition that fills it is set aside, and when all are, the consumer sleeps a whole second, far longer than 64
  blocks last (94,000 readings/s without it, 67,000 with it, on a busy machine). `_Consumer` sets none aside.
- It stalls after some outages without a word: see `watchdog.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from foremend.runtimes.kafka.settings import KafkaSettings

Checkpointed = Callable[[Iterable[TP]], Mapping[TP, int]]
"""Of the given partitions, where those go on that have checkpoints of their own."""

_BUFFERED = 64  # records
_FETCH_BYTES = 4 * 1024 * 1024  # of one partition in one answer
_HEARTBEAT_S = 1.0  # how soon a worker hears that another one came or went
_REQUEST_S = 40.0
_NEVER_S = 86_400.0  # a worker that waits for its database keeps its place; of stalls the watchdog knows more


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's, but for a commit in the moment in which a rebalance takes the partitions away."""

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """False where none of the partitions is ours any more: over an empty commit Faust would end."""
        ours = {at: offset for at, offset in offsets.items() if at in self.assignment()}
        return bool(ours) and await super()._commit(ours)


class _Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: who puts into a full buffer waits, which is enough."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Goes to where the checkpoints end; only topics without checkpoints go to what was committed."""
        found = dict(await super().seek_to_committed())
        wanted = cast(Membership, self.app).checkpointed(self.assignment())
        if wanted:
            await self.seek_wait(wanted)
        return found | dict(wanted)

    async def commit_covered(self, partition: TP, offset: int) -> bool:
        """Up to `offset`; False, with nothing committed, while the group shares out anew or if it is no longer ours."""
        return bool(await self._commit({partition: offset}))


class _Transport(driver.Transport):
    Consumer = _Consumer


class Membership(faust.App):
    """A Faust app whose partitions go on where `checkpointed` says."""

    checkpointed: Checkpointed


def open_membership(settings: KafkaSettings, folder: Path, checkpointed: Checkpointed) -> Membership:
    """The app of one worker; nothing is connected before `start`. `folder`: Faust wants one of its own."""
    session_s = settings.session_timeout / 1_000
    folder.mkdir(parents=True, exist_ok=True)  # Faust makes the last part only
    app = Membership(
        settings.prefix,
        broker=";".join(f"aiokafka://{broker}" for broker in settings.brokers),
        broker_credentials=_credentials(settings),
        broker_session_timeout=session_s,
        broker_heartbeat_interval=min(_HEARTBEAT_S, session_s / 3),
        broker_max_poll_interval=_NEVER_S,
        broker_request_timeout=max(_REQUEST_S, session_s),
        broker_commit_livelock_soft_timeout=max(300.0, settings.checkpoint_every / 100),
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCH_BYTES,
        stream_buffer_maxsize=_BUFFERED,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        datadir=folder,
    )
    app.checkpointed = checkpointed
    app.transport = _Transport(app.conf.broker_consumer, app)
    return app


def raw_topic(app: Membership, name: str, acks: bool) -> Any:
    """The topic of this name, its keys and values as bytes; `acks`: Faust commits what is acknowledged."""
    return app.topic(
        name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=acks
    )


def _credentials(settings: KafkaSettings) -> Any:
    security = settings.security
    context = security.tls_context()
    if security.sasl:
        return faust.SASLCredentials(
            username=security.user,
            password=security.password(),
            mechanism=security.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if security.tls else None
