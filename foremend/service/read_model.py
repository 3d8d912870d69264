"""Everything the API and the page show, read from the effects database and the running pipeline."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from time import monotonic
from typing import Any, get_args

import orjson
from sqlalchemy import Engine

from alerts import queries
from alerts.database import database_version
from alerts.shared_status import Wanted
from alerts.wording import Titles, iso
from foremend.learning.progress import Training
from foremend.runtimes.status import ApplianceStatus, Standing, standing
from foremend.service.differential import Differentials
from foremend.service.fleet_list import FleetList
from foremend.service.health import Health, Probe
from foremend.service.lately import Lately
from foremend.service.metrics import Family
from foremend.service.open_episodes import OpenEpisodes
from foremend.service.pipeline import ShownPipeline
from foremend.service.pipeline_metrics import database_families, fleet_families
from foremend.service.states import state_of
from foremend.service.together import joined
from foremend.service.unheard import Unheard
from foremend.service.views import (
    STATES,
    ApplianceDetail,
    ApplianceView,
    CohortView,
    CountsView,
    DeadLetterGroupView,
    DeadLetterView,
    DeliveryView,
    FaultView,
    FindingView,
    FleetView,
    HeldBackView,
    LaneView,
    MessageView,
    Page,
    Part,
    PipelineDetail,
    PipelineView,
    State,
    StoryView,
    Summary,
    TicketView,
    TrainingView,
    VersionsView,
    Vocabulary,
    WithheldCount,
    WithheldCounts,
    WithheldView,
)
from foremend.vocabulary.catalogue import FaultEntry, part_titles
from foremend.vocabulary.ids import EVERYBODY
from foremend.vocabulary.profiles import Profile

_STANDINGS: Mapping[State, Standing] = {one: one for one in get_args(Standing)}
_REMEMBER_S = 60.0
_MOST_GROUPS = 200
_LONGEST_TOPIC = 200


class ReadModel:
    """Read-only; every method raises UnavailableError while the database is away."""

    def __init__(
        self,
        engine: Engine,
        pipeline: ShownPipeline,
        profiles: Mapping[str, Profile],
        faults: Mapping[str, FaultEntry],
        feature_titles: Titles,
        training: Callable[[], Sequence[Training]] = tuple,
        story: Path | None = None,
        unwatched: Callable[[Collection[str]], Collection[str]] = lambda ids: (),
    ) -> None:
        """`training`: how far each model is that is being trained; `story`: a file as the demo writes it.

        `unwatched`: of these ids those whom nobody may watch: the page has no words on them.
        """
        self._unwatched = unwatched
        self._training, self._story_file = training, story
        self._engine = engine
        self._pipeline = pipeline
        self._unheard = Unheard(engine, pipeline, unwatched)
        self.fleet_list = FleetList(engine, pipeline, lambda: self.episodes().each, self._unheard)
        self._ill_lately = Lately(self._look_for_ill, len)
        self._summary_lately = Lately(self._summary, lambda one: one.appliances, longest_s=1.0)
        self._remembered: tuple[int | None, float, OpenEpisodes] = (None, 0.0, OpenEpisodes.of(()))
        self._vocabulary = _vocabulary(profiles, faults, feature_titles)
        self.categories = {name: profile.category for name, profile in profiles.items()}
        """Of every appliance model."""
        self.differentials = Differentials.of(engine, profiles, faults)

    def summary(self) -> Summary:
        """The page's first look: counters and how many appliances are in which state."""
        return self._summary_lately.seen()

    def _summary(self) -> Summary:
        ill = self._ill()
        appliances = sum(self._pipeline.by_model().values())
        return Summary(
            pipeline=PipelineView(**asdict(self._pipeline.status())),
            counts=self._counts(),
            appliances=appliances,
            by_state=self._by_state(ill),
            never_heard=self._unheard.count(),
            days_missing=self._pipeline.known().longest,
            training=[TrainingView(**asdict(one)) for one in self._training()],
            story=self._story(),
        )

    def fleet(
        self, limit: int, offset: int, state: State | None = None, appliance_model: str | None = None
    ) -> FleetView:
        """Appliances in the order of how urgent they are, then by id."""
        ill = self._ill()
        by_model = self._pipeline.by_model()
        of_model = [one for one in ill if appliance_model in (None, one.appliance_model)]
        asked = [one for one in of_model if state in (None, one.state)]
        unfound = self._others(of_model, appliance_model)
        others = sum(unfound.values()) if state is None else unfound.get(state, 0)
        items = asked[offset : offset + limit]
        if others and len(items) < limit:
            without = {one.appliance_id for one in of_model}
            skip = max(offset - len(asked), 0)
            which = Wanted(appliance_model, None if state is None else _STANDINGS[state])
            items += [
                _appliance(one, ()) for one in self._pipeline.page(which, without, skip, limit - len(items))
            ]
        return FleetView(
            items=items,
            total=len(asked) + others,
            by_state=self._by_state(ill),
            by_model=dict(sorted(by_model.items())),
        )

    def some_of_fleet(
        self,
        ids: Collection[str],
        limit: int,
        offset: int,
        state: State | None = None,
        appliance_model: str | None = None,
    ) -> FleetView:
        """As `fleet`, of `ids` alone, which are few."""
        found = [_appliance(one, self._open_episodes(one.appliance_id)) for one in self._pipeline.some(ids)]
        found.sort(key=lambda one: (STATES.index(one.state), one.appliance_id))
        asked = [
            one
            for one in found
            if state in (None, one.state) and appliance_model in (None, one.appliance_model)
        ]
        return FleetView(
            items=asked[offset : offset + limit],
            total=len(asked),
            by_state=_in_order(Counter(one.state for one in found)),
            by_model=dict(sorted(Counter(one.appliance_model for one in found).items())),
        )

    def owned_by(self, owner_id: str) -> frozenset[str]:
        """The ids of an owner's appliances."""
        return queries.owned_by(self._engine, owner_id)

    def works_on(self, technician: str, appliance_id: str) -> bool:
        """Whether an open ticket of an appliance is a technician's."""
        return queries.works_on(self._engine, technician, appliance_id)

    def cohorts(self) -> list[CohortView]:
        """Episodes by appliance model and fault."""
        return [CohortView(**one._asdict()) for one in queries.cohorts(self._engine)]

    def appliance(self, appliance_id: str) -> ApplianceDetail | None:
        """One appliance with its open episodes, newest findings and tickets; None for one never heard of."""
        episodes = self._open_episodes(appliance_id)
        found = self._pipeline.some({appliance_id})
        if not found:
            return None
        return ApplianceDetail(
            appliance=_appliance(found[0], episodes),
            episodes=episodes,
            findings=self.findings(20, 0, appliance_id).items,
            tickets=self.tickets(20, 0, appliance_id).items,
        )

    def episodes(self) -> OpenEpisodes:
        """Open episodes; a silence of many is one.

        Asked for with every look at the page, so it is remembered while no finding is added, for a minute at most
        (an erasure changes findings without adding one).
        """
        episodes = self._all_episodes()
        gone = self._left_alone(episodes.each)
        if not gone:
            return episodes
        return OpenEpisodes.of([one for one in episodes.each if one.appliance_id not in gone])

    def _all_episodes(self) -> OpenEpisodes:
        findings = queries.finding_count(self._engine)
        known, until, episodes = self._remembered
        if findings != known or monotonic() > until:
            episodes = OpenEpisodes.of(joined(self._open_episodes()))
            self._remembered = (findings, monotonic() + _REMEMBER_S, episodes)
        return episodes

    def _left_alone(self, episodes: Sequence[FindingView]) -> frozenset[str]:
        """Those whom nobody may watch."""
        return frozenset(self._unwatched({one.appliance_id for one in episodes} - {EVERYBODY}))

    def _open_episodes(self, appliance_id: str | None = None) -> list[FindingView]:
        return [FindingView(**item) for item in queries.open_episodes(self._engine, appliance_id)]

    def findings(
        self,
        limit: int,
        offset: int,
        appliance_id: str | None = None,
        appliances: Collection[str] | None = None,
    ) -> Page[FindingView]:
        """Verdicts by event time, newest first; of `appliances` alone where they are given."""
        page = queries.findings(self._engine, limit, offset, appliance_id, appliances)
        return Page(items=[FindingView(**item) for item in page.items], total=page.total)

    def tickets(
        self,
        limit: int,
        offset: int,
        appliance_id: str | None = None,
        appliances: Collection[str] | None = None,
        assigned_to: str | None = None,
        status: str | None = None,
    ) -> Page[TicketView]:
        """Tickets, newest first, each with how far its messages are; narrowed as `alerts.queries.tickets` has it."""
        page = queries.tickets(self._engine, limit, offset, appliance_id, appliances, assigned_to, status)
        sent = self._deliveries([item["episode_id"] for item in page.items])
        items = [TicketView(**item, deliveries=sent[item["episode_id"]]) for item in page.items]
        return Page(items=items, total=page.total)

    def some_findings(
        self, chosen: queries.FindingFilter, sort: str, limit: int, cursor: str | None
    ) -> Part[FindingView]:
        """Findings behind `cursor`. Raises InputError for a cursor that is none."""
        return _findings(queries.some_findings(self._engine, chosen, sort, limit, cursor))

    def some_open_episodes(
        self, chosen: queries.FindingFilter, limit: int, cursor: str | None
    ) -> Part[FindingView]:
        """Open episodes behind `cursor`, each by its newest finding. Raises InputError for a cursor that is none."""
        return _findings(queries.some_open_episodes(self._engine, chosen, limit, cursor))

    def some_tickets(
        self, chosen: queries.TicketFilter, sort: str, limit: int, cursor: str | None
    ) -> Part[TicketView]:
        """Tickets behind `cursor`. Raises InputError for a cursor that is none."""
        found = queries.some_tickets(self._engine, chosen, sort, limit, cursor)
        return Part(items=[TicketView(**item) for item in found.items], next_cursor=found.next_cursor)

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

    def some_held_back(
        self, chosen: queries.HeldBackFilter, limit: int, cursor: str | None
    ) -> Part[WithheldView]:
        """What was held back behind `cursor`. Raises InputError for a cursor that is none."""
        found = queries.some_held_back(self._engine, chosen, limit, cursor)
        return Part(items=[WithheldView(**item) for item in found.items], next_cursor=found.next_cursor)

    def held_back_counts(self, since: int) -> WithheldCounts:
        """What never left since a moment (ms UTC, wall clock), and what waits now, by cause and purpose."""

        def shown(found: Sequence[queries.HeldBackCount]) -> list[WithheldCount]:
            return [WithheldCount(**asdict(one)) for one in found]

        return WithheldCounts(
            since=iso(since),
            never_left=shown(queries.held_back_since(self._engine, since)),
            waits=shown(queries.held_back_now(self._engine)),
        )

    def outbox(self, limit: int, offset: int, state: str | None = None) -> Page[MessageView]:
        """Messages, newest first. Raises InputError for a state that does not exist."""
        page = queries.outbox(self._engine, limit, offset, state)
        return Page(items=[MessageView(**item, texts=_texts(item)) for item in page.items], total=page.total)

    def dead_letters(self, limit: int, offset: int) -> Page[DeadLetterView]:
        """Messages that could not be used, newest first."""
        page = queries.dead_letters(self._engine, limit, offset)
        return Page(items=[DeadLetterView(**item) for item in page.items], total=page.total)

    def pipeline_detail(self, checks: Mapping[str, str]) -> PipelineDetail:
        """The line from end to end; `checks` are those of the process."""
        status = self._pipeline.status()
        silent = {name: ago / 1000 for name, ago in self._pipeline.heard_ago_ms().items()}
        return PipelineDetail(
            pipeline=PipelineView(**asdict(status)),
            quarantined=dict(status.quarantined),
            left_out=dict(status.left_out),
            streams=silent,
            checks=dict(checks),
            lanes=[LaneView(**asdict(one)) for one in queries.lanes(self._engine)],
            versions=VersionsView(
                foremend=version("foremend"), python=python_version(), database=database_version(self._engine)
            ),
        )

    def dead_letter_groups(self, since: int) -> list[DeadLetterGroupView]:
        """By kind of reason and topic, with letters since a moment (ms UTC, wall clock), the newest first."""
        found = queries.dead_letter_groups(self._engine, since)[:_MOST_GROUPS]
        short = [asdict(one) | {"topic": one.topic[:_LONGEST_TOPIC]} for one in found]
        return [DeadLetterGroupView(**one) for one in short]

    def earlier(self, ticket_id: str) -> list[dict[str, Any]]:
        """What became of the tickets of the same appliance that ended, the newest first."""
        return queries.earlier(self._engine, ticket_id)

    def evidence_chart(self, ticket_id: str, language: str) -> str | None:
        """The first number behind a ticket over its episode as an SVG; None where nothing was measured."""
        return queries.evidence_chart(self._engine, ticket_id, language, self._vocabulary.features)

    def vocabulary(self) -> Vocabulary:
        """Words for faults, appliance models, features and parts, by language."""
        return self._vocabulary

    def health(self) -> Health:
        """The database answers, and what of the pipeline must be well is."""
        return Health((*self._pipeline.probes(), Probe("database", self._database)), self._families)

    def _database(self) -> str | None:
        queries.disabled_targets(self._engine)  # raises UnavailableError while it is away
        return None

    def _families(self) -> Iterator[Family]:
        yield from self._pipeline.families()
        yield from database_families(self._counts(), queries.oldest_waiting(self._engine))
        yield from fleet_families(self.fleet(1, 0), self._unheard.count())

    def _story(self) -> StoryView | None:
        if self._story_file is None or not self._story_file.exists():
            return None
        return StoryView.model_validate_json(self._story_file.read_bytes())

    def _counts(self) -> CountsView:
        messages = queries.outbox(self._engine, limit=1).total
        episodes, now = self.episodes(), self._pipeline.status().event_time
        return CountsView(
            **asdict(queries.counts(self._engine)),
            episodes_open=len(episodes.each),
            episodes_critical=episodes.critical,
            episodes_foreseen=episodes.foreseen,
            episodes_new=0 if now is None else episodes.new(now),
            messages=messages,
        )

    def _ill(self) -> Sequence[ApplianceView]:
        """As they were lately; an owner's no is heard at once."""
        return self._ill_lately.seen(self._left_alone(self._all_episodes().each))

    def _look_for_ill(self) -> list[ApplianceView]:
        """Appliances with open episodes, and those that say nothing; the most urgent first."""
        by_appliance: defaultdict[str, list[FindingView]] = defaultdict(list)
        for episode in self.episodes().each:
            by_appliance[episode.appliance_id].append(episode)
        found = self._pipeline.some_and_silent(by_appliance)
        ill = [_appliance(one, by_appliance.get(one.appliance_id, ())) for one in found]
        return sorted(ill, key=lambda one: (STATES.index(one.state), one.appliance_id))

    def _by_state(self, ill: Sequence[ApplianceView]) -> dict[State, int]:
        found = Counter(one.state for one in ill)
        return _in_order(found + self._others(ill))

    def _others(self, ill: Sequence[ApplianceView], appliance_model: str | None = None) -> Counter[State]:
        """How those stand that are not among `ill`, which are all of the model, or of all."""
        others: Counter[State] = Counter()
        for model, known in self._pipeline.known().by_model.items():
            if appliance_model in (None, model):
                others.update(known)
        others.subtract(standing(one.days_missing) for one in ill if not one.silent)
        return +others  # counts may be older than `ill`

    def _deliveries(self, episode_ids: Sequence[str]) -> dict[str, list[DeliveryView]]:
        found = queries.deliveries(self._engine, episode_ids)
        return {one: [DeliveryView(**item) for item in found[one]] for one in episode_ids}


def _findings(found: queries.Part) -> Part[FindingView]:
    return Part(items=[FindingView(**item) for item in found.items], next_cursor=found.next_cursor)


def _appliance(one: ApplianceStatus, episodes: Sequence[FindingView]) -> ApplianceView:
    known = {
        name: getattr(one, name)
        for name in (
            "appliance_id", "appliance_model", "category", "last_seen", "silent", "days_missing", "firmware",
        )
    }  # fmt: skip
    return ApplianceView(**known, state=state_of(episodes, one), faults=[e.fault for e in episodes])


def _in_order(counted: Mapping[State, int]) -> dict[State, int]:
    return {state: counted.get(state, 0) for state in STATES}


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
                mechanism=entry.mechanism.model_dump(),
                technician_finds=entry.technician_finds.model_dump(),
                picture=entry.picture,
            )
            for name, entry in faults.items()
        },
        appliance_models={name: profile.title.model_dump() for name, profile in profiles.items()},
        features={name: dict(words) for name, words in features.items()},
        parts=part_titles(),
    )
