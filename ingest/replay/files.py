"""A recording's bytes: unpacked, and in UTF-8 whatever a logger wrote them in."""

from __future__ import annotations

import codecs
import re
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from foremend.vocabulary.errors import InputError

FileKind = Literal["csv", "parquet"]

HEAD_BYTES = 1 << 16
_TEXT = (".csv", ".txt", ".tsv", ".dat")
_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_COMMON_CHINESE = re.compile(rb"(?:[\xa1-\xa9\xb0-\xd7][\xa1-\xfe])+")


def kind_of(path: Path) -> FileKind:
    """What a file is by its ending. Raises InputError for one that nobody here can read."""
    name = path.name.lower()
    if name.endswith((".zip", *_TEXT)) or name.removesuffix(".gz").endswith(_TEXT):
        return "csv"
    if name.endswith((".parquet", ".pq")):
        return "parquet"
    raise InputError(
        f"{path}: only .csv, .csv.gz, .txt, .tsv and .parquet can be replayed, .dat and .zip of them"
    )


def is_table(path: Path) -> bool:
    """Whether its ending says so; text may be anything."""
    try:
        return kind_of(path) in ("csv", "parquet") and ".txt" not in path.suffixes
    except InputError:
        return False


def head_of(path: Path) -> str:
    """The first lines of a text file, 64 KiB at most, the last of them perhaps not whole.

    Raises InputError for UTF-16 that ends within a sign.
    """
    try:
        with open_text(path) as stream:
            head: bytes = stream.read(HEAD_BYTES)
    except UnicodeError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


@contextmanager
def open_text(path: Path) -> Iterator[Any]:
    """An Arrow stream of UTF-8: what a file of it has that is none is U+FFFD, as Arrow gives up over a row that it
    cannot show. Raises InputError where a .zip holds other than one text file.
    """
    with _unpacked(path) as stream:
        encoding = encoding_of(path)
        if encoding is None:
            yield pa.TransformInputStream(stream, Mended())
        else:
            yield pa.transcoding_input_stream(stream, encoding, "utf-8")


class Mended:
    """UTF-8 in parts; of the last, which is empty, what was left of a sign. ASCII stays as it is: most is."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, part: pa.Buffer) -> bytes:
        plain = bytes(part)
        begun, _ = self._decoder.getstate()
        if plain and not begun and plain.isascii():
            return plain
        return self._decoder.decode(plain, final=not plain).encode()


@contextmanager
def _unpacked(path: Path) -> Iterator[Any]:
    if path.suffix.lower() != ".zip":
        with pa.input_stream(str(path)) as stream:
            yield stream
        return
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as file:
            yield pa.PythonFile(file, mode="r")
    except (
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:  # encrypted, or packed in another way
        raise InputError(f"{path} cannot be read: {error}") from error


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if name.lower().endswith(_TEXT)]
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        held = ", ".join(names[:5]) or "none"
        raise InputError(f"{path} should hold one of {', '.join(_TEXT)}, and holds {held}: unpack it")
    return names[0]


def encoding_of(path: Path) -> str | None:
    """None for UTF-8, and what goes for it; old Windows programs write cp1252 or like it, those of China GB 18030."""
    with _unpacked(path) as stream:
        head: bytes = stream.read(HEAD_BYTES)
    if head.startswith(_BYTE_ORDER_MARKS):
        return "utf-16"
    if head[1:2] == b"\0" or head[:1] == b"\0":
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    whole = head[: head.rfind(b"\n") + 1] or head
    if _is_utf8(whole):
        return None
    if _is_chinese(set(_BEYOND_ASCII.findall(whole))):
        return "gb18030"
    return None if _is_utf8(head.split(b"\n", 1)[0]) else "latin-1"


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(words: Collection[bytes]) -> bool:
    """Whether what is not ASCII is marks and characters of GB 2312's first level, the 3,755 of daily use, alone.

    In western text letters with a mark stand alone, mostly, and two of them together are a character of no daily use;
    but UTF-8 of which a cell is damaged can look like it.
    """
    return all(map(_COMMON_CHINESE.fullmatch, words)) and 2 * sum(map(_is_utf8, words)) <= len(words)
