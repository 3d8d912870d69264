"""Every MQTT topic of ours, in one place: pure strings, no client. `docs/asyncapi.yaml` is the full text.

Model and request are segments of lower case letters, digits and inner dashes. New appliance ids should be too; those
of existing devices and recordings may have upper case and underscores. None can carry a wildcard or a separator.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

import orjson

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import ID, is_id

TELEMETRY_WILDCARD = "dt/appliance/+/+/telemetry"
STATUS_WILDCARD = "dt/appliance/+/+/status"
CONSENT_WILDCARD = "dt/appliance/+/+/consent"
CANONICAL = (TELEMETRY_WILDCARD, STATUS_WILDCARD, CONSENT_WILDCARD)
"""What the pipeline listens to on behalf of every appliance that speaks our language."""
RESPONSE_WILDCARD = "cmd/appliance/+/+/+/response"

PROGRESS = "foremend/pipeline/progress"
"""The pipeline's counts, QoS 0, at most every 100 ms: see `Progress`."""

OURS = "foremend/"
"""Everything below is of Foremend's processes alone: whoever subscribes to more than appliances leaves it out."""

PROOF = "foremend/proof"
"""Gateways send messages to themselves and each other below it, QoS 1, to see whether a share brings anything."""

CLOCK = "$foremend/clock"
"""Looks at the clock, which stand in the journal among the messages. No wildcard matches a topic that begins with $."""

USUAL = "$foremend/usual"
"""Orders to learn anew what is usual for an appliance; they stand in the journal among the messages, too."""

_SEGMENT = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")

APPLIANCE_ID = ID


def is_segment(text: str) -> bool:
    """Whether `text` can be a model or a request: lower case, digits, inner dashes."""
    return _SEGMENT.fullmatch(text) is not None


def is_appliance_id(text: str) -> bool:
    """Whether `text` can be an appliance id: up to 64 letters, digits, dashes and underscores."""
    return is_id(text)


def telemetry_topic(model: str, appliance_id: str) -> str:
    """Where an appliance publishes readings. Raises ValueError on a bad segment."""
    return f"dt/appliance/{_checked(model)}/{_checked_id(appliance_id)}/telemetry"


def status_topic(model: str, appliance_id: str) -> str:
    """Retained `online` or `offline`, the latter as the last will. Raises ValueError on a bad segment."""
    return f"dt/appliance/{_checked(model)}/{_checked_id(appliance_id)}/status"


def consent_topic(model: str, appliance_id: str) -> str:
    """Where an appliance says what its owner agreed to. Raises ValueError on a bad segment."""
    return f"dt/appliance/{_checked(model)}/{_checked_id(appliance_id)}/consent"


def command_topic(model: str, appliance_id: str, request: str) -> str:
    """Where the pipeline asks an appliance for something. Raises ValueError on a bad segment."""
    return f"cmd/appliance/{_checked(model)}/{_checked_id(appliance_id)}/{_checked(request)}"


def response_topic(model: str, appliance_id: str, request: str) -> str:
    """Where the appliance answers `request`. Raises ValueError on a bad segment."""
    return f"{command_topic(model, appliance_id, request)}/response"


def usual_order(model: str, appliance_id: str) -> bytes:
    """The payload of a message on `USUAL`. Raises ValueError on a bad segment."""
    return f"{_checked(model)}/{_checked_id(appliance_id)}".encode()


def parse_usual_order(payload: bytes) -> tuple[str, str]:
    """(model, appliance id) of a message on `USUAL`."""
    model, _, appliance_id = payload.decode("ascii", "replace").partition("/")
    return model, appliance_id


def parse_telemetry_topic(topic: str) -> tuple[str, str] | None:
    """(model, appliance id), or None where `topic` is not a well-formed telemetry topic."""
    return _parse(topic, "telemetry")


def parse_status_topic(topic: str) -> tuple[str, str] | None:
    """(model, appliance id), or None where `topic` is not a well-formed status topic."""
    return _parse(topic, "status")


def parse_consent_topic(topic: str) -> tuple[str, str] | None:
    """(model, appliance id), or None where `topic` is not a well-formed consent topic."""
    return _parse(topic, "consent")


def is_about_consent(topic: str) -> bool:
    """Whether what comes there is an owner's word, well-formed or not: its bytes are kept by nobody."""
    return topic.endswith("/consent") and topic.startswith("dt/appliance/")


def parse_response_topic(topic: str) -> tuple[str, str, str] | None:
    """(model, appliance id, request), or None where `topic` is not a well-formed response topic."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[:2] != ["cmd", "appliance"] or parts[5] != "response":
        return None
    model, appliance_id, request = parts[2:5]
    good = is_segment(model) and is_appliance_id(appliance_id) and is_segment(request)
    return (model, appliance_id, request) if good else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the pipeline is, counted since its journal began, so that a restart does not reset it.

    A publisher that wants end-to-end flow control keeps (what it sent - `messages`) within a window.
    """

    messages: int
    readings: int
    dead_letters: int
    time: int  # ms UTC, newest event time seen; 0 before the first reading

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @staticmethod
    def from_json(payload: bytes) -> Progress:
        """Raises InputError where `payload` is not what `to_json` writes."""
        try:
            return Progress(**{name: int(value) for name, value in orjson.loads(payload).items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"not a progress message: {payload[:80]!r} ({error})") from error


def _parse(topic: str, kind: str) -> tuple[str, str] | None:
    parts = topic.split("/")
    if len(parts) != 5 or parts[:2] != ["dt", "appliance"] or parts[4] != kind:
        return None
    model, appliance_id = parts[2], parts[3]
    return (model, appliance_id) if is_segment(model) and is_appliance_id(appliance_id) else None


def _checked(segment: str) -> str:
    if not is_segment(segment):
        raise ValueError(f"{segment!r} cannot be in a topic: use lower case letters, digits and inner dashes")
    return segment


def _checked_id(appliance_id: str) -> str:
    if not is_appliance_id(appliance_id):
        raise ValueError(f"{appliance_id!r} cannot be an appliance id: up to 64 letters, digits, - and _")
    return appliance_id
