"""Everything the API and the page show, read from the effects database and the running pipeline."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from time import monotonic
from typing import Any

import orjson
from sqlalchemy import Engine, func, select

from alerts import queries
from alerts.database import reading
from alerts.tables import FindingRow, OutboxRow
from alerts.wording import Titles
from foremend.runtimes.status import ApplianceStatus, Fleet, ListedFleet, Pipeline
from foremend.service.health import Health, Probe
from foremend.service.metrics import Family
from foremend.service.pipeline_metrics import (
    database_families,
    fleet_families,
    pipeline_families,
    stream_families,
)
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.together import joined
from foremend.service.views import (
    STATES,
    ApplianceDetail,
    ApplianceView,
    CountsView,
    DeadLetterView,
    DeliveryView,
    FaultView,
    FindingView,
    FleetView,
    HeldBackView,
    MessageView,
    Page,
    PipelineView,
    State,
    Summary,
    TicketView,
    Vocabulary,
)
from foremend.vocabulary.catalogue import FaultEntry
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, FindingKind

SILENT = "silent"
_REMEMBER_S = 60.0


class ReadModel:
    """Read-only; every method raises UnavailableError while the database is away."""

    def __init__(
        self,
        engine: Engine,
        pipeline: Pipeline | SharedPipeline,
        profiles: Mapping[str, Profile],
        faults: Mapping[str, FaultEntry],
        feature_titles: Titles,
    ) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._fleet: Fleet = pipeline if isinstance(pipeline, SharedPipeline) else ListedFleet(pipeline)
        self._remembered: tuple[int | None, float, list[FindingView]] = (None, 0.0, [])
        self._vocabulary = _vocabulary(profiles, faults, feature_titles)

    def summary(self) -> Summary:
        """The page's first look: counters and how many appliances are in which state."""
        ill = self._ill()
        appliances = sum(self._fleet.by_model().values())
        return Summary(
            pipeline=PipelineView(**asdict(self._pipeline.status())),
            counts=self._counts(),
            appliances=appliances,
            by_state=_by_state(ill, appliances),
        )

    def fleet(
        self, limit: int, offset: int, state: State | None = None, appliance_model: str | None = None
    ) -> FleetView:
        """Appliances in the order of how urgent they are, then by id."""
        ill = self._ill()
        by_model = self._fleet.by_model()
        of_model = [one for one in ill if appliance_model in (None, one.appliance_model)]
        asked = [one for one in of_model if state in (None, one.state)]
        heard = by_model.get(appliance_model, 0) if appliance_model else sum(by_model.values())
        well = heard - len(of_model) if state in (None, "ok") else 0
        items = asked[offset : offset + limit]
        if well and len(items) < limit:
            without = {one.appliance_id for one in of_model}
            skip = max(offset - len(asked), 0)
            others = self._fleet.page(appliance_model, without, skip, limit - len(items))
            items += [_appliance(one, ()) for one in others]
        return FleetView(
            items=items,
            total=len(asked) + well,
            by_state=_by_state(ill, sum(by_model.values())),
            by_model=dict(sorted(by_model.items())),
        )

    def appliance(self, appliance_id: str) -> ApplianceDetail | None:
        """One appliance with its open episodes, newest findings and tickets; None for one never heard of."""
        episodes = self._open_episodes(appliance_id)
        found = self._fleet.some({appliance_id})
        if not found:
            return None
        return ApplianceDetail(
            appliance=_appliance(found[0], episodes),
            episodes=episodes,
            findings=self.findings(20, 0, appliance_id).items,
            tickets=self.tickets(20, 0, appliance_id).items,
        )

    def episodes(self) -> list[FindingView]:
        """Open episodes, each by its newest finding; the one that fails first comes first. A silence of many is one.

        Asked for with every look at the page, so it is remembered while no finding is added, for a minute at most
        (an erasure changes findings without adding one).
        """
        with reading(self._engine) as session:
            findings = session.scalar(select(func.count()).select_from(FindingRow))
        known, until, episodes = self._remembered
        if findings != known or monotonic() > until:
            episodes = joined(self._open_episodes(None))
            self._remembered = (findings, monotonic() + _REMEMBER_S, episodes)
        return episodes

    def _open_episodes(self, appliance_id: str | None) -> list[FindingView]:
        """At one time, `updated` is newer than `opened`."""
        newest = func.row_number().over(
            partition_by=FindingRow.episode_id, order_by=(FindingRow.time.desc(), FindingRow.kind.desc())
        )
        ranked = select(FindingRow.id, newest.label("rank"))
        if appliance_id is not None:
            ranked = ranked.where(FindingRow.appliance_id == appliance_id)
        ranks = ranked.subquery()
        fails_at = FindingRow.time + FindingRow.days_to_failure * MS_PER_DAY
        query = (
            select(FindingRow)
            .join(ranks, (ranks.c.id == FindingRow.id) & (ranks.c.rank == 1))
            .where(FindingRow.kind != FindingKind.CLOSED)
            .order_by(fails_at.is_(None), fails_at, FindingRow.id)
        )
        with reading(self._engine) as session:
            return [FindingView.model_validate(row, from_attributes=True) for row in session.scalars(query)]

    def findings(self, limit: int, offset: int, appliance_id: str | None = None) -> Page[FindingView]:
        """Verdicts by event time, newest first."""
        page = queries.findings(self._engine, limit, offset, appliance_id)
        return Page(items=[FindingView(**item) for item in page.items], total=page.total)

    def tickets(self, limit: int, offset: int, appliance_id: str | None = None) -> Page[TicketView]:
        """Tickets, newest first, each with how far its messages are."""
        page = queries.tickets(self._engine, limit, offset, appliance_id)
        sent = self._deliveries([item["episode_id"] for item in page.items])
        items = [TicketView(**item, deliveries=sent[item["episode_id"]]) for item in page.items]
        return Page(items=items, total=page.total)

    def ticket(self, ticket_id: str) -> TicketView | None:
        """One ticket; None where there is none."""
        found = queries.ticket(self._engine, ticket_id)
        if found is None:
            return None
        return TicketView(**found, deliveries=self._deliveries([found["episode_id"]])[found["episode_id"]])

    def held_back(self, limit: int, offset: int) -> Page[HeldBackView]:
        """What consent held back, newest first."""
        page = queries.held_back(self._engine, limit, offset)
        return Page(items=[HeldBackView(**item) for item in page.items], total=page.total)

    def outbox(self, limit: int, offset: int, state: str | None = None) -> Page[MessageView]:
        """Messages, newest first. Raises InputError for a state that does not exist."""
        page = queries.outbox(self._engine, limit, offset, state)
        return Page(items=[MessageView(**item, texts=_texts(item)) for item in page.items], total=page.total)

    def dead_letters(self, limit: int, offset: int) -> Page[DeadLetterView]:
        """Messages that could not be used, newest first."""
        page = queries.dead_letters(self._engine, limit, offset)
        return Page(items=[DeadLetterView(**item) for item in page.items], total=page.total)

    def vocabulary(self) -> Vocabulary:
        """Words for faults, appliance models and features, by language."""
        return self._vocabulary

    def health(self) -> Health:
        """The database answers; and where the pipeline is in this process, it runs and the broker is there."""
        database = Probe("database", self._database)
        if isinstance(
            self._pipeline, SharedPipeline
        ):  # its workers tell their own health: the page is served anyway
            return Health((database,), self._families)
        running = Probe("pipeline", self._not_running)
        broker = Probe("broker", lambda: None if self._pipeline.status().connected else "not connected")
        return Health((running, broker, database), self._families)

    def _database(self) -> str | None:
        queries.disabled_targets(self._engine)  # raises UnavailableError while it is away
        return None

    def _not_running(self) -> str | None:
        state = self._pipeline.status().state
        return None if state == "running" else state

    def _families(self) -> Iterator[Family]:
        if isinstance(self._pipeline, SharedPipeline):
            yield from stream_families(self._pipeline.heard_ago_ms())
        else:
            yield from pipeline_families(self._pipeline.status())
        yield from database_families(self._counts(), queries.oldest_waiting(self._engine))
        yield from fleet_families(self.fleet(1, 0))

    def _counts(self) -> CountsView:
        messages = queries.outbox(self._engine, limit=1).total
        return CountsView(
            **asdict(queries.counts(self._engine)), episodes_open=len(self.episodes()), messages=messages
        )

    def _ill(self) -> list[ApplianceView]:
        """Appliances with open episodes, and those that say nothing; the most urgent first."""
        by_appliance: defaultdict[str, list[FindingView]] = defaultdict(list)
        for episode in self.episodes():
            by_appliance[episode.appliance_id].append(episode)
        found = self._fleet.some_and_silent(by_appliance)
        ill = [_appliance(one, by_appliance.get(one.appliance_id, ())) for one in found]
        return sorted(ill, key=lambda one: (STATES.index(one.state), one.appliance_id))

    def _deliveries(self, episode_ids: Sequence[str]) -> dict[str, list[DeliveryView]]:
        query = select(OutboxRow).where(OutboxRow.episode_id.in_(episode_ids)).order_by(OutboxRow.seq)
        found: defaultdict[str, list[DeliveryView]] = defaultdict(list)
        with reading(self._engine) as session:
            for row in session.scalars(query):
                found[str(row.episode_id)].append(DeliveryView.model_validate(row, from_attributes=True))
        return found


def _appliance(one: ApplianceStatus, episodes: Sequence[FindingView]) -> ApplianceView:
    known = {name: value for name, value in asdict(one).items() if name != "silent"}
    return ApplianceView(**known, state=_state(episodes, one.silent), faults=[e.fault for e in episodes])


def _state(episodes: Sequence[FindingView], silent: bool) -> State:
    seen = {SILENT if episode.fault == SILENT else episode.severity for episode in episodes}
    seen |= {SILENT} if silent else set()
    return next((state for state in STATES if state in seen), "ok")


def _by_state(ill: Iterable[ApplianceView], appliances: int) -> dict[State, int]:
    counted = Counter(one.state for one in ill)
    counted["ok"] = appliances - counted.total()
    return {state: counted[state] for state in STATES}


def _texts(item: Mapping[str, Any]) -> dict[str, str]:
    """What an owner reads; a webhook's body is the ticket, which has its own place."""
    return {} if str(item["target"]).startswith("webhook:") else orjson.loads(item["body"])["texts"]


def _vocabulary(
    profiles: Mapping[str, Profile], faults: Mapping[str, FaultEntry], features: Titles
) -> Vocabulary:
    return Vocabulary(
        faults={
            name: FaultView(
                title=entry.title.model_dump(),
                mechanism=entry.mechanism,
                technician_finds=entry.technician_finds,
            )
            for name, entry in faults.items()
        },
        appliance_models={name: profile.title.model_dump() for name, profile in profiles.items()},
        features={name: dict(words) for name, words in features.items()},
    )
