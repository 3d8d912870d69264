"""OpenBeken: `<device>/power/get` and the like, a bare number each; channels have numbers (`<device>/1/get`).

A device whose Tasmota-style telemetry is on is one for `tasmota.py`.
"""

from __future__ import annotations

from ingest.decoders.scalar import ScalarDecoder


class OpenBeken(ScalarDecoder):
    """See ScalarDecoder; a channel's name is one level of the topic."""
