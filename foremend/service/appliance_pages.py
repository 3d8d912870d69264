"""One appliance over time, and where it stands with its owner: from stored readings and the effects database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from alerts import queries
from foremend.history.thinning import Stretches, Thinner
from foremend.service.appliance_views import (
    AgreedView,
    JudgementView,
    NoTicketView,
    SeriesView,
    SignalView,
    StandingView,
    WhyNot,
)
from foremend.service.views import ApplianceDetail, ApplianceView, FindingView
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile, Signal
from foremend.vocabulary.types import Purpose, Severity

MOST_JUDGEMENTS = 1_000
_DIGITS = 5
_SHORTEST_MS = 1_000
_PATIENCE_S = 2.0
"""Who asks while a chart is read waits so long: a queue of them would keep every thread from all other requests."""
_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_LIVE = frozenset({"open", "acknowledged", "scheduled", "on_the_way"})


@dataclass(frozen=True, slots=True)
class AppliancePages:
    """Of any appliance. From any thread: one chart is read at a time, as a chart is much work for one look.

    `history` is a reader of its own, None where there is none; `unwatched`: of these ids those whom nobody may watch;
    `act_from`: from which severity on a ticket is opened.
    """

    engine: Engine
    history: History | None
    profiles: Mapping[str, Profile]
    clock: Clock
    act_from: Severity = Severity.WARNING
    unwatched: Callable[[Collection[str]], Collection[str]] = lambda ids: ()
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def series(self, appliance: ApplianceView, since: int, until: int, columns: int) -> SeriesView:
        """Readings with since <= time < until (ms UTC), at most `columns` stretches of time, and what was found then.

        Raises UnavailableError while history or the database is away, or other charts are being read.
        """
        width = max(-(-(until - since) // columns), _SHORTEST_MS)
        thin = Thinner(since, width, -(-(until - since) // width))
        name, model = appliance.appliance_id, appliance.appliance_model
        watched = name not in self.unwatched({name})
        if self.history is not None and watched:
            if not self._reading.acquire(timeout=_PATIENCE_S):
                raise UnavailableError("other charts are being read: ask again in a moment")
            try:
                for block in self.history.read(model, since, until, {name}):
                    thin.add(block)
            finally:
                self._reading.release()
        heard = _heard(thin)
        profile = self.profiles.get(model)
        found = queries.findings_between(self.engine, name, since, until, MOST_JUDGEMENTS)
        return SeriesView(
            appliance_id=name,
            appliance_model=model,
            since=since,
            until=until,
            stretch_ms=width,
            readings=thin.readings,
            stored=self.history is not None and watched,
            times=(since + np.flatnonzero(heard) * width).tolist(),
            signals=_signals(thin, heard, profile),
            signal_of=_signal_of(profile),
            judgements=[JudgementView.model_validate(one, from_attributes=True) for one in found],
        )

    def standing(self, detail: ApplianceDetail) -> StandingView:
        """What its owner agreed to, and why its open episodes have no ticket. Raises UnavailableError."""
        name = detail.appliance.appliance_id
        agreed = queries.agreed(self.engine, name, self.clock.now_ms())
        tickets = {one.episode_id: one.status for one in detail.tickets}
        without = [one for one in detail.episodes if tickets.get(one.episode_id) not in _LIVE]
        return StandingView(
            appliance_id=name,
            agreed=None if agreed is None else [AgreedView(**one._asdict()) for one in agreed],
            no_ticket=[self._no_ticket(one, tickets, agreed) for one in without],
        )

    def _no_ticket(
        self, episode: FindingView, tickets: Mapping[str, str], agreed: Sequence[queries.Agreed] | None
    ) -> NoTicketView:
        why, reason = self._why(episode, tickets, agreed)
        return NoTicketView(episode_id=episode.episode_id, fault=episode.fault, why=why, reason=reason)

    def _why(
        self, episode: FindingView, tickets: Mapping[str, str], agreed: Sequence[queries.Agreed] | None
    ) -> tuple[WhyNot, str]:
        if _RANK[Severity(episode.severity)] < _RANK[self.act_from]:
            return "noted", ""
        if agreed is None:
            return "nobody", ""
        refused = next((one for one in agreed if one.purpose is Purpose.TICKET and not one.given), None)
        if refused is not None:
            return "consent", refused.reason
        return ("ended", tickets[episode.episode_id]) if episode.episode_id in tickets else ("next", "")


def _heard(thin: Thinner) -> NDArray[np.bool_]:
    heard = np.zeros(thin.count, np.bool_)
    for one in thin.signals.values():
        heard |= one.known > 0
    return heard


def _signals(thin: Thinner, heard: NDArray[np.bool_], profile: Profile | None) -> list[SignalView]:
    """In the profile's order; what it does not know comes last."""
    known = {} if profile is None else profile.signals
    runs = () if profile is None else profile.cycle_signals
    order = [*(name for name in known if name in thin.signals), *sorted(thin.signals.keys() - known.keys())]
    return [_signal(name, thin.signals[name], heard, known.get(name), name in runs) for name in order]


def _signal(
    name: str, one: Stretches, heard: NDArray[np.bool_], known: Signal | None, runs: bool
) -> SignalView:
    return SignalView(
        name=name,
        unit="" if known is None else known.unit,
        title=None if known is None or known.title is None else known.title.model_dump(),
        kind="gauge" if known is None else known.kind,
        runs=runs,
        low=_numbers(one.low[heard]),
        mean=_numbers(one.mean[heard]),
        high=_numbers(one.high[heard]),
        last=one.last,
        last_at=one.last_at,
    )


def _numbers(column: NDArray[np.float64]) -> list[float | None]:
    """Five significant digits are more than a screen tells apart; NaN becomes null."""
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = _DIGITS - 1 - np.floor(np.log10(np.abs(column)))
    scale = 10.0 ** np.where(np.isfinite(digits), np.clip(digits, -300, 300), 0)
    rounded = np.where(np.isfinite(column), np.round(column * scale) / scale, column).astype(object)
    rounded[~np.isfinite(column)] = None
    found: list[float | None] = rounded.tolist()
    return found


def _signal_of(profile: Profile | None) -> dict[str, str]:
    if profile is None:
        return {}
    features = (*profile.daily_features, *profile.hourly_features)
    return {one.name: one.signal for one in features if one.signal} | {name: name for name in profile.signals}
