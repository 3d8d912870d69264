"""Everything about one owner as one file that people and programs can read."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

import orjson

from alerts.desk import Alerts
from alerts.message_files import read_lines
from alerts.owner_channels import outbox_files
from alerts.personal.export import Access
from alerts.personal.places import TABLES
from alerts.personal.whose import Owned, Whose
from alerts.wording import iso
from foremend.config import Settings
from foremend.history.parquet_folder import Folder
from foremend.installation.erasing import devices_of
from foremend.installation.history import open_history
from foremend.vocabulary.errors import ConfigError, UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block

LATEST = 253_402_300_799_999
"""9999-12-31, ms UTC."""


def export_owner(
    settings: Settings, alerts: Alerts, clock: Clock, owner_id: str, out: Path, by: str
) -> dict[str, Any]:
    """Write the bundle to `out`, mode 0600, a piece at a time; how many rows of what are in it.

    `by` is who asks for it. Raises what `write_bundle` raises, and ConfigError where `out` is there already; then
    nothing is left of it.
    """
    with _private_file(out) as file:
        counts = write_bundle(settings, alerts, clock, owner_id, file, by)
    return {"file": str(out), "bytes": out.stat().st_size, **counts}


def write_bundle(
    settings: Settings, alerts: Alerts, clock: Clock, owner_id: str, file: IO[bytes], by: str
) -> dict[str, int]:
    """Write the bundle into an empty file that is open; how many rows of what are in it.

    A zip: a readme in English and Chinese, `manifest.json`, a JSON object a line for each table, `messages.jsonl` as
    sent, and each appliance's readings as CSV. That `by` has it stands in the audit log.
    Raises InputError for an owner of whom nothing is known, and UnavailableError where a store is away.
    """
    access = Access(alerts.erasures, alerts.owners, clock)
    about = access.whose(owner_id, devices_of(settings), by)
    with ZipFile(file, "w", ZIP_DEFLATED) as bundle:
        counts = {place.name: _lines(bundle, place.name, access.rows(place, about)) for place in TABLES}
        counts["messages"] = _lines(bundle, "messages", _messages(settings, about))
        counts["readings"] = sum(_readings(settings, bundle, one) for one in about.appliances)
        manifest = {"owner": owner_id, "at": iso(clock.now_ms()), "rows": counts}
        bundle.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        bundle.writestr("README.txt", _readme(counts))
    return counts


@contextmanager
def _private_file(out: Path) -> Iterator[BinaryIO]:
    """A new file that nobody else can read; under its name only once it is whole."""
    part = out.with_name(f".{out.name}.part")
    if out.exists():
        raise ConfigError(f"{out} is there already: name a new file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(out)
    except OSError as error:
        raise UnavailableError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _lines(bundle: ZipFile, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with bundle.open(f"{name}.jsonl", "w") as file:
        for row in rows:
            file.write(orjson.dumps(row) + b"\n")
            count += 1
    return count


def _messages(settings: Settings, about: Whose) -> Iterator[Mapping[str, Any]]:
    ids = set(about.names)
    for file in outbox_files(settings.alerts).values():
        yield from (line for line in read_lines(file) if line["id"] in ids)


def _readings(settings: Settings, bundle: ZipFile, one: Owned) -> int:
    """Of one appliance, a CSV for each appliance model under which it spoke."""
    storage, count = settings.storage, 0
    history = open_history(storage, "")
    models = (
        set(load_profiles(settings.profiles.folders))
        if storage.influx
        else set(Folder(storage.folder / "history").models())
    )
    try:
        for model in sorted(models | set(one.models)):
            blocks = history.read(model, 0, min(one.until, LATEST) + 1, {one.appliance_id})
            count += _csv(bundle, f"readings/{model}/{one.appliance_id}.csv", blocks)
    finally:
        if hasattr(history, "close"):
            history.close()
    return count


def _csv(bundle: ZipFile, name: str, blocks: Iterable[Block]) -> int:
    """Columns are those of the first day; a signal that came later starts another file of the same name, numbered."""
    count, number, header = 0, 0, None
    text: TextIOWrapper | None = None
    try:
        for block in blocks:
            columns = sorted(block.signals)
            if columns != header:
                if text is not None:
                    text.close()
                number, header = number + 1, columns
                path = name if number == 1 else name.replace(".csv", f"-{number}.csv")
                text = TextIOWrapper(bundle.open(path, "w"), "utf-8", newline="")
                csv.writer(text).writerow(["time", "seq", *columns])
            assert text is not None
            values = (block.signals[one].tolist() for one in columns)
            rows = zip(map(iso, block.time.tolist()), block.seq.tolist(), *values, strict=True)
            csv.writer(text).writerows(["" if cell != cell else cell for cell in row] for row in rows)
            count += len(block)
    finally:
        if text is not None:
            text.close()
    return count


def _readme(counts: Mapping[str, int]) -> str:
    found = "\n".join(f"  {name}: {count}" for name, count in counts.items())
    return f"""Everything that Foremend holds about you and your appliances.

Each .jsonl file has one JSON object a line; times are milliseconds since 1970, UTC, unless they are written out.
contacts: your addresses. appliances, owners: your registration. consent_records: what you agreed to and withdrew.
findings, tickets, outcomes: what was found on your appliances and what became of it. outbox, messages: what was sent to
you and about you. held_back: what was not done, as you had not agreed. dead_letters: messages of your appliances that
could not be used. seen, resting, forgotten: what is known of their silence. erasures: what you asked to be erased.
audit: what was done about you, by whom this was read among it. readings/: what your appliances measured, as CSV.

Foremend 保存的关于您和您的电器的全部数据。

每个 .jsonl 文件每行一个 JSON 对象；时间为自 1970 年起的毫秒数（UTC），已写明格式的除外。
contacts：您的联系方式。appliances、owners：登记信息。consent_records：您的同意与撤回。findings、tickets、outcomes：
您的电器的故障发现、服务单及处理结果。outbox、messages：发给您以及与您有关的消息。held_back：因未获您同意而未执行的操作。
dead_letters：您的电器发出的无法使用的消息。seen、resting、forgotten：电器的静默状态。erasures：您申请的删除。
audit：与您有关的操作记录，包括谁读取过这些数据。readings/：您的电器的测量数据（CSV）。

{found}
"""
