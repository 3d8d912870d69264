"""`foremend gateway`: wires a gateway and runs it. Apart from `wiring.parts`: a gateway loads no engine."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from typing import Literal

from foremend.config import Settings
from foremend.runtimes.anew import StopAsked
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.gateway import STALLED_S, Gateway
from foremend.runtimes.kafka.keeper import Answers, Keeper, keeper_topics
from foremend.runtimes.kafka.looks import Looks
from foremend.runtimes.kafka.proof import SharedProof, proof_topics
from foremend.runtimes.kafka.topics import check
from foremend.service.health import Health, Probe, serve_health
from foremend.service.metrics import Family, counter, gauge
from foremend.service.pipeline_metrics import left_out, quarantined
from foremend.service.session import with_session
from foremend.vocabulary.errors import ConfigError, UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.topics import CANONICAL
from ingest.decode import Ingest
from ingest.decoders import keeps_state as needs_all
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

log = logging.getLogger(__name__)

Role = Literal["shared", "unshared", "keeper"]
"""One of those that share; the one that takes what is never dealt out; the one that stands in for the share."""

QUICK = {"reconnect_first": 100, "reconnect_longest": 500}
"""ms: what Mosquitto is sent between its restart and the first gateway's return it gives to nobody but a keeper."""


def run_gateway(settings: Settings, client_id: str | None, role: Role, health_port: int | None) -> None:
    """Until SIGINT or SIGTERM; waits for Kafka and MQTT. Raises ConfigError where a topic is wrong.

    After an outage of 40 s Kafka's client drops what it has: then a gateway starts anew, and MQTT delivers it again.
    """
    asked = StopAsked()
    gateway, source = build_gateway(settings, client_id, role)
    try:
        with serve_health(gateway_health(gateway, source), settings.service.host, health_port):
            gc.freeze()  # as in `wiring.one_machine`
            asyncio.run(_until_asked(asked, gateway, settings))
    except UnavailableError as error:
        asked.or_anew(error)


def build_gateway(
    settings: Settings, client_id: str | None = None, role: Role = "shared", looks: Looks | None = None
) -> tuple[Gateway, MqttSource]:
    """With the source it takes from. Opens no connection yet. Raises ConfigError where `unshared` has nothing to do.

    A keeper never looks at the clock: that it is heard says nothing of those whose messages it leaves to others.
    """
    mqtt = mqtt_settings(settings, client_id, role)
    source, share = MqttSource(mqtt), settings.kafka.share
    ingest = _ingest(settings, keeps_state=role == "unshared")
    if role == "keeper":
        return Gateway(source, ingest, settings.kafka, share=Keeper(source, share)), source
    looks = looks or Looks(SystemClock())
    if role == "unshared":
        return Gateway(source, ingest, settings.kafka, looks=looks, ask=source.publish), source
    return Gateway(
        source, ingest, settings.kafka, SharedProof(mqtt, source), looks, Answers(source, share)
    ), source


def mqtt_settings(settings: Settings, client_id: str | None = None, role: Role = "shared") -> MqttSettings:
    """What a gateway subscribes to, in a session of its own, and how soon it is back.

    Devices that send changes only must always reach the same gateway, so they are never dealt out: gateways that
    share leave them to the one that is `unshared`, which takes nothing else. Raises ConfigError where there are none.
    """
    name = client_id or f"{settings.mqtt.client_id}-gateway{'' if role == 'shared' else f'-{role}'}"
    quick = {key: value for key, value in QUICK.items() if key not in settings.mqtt.model_fields_set}
    subscribe = tuple(_subscriptions(settings, name, role))
    return settings.mqtt.model_copy(update={"client_id": name, "subscribe": subscribe, **quick})


def _subscriptions(settings: Settings, name: str, role: Role) -> Iterator[str]:
    theirs = set(_ingest(settings, keeps_state=True).subscriptions) - {*CANONICAL}
    if role == "unshared":
        if not theirs:
            raise ConfigError(
                "--unshared: no decoder under ingest.decoders needs it; start a gateway without it"
            )
        yield from sorted(theirs)
        return
    ours = dict.fromkeys((*settings.mqtt.subscribe, *_ingest(settings, keeps_state=False).subscriptions))
    dealt = [topic for topic in ours if topic not in theirs]
    asked, answered = keeper_topics(settings.kafka.share)
    if role == "keeper":
        yield from (*dealt, answered)
        return
    if theirs:
        log.warning("%s: run one `foremend gateway --unshared` for these, which never share", sorted(theirs))
    shared_proof, plain_proof = proof_topics(name)
    yield from (f"$share/{settings.kafka.share}/{topic}" for topic in (*dealt, asked, shared_proof))
    yield plain_proof


def gateway_health(gateway: Gateway, source: MqttSource) -> Health:
    """Ready while both sides are there; nothing that only a restart mends can befall it and let it live."""
    health = Health(
        ready=(
            Probe("broker", lambda: None if gateway.connected() else "not connected to the MQTT broker"),
            Probe("kafka", lambda: f"took nothing for {STALLED_S:g} s" if gateway.stalled else None),
        ),
        families=lambda: _families(gateway),
    )
    return with_session(health, source)


def _ingest(settings: Settings, keeps_state: bool) -> Ingest:
    """With the decoders that keep the state of their devices, or with the others."""
    profiles = load_profiles(settings.profiles.folders)
    signals = {name: profile.signals for name, profile in profiles.items()}
    decoders = tuple(one for one in settings.ingest.decoders if needs_all(one, signals) == keeps_state)
    return Ingest(
        settings.ingest.model_copy(update={"decoders": decoders}),
        signals,
        alone=keeps_state,
    )


async def _until_asked(asked: StopAsked, gateway: Gateway, settings: Settings) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a line an attempt; the gateway says it once
    stop = asyncio.Event()
    with asked.tell(stop):
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
    yield left_out(gateway.left_out())
    waiting = counts.messages - counts.acknowledged
    yield gauge("gateway_unacknowledged", "MQTT messages taken and not acknowledged", waiting)
    if (keeper := gateway.keeper) is not None:
        yield gauge("keeper_standing_in", "1 while the share may not be there", keeper.standing_in)
        yield counter("keeper_messages_total", "MQTT messages given on while it stood in", keeper.kept)
