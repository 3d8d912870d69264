"""Rows taken out of a Parquet history's files, while others read them."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from foremend.history.parquet_folder import Folder, write_durably
from foremend.history.tables import damage_named, open_files
from foremend.vocabulary.durable import sync_path


def leave_only(folder: Folder, day: Path, chosen: pc.Expression) -> int:
    """Leave only the chosen rows in a day's files, and no file without any; how many went. Hold `upkeep`.

    Each file is looked into once, others stay. Raises IntegrityError, naming the file, at one that is damaged.
    """
    gone = 0
    for file in sorted(day.glob("*.parquet")):
        with damage_named([file]):
            gone += _keep(folder, file, chosen)
    return gone


def _keep(folder: Folder, file: Path, chosen: pc.Expression) -> int:
    if not open_files([file]).count_rows(filter=~chosen):  # reads one column, of the row groups in question
        return 0
    table = pq.ParquetFile(file).read()
    kept = table.filter(chosen)
    if not kept.num_rows:
        file.unlink()
    else:
        new = folder.work / "kept"
        write_durably(kept, new)
        new.rename(file)
        sync_path(file.parent)
    return int(table.num_rows - kept.num_rows)
