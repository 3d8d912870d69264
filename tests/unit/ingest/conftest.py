"""An appliance model to decode for, and messages of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings

NOW = 1_732_190_000_000
TELEMETRY = "dt/appliance/refrigerator/fridge-1/telemetry"
SHARED_DATA = Path(__file__).parents[3] / ".." / "shared" / "data"


@dataclass(frozen=True)
class Spec:
    """What ingest needs to know of a signal."""

    unit: str
    min: float
    max: float


SIGNALS: Mapping[str, Mapping[str, Spec]] = {
    "refrigerator": {
        "current": Spec("A", 0, 32),
        "cabinet_temp": Spec("degC", -40, 60),
        "compressor_starts": Spec("count", 0, 1e9),
    },
    "generic-compressor": {
        "power": Spec("W", 0, 5000),
        "current": Spec("A", 0, 32),
        "voltage": Spec("V", 0, 300),
        "module_temp": Spec("degC", -40, 120),
        "energy": Spec("Wh", 0, 1e9),
    },
}


def _reading(**changes: Any) -> dict[str, Any]:
    good = {"ts": NOW, "seq": 7, "fw": "1.2.3", "signals": {"current": 0.84, "cabinet_temp": 4.2}}
    return {key: value for key, value in (good | changes).items() if value is not ...}


def _message(
    payload: object, topic: str = TELEMETRY, received: int = NOW, retained: bool = False
) -> RawMessage:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return RawMessage(topic, content, received, retained)


def _ingest(**settings: Any) -> Ingest:
    return Ingest(IngestSettings.model_validate(settings), SIGNALS)


@pytest.fixture(scope="session")
def now() -> int:
    """ms UTC at which messages are received."""
    return NOW


@pytest.fixture(scope="session")
def signals() -> Mapping[str, Mapping[str, Spec]]:
    """Two appliance models."""
    return SIGNALS


@pytest.fixture(scope="session")
def reading() -> Callable[..., dict[str, Any]]:
    """A good reading with changes; a key changed to ... is left out."""
    return _reading


@pytest.fixture(scope="session")
def message() -> Callable[..., RawMessage]:
    """A message of fridge-1; anything but bytes is written as JSON first."""
    return _message


@pytest.fixture(scope="session")
def make_ingest() -> Callable[..., Ingest]:
    """An Ingest with settings as they would be in YAML."""
    return _ingest


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA}")
    return SHARED_DATA
