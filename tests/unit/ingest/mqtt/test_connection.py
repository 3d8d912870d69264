"""What a connection holds before it is started and after it is closed."""

from __future__ import annotations

from pathlib import Path

from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource


def test_a_source_that_is_never_started_holds_nothing_open(tmp_path: Path) -> None:
    """Whoever builds a pipeline and gives up before it runs has no socket left to close."""
    before = len(list(Path("/dev/fd").iterdir()))

    source = MqttSource(MqttSettings(url="mqtt://127.0.0.1:1"), tmp_path / "mqtt.session")

    assert len(list(Path("/dev/fd").iterdir())) == before
    source.publish("a/topic", b"")  # nobody listens yet
    source.close()
