"""History in InfluxDB 2: measurement = appliance model, tag = appliance, one float field a signal.

The client's own batching loses errors and its `flush` does nothing, so the batches here are our own: each is
written synchronously, and stays until InfluxDB has taken it. A replay overwrites what it writes again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import pyarrow as pa

from foremend.history import influx_flux as flux
from foremend.history.influx_lines import line_protocol
from foremend.history.influx_settings import InfluxSettings
from foremend.history.tables import block_without_forgotten, from_table
from foremend.vocabulary.errors import MissingExtraError, RefusedError, UnavailableError
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_SECOND, Block, Forgotten

try:
    from influxdb_client import BucketRetentionRules, InfluxDBClient
    from influxdb_client.client.write_api import SYNCHRONOUS
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError
except ImportError as error:
    raise MissingExtraError("history in InfluxDB", "influx") from error

log = logging.getLogger(__name__)

BATCH_ROWS = 10_000
_ADVICE = {
    401: "check the token",
    403: "the token may not do this",
    404: "is there such an organisation and bucket? `foremend history create` makes the bucket",
}


class InfluxHistory:
    """Collects blocks and writes them on `flush`; not for several threads at once."""

    def __init__(
        self, settings: InfluxSettings, forgotten: Callable[[], Sequence[Forgotten]] = tuple
    ) -> None:
        """Opens no connection; `forgotten` is asked by each `flush`. Raises ConfigError when there is no token."""
        self._settings, self._forgotten = settings, forgotten
        self._forgot: set[Forgotten] = set()
        self._client = InfluxDBClient(
            settings.url, settings.token(), org=settings.org, timeout=settings.timeout, retries=False
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._waiting: deque[Block] = deque()
        self.waiting_rows = 0

    def write(self, block: Block) -> None:
        for start in range(0, len(block), BATCH_ROWS):
            self._waiting.append(block.take(slice(start, start + BATCH_ROWS)))
        self.waiting_rows += len(block)

    def flush(self, after: int, up_to: int) -> None:
        """Write what waits. What InfluxDB did not take still waits, so that calling again goes on from there.

        Raises UnavailableError while InfluxDB is away or overloaded, RefusedError when it will never take this.
        """
        self._forget(self._forgotten())
        while self._waiting:
            batch = self._next_batch()
            with self._spoken("written"):
                self._send(b"\n".join(line_protocol(block) for block in batch))
            for block in batch:
                self._waiting.popleft()
                self.waiting_rows -= len(block)

    def forget_after(self, position: int, still_ours: Callable[[], object] = lambda: None) -> None:
        """Forget what waits; the replay from `position` overwrites points that are there: none goes."""
        self._waiting.clear()
        self.waiting_rows = 0

    def read(
        self, appliance_model: str, start: int, end: int, appliances: Collection[str] | None = None
    ) -> Iterator[Block]:
        """Blocks of one day each with start <= time < end (ms UTC), sorted by time; one query a day, streamed.

        Of these `appliances`, or all; of many, a query for each `IDS_AT_ONCE`.

        Raises UnavailableError while InfluxDB is away or when it breaks off, RefusedError when it will not answer.
        """
        for day in self._days(appliance_model, start, end):
            within = max(day, start), min(day + MS_PER_DAY, end)
            parts = [flux.readings(part) for part in self._readings(appliance_model, *within, appliances)]
            if parts:
                table = pa.concat_tables(parts, promote_options="permissive")
                yield from_table(appliance_model, table.sort_by([("time", "ascending")]))

    def forget_appliances(
        self, appliance_model: str, appliances: Collection[str], until: int | None = None
    ) -> int:
        """Remove every reading of these, those that wait too; how many. Raises as `flush` does.

        With `until`, ms UTC, only what is stamped then or earlier.
        """
        return sum(self._forget_one(appliance_model, one, until) for one in appliances)

    def create(self) -> dict[str, str]:
        """Make the bucket, or give the one there is the retention of the settings; what was done, for people.

        Raises UnavailableError while InfluxDB is away, RefusedError when the token may not.
        """
        seconds = (self._settings.retention or 0) // MS_PER_SECOND  # 0 keeps for ever
        rules = [BucketRetentionRules(type="expire", every_seconds=seconds)]
        buckets = self._client.buckets_api()
        with self._spoken("created"):
            bucket = buckets.find_bucket_by_name(self._settings.bucket)
            if bucket is None:
                buckets.create_bucket(bucket_name=self._settings.bucket, retention_rules=rules)
            else:
                bucket.retention_rules = rules
                buckets.update_bucket(bucket)
        kept = f"{seconds / 86_400:g} days" if seconds else "for ever"
        return {
            "bucket": self._settings.bucket,
            "was": "made" if bucket is None else "there already",
            "keeps": kept,
        }

    def close(self) -> None:
        self._client.close()

    def _send(self, lines: bytes) -> None:
        """Readings older than the bucket keeps are the only ones that InfluxDB may leave out: it takes the others."""
        try:
            self._writer.write(self._settings.bucket, record=lines)
        except ApiException as error:
            if error.status != HTTPStatus.UNPROCESSABLE_ENTITY or "retention policy" not in str(
                error.message
            ):
                raise
            log.warning("readings older than InfluxDB keeps were left out of history: %s", error.message)

    def _forget(self, forgotten: Sequence[Forgotten]) -> None:
        """Leave out what waits of forgotten appliances; delete once more what this process wrote before it knew."""
        self._drop_waiting(forgotten)
        for one in forgotten:
            if one not in self._forgot:
                try:
                    self._delete(one)
                except (
                    RefusedError
                ) as error:  # who forgot it was told so, too; nobody's readings must wait for it
                    log.error("%s", error)
                self._forgot.add(one)

    def _forget_one(self, appliance_model: str, appliance: str, until: int | None) -> int:
        waited = self.waiting_rows
        last = flux.LATEST_MS - 1 if until is None else until
        everything = Forgotten(appliance_model, appliance, last)
        self._drop_waiting([everything])
        counted = self._ask(flux.COUNT, appliance_model, 0, last + 1, [appliance])
        stored = sum(int(value) for part in counted for value in part["_value"].to_pylist())
        self._delete(everything)
        return stored + waited - self.waiting_rows

    def _drop_waiting(self, forgotten: Sequence[Forgotten]) -> None:
        self._waiting = deque(
            kept for block in self._waiting if len(kept := block_without_forgotten(block, forgotten))
        )
        self.waiting_rows = sum(map(len, self._waiting))

    def _delete(self, one: Forgotten) -> None:
        model, name = (
            text.replace("\\", "\\\\").replace('"', '\\"') for text in (one.appliance_model, one.appliance_id)
        )
        with self._spoken("deleted"):
            self._client.delete_api().delete(
                flux.time(0),
                flux.time(one.until + 1),
                f'_measurement="{model}" AND appliance="{name}"',
                self._settings.bucket,
            )

    def _next_batch(self) -> list[Block]:
        batch: list[Block] = []
        rows = 0
        for block in self._waiting:
            if batch and rows + len(block) > BATCH_ROWS:
                break
            batch.append(block)
            rows += len(block)
        return batch

    def _days(self, appliance_model: str, start: int, end: int) -> list[int]:
        """Starts (ms UTC) of the days that have readings, in order."""
        found = [flux.times_ms(part["_time"]) for part in self._ask(flux.DAYS, appliance_model, start, end)]
        days = {time // MS_PER_DAY * MS_PER_DAY for times in found for time in times.to_pylist()}
        return sorted(days)

    def _readings(
        self, appliance_model: str, start: int, end: int, appliances: Collection[str] | None
    ) -> Iterator[pa.Table]:
        if appliances is None:
            yield from self._ask(flux.READINGS, appliance_model, start, end)
            return
        ids = sorted(appliances)
        for first in range(0, len(ids), flux.IDS_AT_ONCE):
            some = ids[first : first + flux.IDS_AT_ONCE]
            yield from self._ask(flux.READINGS_OF_SOME, appliance_model, start, end, some)

    def _ask(
        self, text: str, appliance_model: str, start: int, end: int, appliances: Iterable[str] = ()
    ) -> Iterator[pa.Table]:
        question = flux.query(text, self._settings.bucket, appliance_model, start, end, appliances)
        with self._spoken("read"):
            yield from flux.tables(self._client.query_api().query_csv(question))

    @contextmanager
    def _spoken(self, done: str) -> Iterator[None]:
        """Errors of the client as ours, in a sentence."""
        where = (
            f"history cannot be {done} in InfluxDB at {self._settings.url}, bucket {self._settings.bucket}"
        )
        try:
            yield
        except HTTPError as error:
            raise UnavailableError(f"{where}: {type(error).__name__}") from error
        except ApiException as error:
            said = f"{where}: {error.status} {error.message or error.reason}"
            if error.status == 429 or error.status >= 500:
                raise UnavailableError(said) from error
            advice = _ADVICE.get(error.status)
            raise RefusedError(f"{said}; {advice}" if advice else said) from error
