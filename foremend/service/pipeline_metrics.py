"""The numbers of a process that has the page: what its pipeline, the database and the fleet count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from foremend.runtimes.status import PipelineStatus
from foremend.service.metrics import Family, counter, gauge, labelled

if TYPE_CHECKING:  # a gateway has neither
    from foremend.service.views import CountsView, FleetView


def quarantined(by_stage: Mapping[str, int]) -> Family:
    """What was set aside because of a mistake of ours, in this process."""
    words = "Messages set aside, and days left out, because of a mistake of Foremend's"
    return Family("counter", "quarantined_total", words, labelled("stage", by_stage))


def left_out(by_kind: Mapping[str, int]) -> Family:
    """What decoding left out of readings that were used, in this process."""
    words = "Signals left out of readings whose others were used, by kind"
    return Family("counter", "left_out_total", words, labelled("kind", by_kind))


def pipeline_families(pipeline: PipelineStatus) -> Iterator[Family]:
    """Of the pipeline in this process."""
    yield gauge("up", "1 while the pipeline runs", pipeline.state == "running")
    yield gauge("broker_connected", "1 while connected to the MQTT broker", pipeline.connected)
    yield counter("messages_total", "MQTT messages taken", pipeline.messages)
    yield counter("readings_total", "Readings decoded", pipeline.readings)
    yield counter("repeated_readings_total", "Readings dropped as repeats", pipeline.repeats)
    yield counter("late_readings_total", "Readings later than the lateness bound", pipeline.late)
    yield counter("newcomers_total", "Appliances heard of for the first time", pipeline.newcomers)
    yield gauge("appliances_resting", "Appliances whose state rests in the store", pipeline.resting)
    yield quarantined(pipeline.quarantined)
    if pipeline.left_out:
        yield left_out(pipeline.left_out)
    behind = pipeline.position - pipeline.committed
    yield gauge("journal_behind", "Messages in the journal that are not acted on yet", behind)
    if pipeline.event_time is not None:
        yield gauge("event_time_seconds", "Newest event time, Unix seconds", pipeline.event_time / 1000)


def database_families(counts: CountsView, oldest_waiting_ms: int | None) -> Iterator[Family]:
    """Of the effects database; where several processes share it, each says the same."""
    yield counter("dead_letters_total", "Messages and readings that could not be used", counts.dead_letters)
    yield counter("findings_total", "Findings made by rules", counts.findings)
    yield gauge("episodes_open", "Episodes open now", counts.episodes_open)
    yield counter("tickets_opened_total", "Tickets opened", counts.tickets_opened)
    yield gauge("tickets_open", "Tickets open now", counts.tickets_open)
    yield counter("webhooks_delivered_total", "Webhook messages delivered", counts.webhooks_delivered)
    yield counter("notifications_sent_total", "SMS and push messages sent", counts.notifications_sent)
    yield gauge("outbox_waiting", "Messages waiting to be sent", counts.messages_waiting)
    yield gauge("outbox_dead", "Messages given up", counts.messages_dead)
    if oldest_waiting_ms is not None:
        since = oldest_waiting_ms / 1000
        yield gauge(
            "outbox_oldest_waiting_seconds",
            "When the oldest waiting message was written, Unix seconds",
            since,
        )
    held_back = labelled("purpose", counts.held_back)
    yield Family("counter", "held_back_total", "Acts that consent held back", held_back)


def fleet_families(fleet: FleetView, never_heard: int) -> Iterator[Family]:
    """Of the whole fleet, of which only the counts are used, and of those registered that are not in it."""
    states = labelled("state", fleet.by_state)
    yield Family("gauge", "appliances_by_state", "Appliances by state", states)
    models = labelled("appliance_model", fleet.by_model)
    yield Family("gauge", "appliances", "Appliances heard of, by appliance model", models)
    yield gauge("appliances_never_heard", "Appliances registered of which nothing ever came", never_heard)


def stream_families(heard_ago_ms: Mapping[str, int]) -> Iterator[Family]:
    """Of the streams that workers share, one a partition."""
    ages = labelled("stream", {stream: age / 1000 for stream, age in heard_ago_ms.items()})
    yield Family("gauge", "stream_silent_seconds", "Since the stream's worker last said how far it is", ages)
