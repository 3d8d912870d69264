"""The pipeline as its workers describe it in the effects database: for a process that has the page but no pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import fields
from time import monotonic
from typing import Literal

from sqlalchemy import Engine as Database

from alerts import shared_status
from alerts.queries import Registered, registered
from alerts.shared_status import Behind, Counted, Order, Said, Seen, Wanted
from foremend.runtimes.status import ApplianceStatus, PipelineStatus
from foremend.service.fleet_look import Known, known
from foremend.service.health import Probe
from foremend.service.metrics import Family
from foremend.service.pipeline_metrics import stream_families
from foremend.vocabulary.ports import Clock

_COUNTED_FOR_S = 10.0  # counting millions takes the database a second
_FIELDS = tuple(field.name for field in fields(PipelineStatus))  # a worker of a newer version may say more
_SUMS = ("messages", "readings", "repeats", "late", "dead_letters", "position", "committed")


class SharedPipeline:
    """All streams together, as `StatusWriter` wrote them. Every method raises UnavailableError without the database."""

    def __init__(
        self, database: Database, streams: Sequence[str], clock: Clock, stalled_after_ms: int
    ) -> None:
        """`streams`: every partition's; one that said nothing for `stalled_after_ms` makes the pipeline `stalled`."""
        self._database, self._clock = database, clock
        self._streams, self._stalled_after_ms = frozenset(streams), stalled_after_ms
        self._started = clock.now_ms()
        self._counted: tuple[float, Sequence[Counted]] = (0.0, ())

    def status(self) -> PipelineStatus:
        """Counts are sums; the event time is the newest; connected while any worker that is heard of is."""
        rows = self._said()
        said = [
            PipelineStatus(**{name: row.status[name] for name in _FIELDS if name in row.status})
            for row in rows
        ]
        heard = {row.stream for row in rows if self._age(row) <= self._stalled_after_ms}
        return PipelineStatus(
            state=self._state(rows, heard),
            connected=any(one.connected for row, one in zip(rows, said, strict=True) if row.stream in heard),
            event_time=max((one.event_time for one in said if one.event_time is not None), default=None),
            started_at=min((one.started_at for one in said), default=self._started),
            **{name: sum(getattr(one, name) for one in said) for name in _SUMS},
        )

    def heard_ago_ms(self) -> Mapping[str, int]:
        """How long ago each stream last said something, in ms of wall clock."""
        return {row.stream: self._age(row) for row in self._said()}

    def probes(self) -> Sequence[Probe]:
        """None: its workers tell their own health, and the page is served anyway."""
        return ()

    def families(self) -> Iterable[Family]:
        """How long ago each stream spoke; what they count, workers say themselves."""
        return stream_families(self.heard_ago_ms())

    def by_model(self) -> Mapping[str, int]:
        """`ShownPipeline.by_model`, at most ten seconds old."""
        models: Counter[str] = Counter()
        for one in self._count():
            models[one.appliance_model] += one.appliances
        return models

    def known(self) -> Known:
        """`ShownPipeline.known`, as old as `by_model`."""
        return known(self._count())

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some`."""
        return _statuses(shared_status.some(self._database, ids))

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """`ShownPipeline.some_and_silent`."""
        silent = _statuses(shared_status.silent(self._database))
        return silent + self.some(frozenset(ids) - {one.appliance_id for one in silent})

    def unheard(self, register: Database, after: str, limit: int) -> list[Registered]:
        """`ShownPipeline.unheard`."""
        return registered(register, after, limit, unseen=True)

    def page(
        self, wanted: Wanted, without: Collection[str], offset: int, limit: int
    ) -> list[ApplianceStatus]:
        """`ShownPipeline.page`; a late page costs as much as all before it."""
        most = offset + limit + len(without)
        first = shared_status.in_order(self._database, wanted, "appliance_id", None, most)
        found = [one for one in first if one.appliance_id not in without]
        return _statuses(found[offset : offset + limit])

    def in_order(
        self, register: Database, wanted: Wanted, order: Order, behind: Behind | None, limit: int
    ) -> list[ApplianceStatus]:
        """`ShownPipeline.in_order`."""
        return _statuses(shared_status.in_order(register, wanted, order, behind, limit))

    def _count(self) -> Sequence[Counted]:
        until, counted = self._counted
        if monotonic() > until:
            counted = shared_status.counted(self._database)
            self._counted = (monotonic() + _COUNTED_FOR_S, counted)
        return counted

    def _said(self) -> list[Said]:
        return [one for one in shared_status.streams(self._database) if one.stream in self._streams]

    def _age(self, said: Said) -> int:
        return max(self._clock.now_ms() - said.at, 0)

    def _state(self, rows: Sequence[Said], heard: Set[str]) -> Literal["starting", "running", "stalled"]:
        if not rows:
            return "starting"
        return "running" if self._streams <= heard else "stalled"


def _statuses(each: Iterable[Seen]) -> list[ApplianceStatus]:
    return [ApplianceStatus(*one[:5], days_missing=one.days_missing) for one in each]
