"""/metrics in the Prometheus text format. No appliance ids in labels: a fleet would make a series each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from foremend.service.views import FleetView, Summary

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


def render(summary: Summary, fleet: FleetView, event_time_ms: int | None) -> str:
    """All metrics; `fleet` for its counts only."""
    return "".join(_families(summary, fleet, event_time_ms))


def _families(summary: Summary, fleet: FleetView, event_time_ms: int | None) -> Iterator[str]:
    pipeline, counts = summary.pipeline, summary.counts
    yield _one("gauge", "up", "1 while the pipeline runs", pipeline.state == "running")
    yield _one("gauge", "broker_connected", "1 while connected to the MQTT broker", pipeline.connected)
    yield _one("counter", "messages_total", "MQTT messages taken", pipeline.messages)
    yield _one("counter", "readings_total", "Readings decoded", pipeline.readings)
    yield _one("counter", "repeated_readings_total", "Readings dropped as repeats", pipeline.repeats)
    yield _one("counter", "late_readings_total", "Readings later than the lateness bound", pipeline.late)
    yield _one(
        "counter", "dead_letters_total", "Messages and readings that could not be used", counts.dead_letters
    )
    yield _one("counter", "findings_total", "Findings made by rules", counts.findings)
    yield _one("gauge", "episodes_open", "Episodes open now", counts.episodes_open)
    yield _one("counter", "tickets_opened_total", "Tickets opened", counts.tickets_opened)
    yield _one("gauge", "tickets_open", "Tickets open now", counts.tickets_open)
    yield _one("counter", "webhooks_delivered_total", "Webhook messages delivered", counts.webhooks_delivered)
    yield _one("counter", "notifications_sent_total", "SMS and push messages sent", counts.notifications_sent)
    yield _one("gauge", "outbox_waiting", "Messages waiting to be sent", counts.messages_waiting)
    yield _one("gauge", "outbox_dead", "Messages given up", counts.messages_dead)
    behind = pipeline.position - pipeline.committed
    yield _one("gauge", "journal_behind", "Messages in the journal that are not acted on yet", behind)
    if event_time_ms is not None:
        yield _one("gauge", "event_time_seconds", "Newest event time, Unix seconds", event_time_ms / 1000)
    held_back = [({"purpose": purpose}, float(n)) for purpose, n in sorted(counts.held_back.items())]
    yield _family("counter", "held_back_total", "Acts that consent held back", held_back)
    states = [({"state": state}, float(n)) for state, n in fleet.by_state.items()]
    yield _family("gauge", "appliances_by_state", "Appliances by state", states)
    models = [({"appliance_model": model}, float(n)) for model, n in fleet.by_model.items()]
    yield _family("gauge", "appliances", "Appliances heard of, by appliance model", models)


def _one(kind: str, name: str, words: str, value: float) -> str:
    return _family(kind, name, words, [({}, float(value))])


def _family(kind: str, name: str, words: str, samples: Sequence[Sample]) -> str:
    lines = [f"# HELP foremend_{name} {words}.", f"# TYPE foremend_{name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(
            f"foremend_{name}{{{inside}}} {value:.15g}" if inside else f"foremend_{name} {value:.15g}"
        )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
