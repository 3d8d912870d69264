"""`foremend gateway`: wires a gateway and runs it. Apart from `wiring.parts`: a gateway loads no engine."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator

from foremend.config import Settings
from foremend.runtimes.anew import start_anew
from foremend.runtimes.kafka.gateway import STALLED_S, Gateway
from foremend.runtimes.kafka.looks import Looks
from foremend.runtimes.kafka.proof import SharedProof, proof_topics
from foremend.runtimes.kafka.topics import check
from foremend.service.health import Health, Probe, serve_health
from foremend.service.metrics import Family, counter, gauge
from foremend.service.pipeline_metrics import quarantined
from foremend.service.session import with_session
from foremend.vocabulary.errors import ConfigError, UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.topics import STATUS_WILDCARD, TELEMETRY_WILDCARD
from ingest.decode import Ingest
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

log = logging.getLogger(__name__)


def run_gateway(settings: Settings, client_id: str | None, unshared: bool, health_port: int | None) -> None:
    """Until SIGINT or SIGTERM; waits for Kafka and MQTT. Raises ConfigError where a topic is wrong.

    After an outage of 40 s Kafka's client drops what it has: then a gateway starts anew, and MQTT delivers it again.
    """
    gateway, source = build_gateway(settings, client_id, unshared)
    try:
        with serve_health(gateway_health(gateway, source), settings.service.host, health_port):
            asyncio.run(_until_signal(gateway, settings))
    except UnavailableError as error:
        start_anew(str(error))


def build_gateway(
    settings: Settings, client_id: str | None, unshared: bool, looks: Looks | None = None
) -> tuple[Gateway, MqttSource]:
    """With the source it takes from. Opens no connection yet. Raises ConfigError where `unshared` has nothing to do."""
    mqtt = mqtt_settings(settings, client_id, unshared)
    source = MqttSource(mqtt)
    proof = None if unshared else SharedProof(mqtt, source)
    ingest = _ingest(settings, keeps_state=unshared)
    return Gateway(source, ingest, settings.kafka, proof, looks), source


def mqtt_settings(settings: Settings, client_id: str | None, unshared: bool) -> MqttSettings:
    """What a gateway subscribes to, in a session of its own.

    Devices that send changes only must always reach the same gateway, so they are never dealt out: gateways that
    share leave them to the one that is `unshared`, which takes nothing else. Raises ConfigError where there are none.
    """
    theirs = set(_ingest(settings, keeps_state=True).subscriptions) - {TELEMETRY_WILDCARD, STATUS_WILDCARD}
    if unshared and not theirs:
        raise ConfigError("--unshared: no decoder under ingest.decoders needs it; start a gateway without it")
    if theirs and not unshared:
        log.warning("%s: run one `foremend gateway --unshared` for these, which never share", sorted(theirs))
    ours = dict.fromkeys((*settings.mqtt.subscribe, *_ingest(settings, keeps_state=False).subscriptions))
    name = client_id or f"{settings.mqtt.client_id}-gateway{'-unshared' if unshared else ''}"
    shared_proof, plain_proof = proof_topics(name)
    dealt = (topic for topic in (*ours, shared_proof) if topic not in theirs)
    shared = (f"$share/{settings.kafka.share}/{topic}" for topic in dealt)
    subscribe = tuple(sorted(theirs)) if unshared else (*shared, plain_proof)
    return settings.mqtt.model_copy(update={"client_id": name, "subscribe": subscribe})


def gateway_health(gateway: Gateway, source: MqttSource) -> Health:
    """Ready while both sides are there; nothing that only a restart mends can befall it and let it live."""
    health = Health(
        ready=(
            Probe("broker", lambda: None if gateway.connected() else "not connected to the MQTT broker"),
            Probe("kafka", lambda: f"took nothing for {STALLED_S:g} s" if gateway.stalled else None),
        ),
        families=lambda: _families(gateway),
    )
    return with_session(health, lambda: source.sessions_forgotten)


def _ingest(settings: Settings, keeps_state: bool) -> Ingest:
    """With the decoders that keep the state of their devices, or with the others."""
    decoders = tuple(one for one in settings.ingest.decoders if one.keeps_state == keeps_state)
    profiles = load_profiles(settings.profiles.folders)
    return Ingest(
        settings.ingest.model_copy(update={"decoders": decoders}),
        {name: profile.signals for name, profile in profiles.items()},
    )


async def _until_signal(gateway: Gateway, settings: Settings) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a line an attempt; the gateway says it once
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await check(settings.kafka)
    await gateway.run(stop)


def _families(gateway: Gateway) -> Iterator[Family]:
    counts = gateway.counts
    yield gauge("broker_connected", "1 while connected to the MQTT broker", gateway.connected())
    yield counter("messages_total", "MQTT messages taken; two of its own at its start", counts.messages)
    yield counter("repeated_messages_total", "MQTT messages that came twice", counts.repeated)
    yield counter("readings_total", "Readings decoded", counts.readings)
    yield counter("gateway_blocks_total", "Blocks made for Kafka", counts.blocks)
    yield counter("gateway_block_bytes_total", "Bytes of these blocks", counts.block_bytes)
    yield counter("gateway_dead_letters_total", "Dead letters made for Kafka", counts.dead_letters)
    yield counter("gateway_stalls_total", "Times Kafka took nothing for 5 s", counts.stalls)
    yield quarantined(gateway.quarantine.by_stage())
    waiting = counts.messages - counts.acknowledged
    yield gauge("gateway_unacknowledged", "MQTT messages taken and not acknowledged", waiting)
