"""ESPHome: `<device>/sensor/<name>/state`, a bare number each, retained by default."""

from __future__ import annotations

from ingest.decoders.scalar import ScalarDecoder


class EspHome(ScalarDecoder):
    """See ScalarDecoder; a sensor's name is one level of the topic."""
