"""Listening to everything on a broker for a while, as a guest: nothing is published, no session is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion

from foremend.vocabulary.errors import RefusedError, UnavailableError
from ingest.discovery.heard import MOST_PAYLOAD, Heard
from ingest.mqtt.guest import Guest, NamesakeError, guest, require_names
from ingest.mqtt.settings import MqttSettings

Progress = Callable[[float, Heard], None]
"""Hears how many seconds have passed, and what was heard so far."""

EVERYTHING = ("#",)
_STEP_S = 0.25


def listen(settings: MqttSettings, seconds: float, progress: Progress = lambda passed, heard: None) -> Heard:
    """What comes within so many seconds. A broker that speaks MQTT 5 is told to keep larger packets for itself.

    Raises UnavailableError where no broker is there, or it ends the connection; RefusedError where it says no, or as
    `require_names` does.
    """
    heard, name = Heard(), f"discover-{os.getpid()}"
    _require_names(settings)

    def take(message: MQTTMessage) -> None:
        with suppress(UnicodeDecodeError):  # a topic in no UTF-8, which no broker should let pass
            heard.take(message.topic, bytes(message.payload), message.retain, time.time_ns() // 1_000_000)

    for version in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
        listening = False
        try:
            with guest(settings, name, version=version, take=take, most_bytes=2 * MOST_PAYLOAD) as one:
                one.subscribe(EVERYTHING)
                listening = True
                _wait(one, seconds, lambda passed: progress(passed, heard))
        except (UnavailableError, RefusedError):
            if listening or version is MQTTProtocolVersion.MQTTv311:
                raise
            continue  # it may speak MQTT 3.1.1 only
        break
    return heard


def _require_names(settings: MqttSettings) -> None:
    try:
        require_names(settings)
    except NamesakeError:
        raise
    except (UnavailableError, RefusedError):
        return  # by MQTT 3.1.1; it may speak another version, and says the same again where it does not


def _wait(one: Guest, seconds: float, progress: Callable[[float], None]) -> None:
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        progress(passed)
        if one.is_gone(min(_STEP_S, seconds - passed)):
            raise UnavailableError(f"{one.url} ended the connection after {passed:.0f} s")
    progress(seconds)
