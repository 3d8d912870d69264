"""Webhook endpoints as who runs them sees them: how each is, what went there, a test, and sending it once more."""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, select, update

from alerts.change import Change, change
from alerts.channels import Message
from alerts.database import reading
from alerts.outbox import cloud_event
from alerts.queries.paging import columns
from alerts.queue import Queue
from alerts.reads import EVERYBODY, note_read
from alerts.settings import AlertsSettings, WebhookEndpoint
from alerts.storable import json_text
from alerts.tables import DisabledTargetRow, OutboxRow, OutboxState
from alerts.webhook import WebhookChannel
from alerts.webhook_secret import secret_of, signers
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.ports import Clock

TEST = "foremend.test"
"""The event type of a test; no receiver has to do anything about it."""
MOST = 1_000
"""Deliveries of one page, and messages of one transaction."""
_SHOWN = (
    "id", "message_id", "event_type", "appliance_id", "state", "attempts", "created_at", "sent_at",
    "replayed_at", "due_at", "error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Messages written from `since` on and before `until`, ms UTC by the clock; None has no bound."""

    since: int | None = None
    until: int | None = None

    def holds(self) -> list[ColumnElement[bool]]:
        """As conditions on the outbox."""
        bounds = []
        if self.since is not None:
            bounds.append(OutboxRow.created_at >= self.since)
        if self.until is not None:
            bounds.append(OutboxRow.created_at < self.until)
        return bounds


EVER = Span()


class Endpoints:
    """The endpoints of the settings, on the effects database; beside whatever sends."""

    def __init__(self, engine: Engine, settings: AlertsSettings, clock: Clock) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._endpoints = {one.name: one for one in settings.webhooks}

    def every(self, environ: Mapping[str, str]) -> list[dict[str, Any]]:
        """Each endpoint: where it is, how many keys sign, whether it is disabled, and its messages by state."""
        targets = [target_of(name) for name in self._endpoints]
        counted = (
            select(OutboxRow.target, OutboxRow.state, func.count())
            .where(OutboxRow.target.in_(targets))
            .group_by(OutboxRow.target, OutboxRow.state)
        )
        numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        with reading(self._engine) as session:
            disabled = {row.target: row for row in session.scalars(select(DisabledTargetRow))}
            for target, state, number in session.execute(counted):
                numbers[target][state.value] = number
        return [
            _shown(one, disabled.get(target), numbers[target], environ)
            for target, one in zip(targets, self._endpoints.values(), strict=True)
        ]

    def deliveries(
        self, name: str, by: str, span: Span = EVER, state: OutboxState | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """What was written for an endpoint, the newest first, without the body; that `by` read it stands in the log.

        Raises InputError for no endpoint.
        """
        target = self._target(name)
        query = select(OutboxRow).where(OutboxRow.target == target, *span.holds())
        if state is not None:
            query = query.where(OutboxRow.state == state)
        query = query.order_by(OutboxRow.created_at.desc(), OutboxRow.seq.desc()).limit(min(limit, MOST))
        with reading(self._engine) as session:
            found = [{key: columns(row)[key] for key in _SHOWN} for row in session.scalars(query)]
        if found:
            note_read(self._engine, self._clock, "message", EVERYBODY, by)
        return found

    def replay(self, name: str, ids: Collection[str], by: str, *, delivered: bool = False) -> int:
        """Send these once more, by the `id` or the `message_id` of a delivery; answers how many those were.

        Given-up ones; with `delivered` those that arrived, too. Each goes out with the `webhook-id` that it had, and
        consent is asked again when it does. Raises InputError where one is none of these: nothing is sent then.
        """
        target = self._target(name)
        known = OutboxRow.id.in_(ids) | OutboxRow.message_id.in_(ids)
        with change(self._engine, self._clock) as work:
            chosen = select(OutboxRow).where(OutboxRow.target == target, known, _through(delivered))
            rows = work.session.scalars(chosen.with_for_update()).all()
            found = {one for row in rows for one in (row.id, row.message_id)}
            if missing := sorted(set(ids) - found):
                raise InputError(_none_such(name, missing, delivered))
            self._again(work, target, [row.seq for row in rows], by)
        return len(rows)

    def replay_span(self, name: str, span: Span, by: str, *, delivered: bool = False) -> int:
        """As `replay`, everything of a span of time, oldest first; a kill in the midst leaves the rest as it was."""
        target, after, count = self._target(name), -1, 0
        while True:
            with change(self._engine, self._clock) as work:
                query = (
                    select(OutboxRow.seq)
                    .where(OutboxRow.target == target, OutboxRow.seq > after)
                    .where(_through(delivered), *span.holds())
                    .order_by(OutboxRow.seq)
                    .limit(MOST)
                    .with_for_update()
                )
                seqs = work.session.scalars(query).all()
                self._again(work, target, seqs, by)
            if not seqs:
                return count
            after, count = seqs[-1], count + len(seqs)

    def enable(self, name: str) -> dict[str, Any]:
        """Use an endpoint again that answered 410: why and when it was disabled. Raises InputError when it is not."""
        target = self._target(name)
        with reading(self._engine) as session:
            row = session.get(DisabledTargetRow, target)
            was = {} if row is None else {"disabled_at": row.at, "reason": row.reason}
        Queue(self._engine, self._clock).enable(target)
        return {"endpoint": name} | was

    def test(self, name: str, environ: Mapping[str, str]) -> dict[str, Any]:
        """Send one signed event now, past the outbox, also to an endpoint that is disabled; nothing of it is kept.

        Raises UnavailableError and RefusedError with what was answered, ConfigError for a secret that is none.
        """
        self._target(name)
        endpoint, now = self._endpoints[name], self._clock.now_ms()
        event = cloud_event(
            f"ev_test_{secrets.token_hex(8)}",
            self._settings.event_source,
            TEST,
            name,
            now,
            {"endpoint": name},
        )
        with _opened(endpoint, environ, self._clock) as channel:
            channel.send(Message(event["id"], TEST, json_text(event), at=now))
        return {
            "endpoint": name,
            "webhook_id": event["id"],
            "taken_after_ms": self._clock.now_ms() - now,
            "signatures": len(signers(endpoint, secret_of(endpoint, environ))),
        }

    def _target(self, name: str) -> str:
        if name not in self._endpoints:
            there = ", ".join(self._endpoints) or "none"
            raise InputError(f"there is no webhook {name!r} under alerts.webhooks; there are: {there}")
        return target_of(name)

    def _again(self, work: Change, target: str, seqs: Collection[int], by: str) -> None:
        if not seqs:
            return
        anew = {"state": OutboxState.PENDING, "due_at": work.at, "replayed_at": work.at, "attempts": 0}
        chosen = update(OutboxRow).where(OutboxRow.seq.in_(seqs))
        work.session.execute(chosen.values(anew | {"sent_at": None, "error": "", "leaving_until": None}))
        work.note("messages.replayed", target, count=len(seqs), by=by)


def target_of(name: str) -> str:
    """What the outbox calls an endpoint."""
    return f"webhook:{name}"


def _through(delivered: bool) -> ColumnElement[bool]:
    states = (OutboxState.DEAD, OutboxState.SENT) if delivered else (OutboxState.DEAD,)
    return OutboxRow.state.in_(states)


def _none_such(name: str, missing: list[str], delivered: bool) -> str:
    kind = "given up or delivered" if delivered else "given up (of what was delivered: --delivered)"
    return f"{', '.join(missing)}: no message to {name!r} that was {kind}; nothing is sent again"


@contextmanager
def _opened(endpoint: WebhookEndpoint, environ: Mapping[str, str], clock: Clock) -> Iterator[WebhookChannel]:
    channel = WebhookChannel(endpoint, secret_of(endpoint, environ), clock)
    try:
        yield channel
    finally:
        channel.close()


def _shown(
    one: WebhookEndpoint,
    disabled: DisabledTargetRow | None,
    numbers: Mapping[str, int],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """The URL without its path: that of many a service is a secret."""
    scheme, _, rest = one.url.partition("://")
    host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    return {
        "name": one.name,
        "host": f"{scheme}://{host}",
        "events": list(one.events),
        "keys": _keys(one, environ),
        "disabled_at": None if disabled is None else disabled.at,
        "disabled_reason": None if disabled is None else disabled.reason,
        "messages": {state.value: numbers.get(state.value, 0) for state in OutboxState},
    }


def _keys(one: WebhookEndpoint, environ: Mapping[str, str]) -> int | None:
    """How many sign; None where this process cannot see the secret."""
    try:
        return len(signers(one, secret_of(one, environ)))
    except ConfigError:
        return None
