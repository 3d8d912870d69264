"""Canonical payloads of one appliance model, read in one go into columns where they are as the contract has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ingest.batch import Waiting
from ingest.canonical import EARLIEST_MS, LATEST_MS
from ingest.columns import Columns, indexed
from ingest.settings import IngestSettings
from ingest.values import SignalSpec, slack

if TYPE_CHECKING:
    from ingest import _payload_kernel as kernel

_LEAST_BYTES = 30
"""No reading that says a time and a value is shorter."""

_ANY_AGE = 2**62


class PlainPayloads:
    """Reads payloads whose every reading can be used whole; the others are for `ingest.canonical`, which says why.

    The values are those that it gives, bit for bit.
    """

    def __init__(self, specs: Mapping[str, SignalSpec], settings: IngestSettings) -> None:
        self._specs, self._settings = specs, settings
        self._contract: kernel.Contract | None = None

    def read(self, waiting: Waiting, received: NDArray[np.int64]) -> tuple[Columns, NDArray[np.bool_]]:
        """The readings of plain payloads, and (n,) which these are; `received` (n,) ms UTC of each."""
        from ingest import _payload_kernel as kernel  # numba: who only checks a config decodes nothing

        if self._contract is None:
            self._contract = _contract(self._specs, self._settings)
        joined, many = b"".join(waiting.payloads), len(waiting)
        ends = np.cumsum(np.fromiter(map(len, waiting.payloads), np.int64, many))
        out, plain = _room(len(joined) // _LEAST_BYTES + 2, many, len(self._specs)), np.zeros(many, np.bool_)
        text = kernel.Text(np.frombuffer(joined, np.uint8), ends, received)
        rows = kernel.read(text, self._contract, out, plain)
        message = out.message[:rows]
        ids, index = indexed(waiting.appliance_ids)
        firmware = [
            (position, name, joined[begin:end].decode())
            for position, name, (begin, end) in zip(
                waiting.positions, waiting.appliance_ids, out.firmware.tolist(), strict=True
            )
            if end
        ]
        positions = np.array(waiting.positions, np.int64)
        columns = Columns(
            positions[message],
            ids,
            index[message],
            out.time[:rows],
            out.seq[:rows],
            out.values[:rows],
            firmware,
        )
        return columns, plain


def _contract(specs: Mapping[str, SignalSpec], settings: IngestSettings) -> kernel.Contract:
    from ingest import _payload_kernel as kernel

    names = [name.encode() for name in specs]
    return kernel.Contract(
        np.frombuffer(b"".join(names), np.uint8),
        np.cumsum([len(name) for name in names]),
        np.array([spec.min - slack(spec) for spec in specs.values()]),
        np.array([spec.max for spec in specs.values()], np.float64),
        EARLIEST_MS,
        LATEST_MS,
        settings.clock_ahead,
        _ANY_AGE if settings.oldest is None else settings.oldest,
        settings.max_readings,
    )


def _room(rows: int, payloads: int, signals: int) -> kernel.Room:
    from ingest import _payload_kernel as kernel

    return kernel.Room(
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty((rows, signals)),
        np.zeros((payloads, 2), np.int64),
    )
