"""The outbox: messages are written in the transaction of the act they tell of, and sent later by the dispatcher."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import update

from alerts.change import Change
from alerts.owner_channels import OWNER_CHANNELS, set_up
from alerts.settings import AlertsSettings
from alerts.storable import json_text
from alerts.tables import OutboxRow, OutboxState
from alerts.wording import iso
from alerts.words.composing import Said, Stage
from foremend.vocabulary.types import Purpose, deterministic_id

WARNING = "foremend.warning"
"""The type of a message of a finding to an owner."""
WELLBEING = "foremend.wellbeing"
"""The type of a message to a trusted contact: nobody but the dispatcher reads it, and no list shows it."""


def drop_to_contacts(work: Change, appliance_ids: Collection[str]) -> None:
    """What waits for trusted contacts about these appliances does not leave; as many as one statement takes."""
    waiting = (
        OutboxRow.appliance_id.in_(appliance_ids),
        OutboxRow.event_type == WELLBEING,
        OutboxRow.state == OutboxState.PENDING,
    )
    work.session.execute(update(OutboxRow).where(*waiting).values(state=OutboxState.SUPERSEDED))


def warning_id(episode_id: str, stage: Stage) -> str:
    """One message an episode and stage, however often it is found and however severe it becomes meanwhile."""
    return deterministic_id("nt", episode_id, stage)


@dataclass(frozen=True, slots=True)
class Event:
    """A fact for the webhook receivers. `purpose` is the consent it needs when it is sent; None needs none.

    `tells_of` is the purpose of the consent that it tells of, which not every receiver may know.
    """

    id: str
    type: str
    subject: str
    time: int
    data: Mapping[str, Any]
    purpose: Purpose | None
    appliance_id: str
    ordering: str
    episode_id: str | None = None
    tells_of: Purpose | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to an owner: `texts` by language; `advice` by language, for a channel with room.

    Of a finding `said` is what the texts are made of, once more when it leaves, with the appliance's own name.
    """

    id: str
    appliance_id: str
    episode_id: str | None
    texts: Mapping[str, str]
    advice: Mapping[str, Sequence[str]]
    said: Said | None = None
    event_type: str = WARNING
    harm: bool = False  # is under way: may come in the quiet hours where the owner agreed to that
    ending: Mapping[str, str] | None = None
    """Of a consent that ends: its `purpose` and the `day`."""


class Outbox:
    """Knows who is told of what, and writes the rows; it opens no connection of its own."""

    def __init__(self, settings: AlertsSettings) -> None:
        self._source = settings.event_source
        self._endpoints = settings.webhooks
        self._channels = {name: OWNER_CHANNELS[name].purpose for name in set_up(settings)}

    def put(self, work: Change, event: Event) -> None:
        """One row for each endpoint that takes this type of event and may know it; a repeat changes nothing."""
        to = [one for one in self._endpoints if one.takes(event.type, event.tells_of)]
        targets = [f"webhook:{one.name}" for one in to]
        said = cloud_event(event.id, self._source, event.type, event.subject, event.time, event.data)
        body = json_text(said)
        rows = [
            _row(work, event.id, target, event.type, event.purpose, event.appliance_id, event.ordering, body)
            | {"episode_id": event.episode_id}
            for target in targets
        ]
        work.messages.extend(rows)

    def notify(self, work: Change, message: Notification) -> None:
        """One row for each channel that is set up; whether it may leave is asked when it is sent."""
        said = None if message.said is None else asdict(message.said)
        body = json_text(
            {
                "texts": message.texts,
                "advice": message.advice,
                "harm": message.harm,
                "said": said,
                "ending": message.ending,
            }
        )
        rows = [
            _row(work, message.id, name, message.event_type, purpose, message.appliance_id, message.id, body)
            | {"episode_id": message.episode_id}
            for name, purpose in self._channels.items()
        ]
        work.messages.extend(rows)

    def to_contact(self, work: Change, message_id: str, channel: str, appliance_id: str, sealed: str) -> None:
        """A message to a trusted contact; a repeat changes nothing. `sealed` is what it says."""
        purpose = Purpose.WELLBEING
        row = _row(work, message_id, channel, WELLBEING, purpose, appliance_id, message_id, sealed)
        work.messages.append(row | {"episode_id": None})

    def supersede(self, work: Change, episode_id: str) -> None:
        """The episode ended: a warning that did not leave yet would only alarm."""
        waiting = (
            OutboxRow.episode_id == episode_id,
            OutboxRow.state == OutboxState.PENDING,
            OutboxRow.target.in_(self._channels),
        )
        work.session.execute(update(OutboxRow).where(*waiting).values(state=OutboxState.SUPERSEDED))
        for row in work.messages:
            if row["episode_id"] == episode_id and row["target"] in self._channels:
                row["state"] = OutboxState.SUPERSEDED


def _row(
    work: Change,
    message_id: str,
    target: str,
    event_type: str,
    purpose: Purpose | None,
    appliance_id: str,
    ordering: str,
    body: str,
) -> dict[str, Any]:
    return {
        "id": deterministic_id("ob", message_id, target),
        "message_id": message_id,
        "target": target,
        "event_type": event_type,
        "purpose": purpose,
        "appliance_id": appliance_id,
        "ordering": ordering,
        "body": body,
        "state": OutboxState.PENDING,
        "attempts": 0,
        "due_at": work.at,
        "created_at": work.at,
        "error": "",
    }


def cloud_event(
    event_id: str, source: str, event_type: str, subject: str, time: int, data: Mapping[str, Any]
) -> dict[str, Any]:
    """CloudEvents 1.0 in JSON, structured mode; `time` is ms UTC."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event_type,
        "subject": subject,
        "time": iso(time),
        "datacontenttype": "application/json",
        "data": data,
    }
