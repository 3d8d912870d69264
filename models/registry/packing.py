"""A model's state as bytes: the arrays in a zip, as numpy stores them, and all else as JSON beside them. No pickle."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import IntegrityError

_REST = "state.json"
_ARRAY = "array"
"""The one key of what stands in the place of an array: its number and the type that it had."""


def pack(state: Mapping[str, Any], source: str) -> bytes:
    """Equal states give equal bytes. Whole numbers are stored in as few bytes as they need.

    Raises IntegrityError, naming `source`, for what is no mapping by names, list, array, number or text.
    """
    arrays: list[NDArray[Any]] = []
    rest = json.dumps(_without_arrays(state, arrays, source))
    body = io.BytesIO()
    parts = {_REST: rest.encode()} | {_name(number): _bytes_of(one) for number, one in enumerate(arrays)}
    with zipfile.ZipFile(body, "w") as archive:
        for name, part in parts.items():  # a ZipInfo of its own has no time of day in it
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED, compresslevel=9)
    return body.getvalue()


def unpack(body: bytes, source: str) -> dict[str, Any]:
    """What `pack` was given; tuples come back as lists. Raises IntegrityError, naming `source`, for other bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            state: dict[str, Any] = json.loads(
                archive.read(_REST), object_hook=lambda found: _with_array(found, archive)
            )
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{source} is not a stored model: do not use it, train again") from error
    return state


def _without_arrays(value: Any, arrays: list[NDArray[Any]], source: str) -> Any:
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value) and _ARRAY not in value:
        return {name: _without_arrays(part, arrays, source) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(part, arrays, source) for part in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays.append(_narrow(value))
        return {_ARRAY: len(arrays) - 1, "of": value.dtype.str}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float):
        return value
    raise IntegrityError(f"{source} holds types that models never have: {type(value).__qualname__}")


def _with_array(found: dict[str, Any], archive: zipfile.ZipFile) -> Any:
    if _ARRAY not in found:
        return found
    with archive.open(_name(found[_ARRAY])) as file:
        return np.lib.format.read_array(file, allow_pickle=False).astype(found["of"], copy=False)


def _bytes_of(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "iu" or not values.size:
        return np.ascontiguousarray(values)
    low, high = int(values.min()), int(values.max())
    sizes = (np.dtype(f"{values.dtype.kind}{size}") for size in (1, 2, 4, 8))
    return values.astype(next(one for one in sizes if np.iinfo(one).min <= low and high <= np.iinfo(one).max))


def _name(number: int) -> str:
    return f"{number}.npy"
