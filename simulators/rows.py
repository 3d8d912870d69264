"""Columns to rows and back: a kernel that walks one appliance at a time reads a record, not forty arrays.

numba passes a record by pointer; a NamedTuple of arrays it copies, field by field, into every call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = Any
"""One record of `to_rows`: fields by name, `row.charge`."""


def to_rows(columns: Any) -> NDArray[np.void]:
    """(n,) records with the fields of `columns`, a NamedTuple of (n,) float64 arrays."""
    rows = np.empty(len(columns[0]), dtype=[(name, np.float64) for name in columns._fields])
    for name, column in zip(columns._fields, columns, strict=True):
        rows[name] = column
    return rows


def into_columns(rows: NDArray[np.void], columns: Any) -> None:
    """Write the records back into the arrays of `columns`."""
    for name, column in zip(columns._fields, columns, strict=True):
        column[:] = rows[name]
