"""Canonical payloads of one appliance model, checked together: readings into rows, the others into dead letters."""

from __future__ import annotations

from itertools import chain, repeat

from pydantic_core import from_json, to_json

from ingest.batch import Batch, LeftOut, Waiting
from ingest.canonical import CanonicalPayload
from ingest.columns import CheckedReadings


def check_single(payloads: CanonicalPayload, waiting: Waiting, rows: CheckedReadings, batch: Batch) -> None:
    """Payloads of one reading each."""
    readings, bad, left_out = payloads.objects(waiting.payloads)
    batch.reject_all(waiting, bad)
    good = waiting.without(bad)
    rows.extend(readings, good.appliance_ids, good.positions)
    for at, signals in left_out.items():
        batch.left_out_of.append(LeftOut(waiting.positions[at], waiting.appliance_ids[at], signals))


def check_arrays(payloads: CanonicalPayload, waiting: Waiting, rows: CheckedReadings, batch: Batch) -> None:
    """Payloads of several readings each; of an array with something bad in it, the good readings are used."""
    arrays, bad = payloads.arrays(waiting.payloads)
    good, lengths = waiting.without(bad), [len(readings) for readings in arrays]
    rows.extend(
        chain.from_iterable(arrays),
        chain.from_iterable(map(repeat, good.appliance_ids, lengths)),
        chain.from_iterable(map(repeat, good.positions, lengths)),
    )
    for at, reason in bad.items():
        elements = _elements(waiting.payloads[at], payloads.max_readings)
        if elements:
            _check_elements(payloads, waiting, at, elements, rows, batch)
        else:
            batch.reject(waiting.positions[at], reason)


def _check_elements(
    payloads: CanonicalPayload,
    waiting: Waiting,
    at: int,
    elements: list[bytes],
    rows: CheckedReadings,
    batch: Batch,
) -> None:
    """The readings of one array, each on its own."""
    position, name = waiting.positions[at], waiting.appliance_ids[at]
    readings, bad, left_out = payloads.objects(elements)
    rows.extend(readings, repeat(name, len(readings)), repeat(position, len(readings)))
    for index, reason in bad.items():
        said = f"reading {index + 1} of {len(elements)}: {reason}"
        batch.reject_part(position, said, -1 - index, elements[index])  # rows count from 0
    for index, signals in left_out.items():
        batch.left_out_of.append(LeftOut(position, name, signals, (-1 - index, elements[index])))


def _elements(payload: bytes, limit: int) -> list[bytes]:
    """Each element of a JSON array as JSON; none where it is no JSON or holds more than `limit`."""
    try:
        elements = from_json(payload)
    except ValueError:
        return []
    return (
        [to_json(element, inf_nan_mode="constants") for element in elements] if len(elements) <= limit else []
    )
