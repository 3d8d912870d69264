"""An appliance as a device of Home Assistant, by its MQTT discovery in the device-based form (2024.11 and later).

What 2025.3 does with it decides what is written: without `origin`, or a component's `platform` or `unique_id`, it
drops the whole device with one line in its own log; a key that is missing keeps the old value where `null` says that
nothing is known; JSON's `true` is not `ON`; a state outside a sensor's `options` is ignored. No `expire_after`: it
would give a retained old value a whole new life at each restart of Home Assistant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.settings import HomeAssistant
from foremend.home.picture import HEALTH, Picture
from foremend.home.words import Words

STATUS = "status"
ONLINE, OFFLINE = b"online", b"offline"

_BINARY = {"payload_on": "ON", "payload_off": "OFF"}
_YES_OR_NO = (
    "{{{{ 'None' if value_json.{0} is none else ('ON' if value_json.{0} else 'OFF') }}}}"  # 'None': unknown
)
_VALUE = "{{{{ value_json.{0} }}}}"

_COMPONENTS: Mapping[str, Mapping[str, Any]] = {
    "problem": {"platform": "binary_sensor", "device_class": "problem"} | _BINARY,
    "health": {"platform": "sensor", "device_class": "enum", "options": list(HEALTH)},
    "what": {"platform": "sensor", "icon": "mdi:message-text-outline"},
    "days_left": {
        "platform": "sensor",
        "device_class": "duration",
        "unit_of_measurement": "d",
        "suggested_display_precision": 0,
    },
    "running": {"platform": "binary_sensor", "device_class": "running"} | _BINARY,
    "starts_today": {"platform": "sensor", "state_class": "total_increasing", "icon": "mdi:counter"},
    "last_heard": {"platform": "sensor", "device_class": "timestamp", "entity_category": "diagnostic"},
}


def status_topic(settings: HomeAssistant) -> str:
    """Whether Foremend is there, `online` or `offline`, retained; the latter as its last will, too."""
    return f"{settings.topic}/{STATUS}"


def state_topic(settings: HomeAssistant, appliance_id: str) -> str:
    """The picture of an appliance, retained: Home Assistant's states, and the plain JSON for everybody else."""
    return f"{settings.topic}/appliances/{appliance_id}"


def discovery_topic(settings: HomeAssistant, appliance_id: str) -> str:
    """What Home Assistant learns the device from, retained."""
    return f"{settings.discovery_prefix}/device/{_key(settings, appliance_id)}/config"


def discovery(settings: HomeAssistant, picture: Picture, words: Words, version: str) -> dict[str, Any]:
    """The device; `version` is Foremend's."""
    appliance_id = str(picture["appliance_id"])
    key, topic = _key(settings, appliance_id), state_topic(settings, appliance_id)
    return {
        "device": {"identifiers": [key], "name": appliance_id, "model": picture["title"]},
        "origin": {"name": "Foremend", "sw_version": version},
        "availability": [{"topic": status_topic(settings)}],
        "state_topic": topic,
        "qos": 1,
        "components": {
            name: {
                **component,
                "name": words.entity(name),
                "unique_id": f"{key}_{name}",
                "value_template": _template(name, str(component["platform"])),
            }
            | ({"json_attributes_topic": topic} if name == "what" else {})
            for name, component in _COMPONENTS.items()
        },
    }


def _template(name: str, platform: str) -> str:
    return (_YES_OR_NO if platform == "binary_sensor" else _VALUE).format(name)


def _key(settings: HomeAssistant, appliance_id: str) -> str:
    """Two Foremends on one broker differ by their topic."""
    return f"{settings.topic.replace('/', '_')}_{appliance_id}"
