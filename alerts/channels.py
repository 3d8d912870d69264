"""Channels: how one message leaves. A channel sends or raises; when and whether to send is the dispatcher's matter."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import orjson

from alerts.message_files import alone, read_lines
from alerts.words.blanks import Blanks
from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends. `body` is the event's JSON or the text; `address` the owner's, for SMS and push."""

    id: str
    event_type: str
    body: str
    address: str = ""
    language: str = ""
    at: int = 0  # ms UTC, wall clock
    appliance_id: str = ""
    subject: str = ""  # for a title, where a channel has one: of two freezers, which
    link: str = ""  # by which the owner stops such messages; empty where there is none
    blanks: Blanks | None = None  # for an SMS whose text was approved beforehand


class TryLaterError(UnavailableError):
    """The receiver named the time to wait, in ms."""

    def __init__(self, sentence: str, wait: int) -> None:
        super().__init__(sentence)
        self.wait = wait


class GoneError(RefusedError):
    """The receiver is gone for good (410): nothing more is sent to it until somebody enables it again."""


class Channel(Protocol):
    """Sends one message at a time. The same id may come again after a crash; receivers drop repeats by it."""

    longest_send: int
    """The longest that `send` may take, in ms."""

    def send(self, message: Message) -> None:
        """Returns once the receiver has it. Raises UnavailableError to be asked again, RefusedError never to be."""
        ...

    def cut(self) -> None:
        """Make a `send` that is under way in another thread end soon, and any later one at once."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SideBySide(Channel, Protocol):
    """A channel that takes several at a time, each of which it is free to have first."""

    at_once: int
    """The most that `send_all` may be given, from 1."""

    def send_all(self, messages: Sequence[Message]) -> Sequence[Exception | None]:
        """What `send` would raise for each, in their order; None for what the receiver has. Takes no longer than
        `longest_send`."""
        ...


class OutboxFileChannel:
    """A visible outbox: appends each message, once by its id, to a file of JSON lines; the address is masked."""

    longest_send = 1_000

    def __init__(self, path: Path, name: str) -> None:
        """`name` (`sms`, `push`) is written with each line.

        Raises UnavailableError when the disk refuses, ConfigError where no such file can be.
        """
        self._path = path
        self._name = name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._seen = _ids(path) if path.is_file() else set()
        except (NotADirectoryError, FileExistsError, PermissionError) as error:
            raise ConfigError(f"alerts.{name}.file: {path} cannot be used: {error.strerror}") from error
        except OSError as error:
            raise UnavailableError(f"{path} cannot be written: {error.strerror}") from error

    def send(self, message: Message) -> None:
        if message.id in self._seen:
            return
        line = {
            "id": message.id,
            "channel": self._name,
            "to": mask(message.address),
            "language": message.language,
            "text": message.body,
            "at": message.at,
        }
        try:
            _append(self._path, orjson.dumps(line) + b"\n")
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be written: {error.strerror}") from error
        self._seen.add(message.id)

    def cut(self) -> None:
        """A line is written at once, or the disk says that it cannot."""

    def close(self) -> None:
        """Nothing stays open between messages."""


def _append(path: Path, line: bytes) -> None:
    """All of the line or, where the disk is full in the middle of it, nothing."""
    with alone(path) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            if (written := file.write(line)) != len(line):
                raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes fitted")
        except OSError:
            file.truncate(before)
            raise


def mask(address: str) -> str:
    """Enough to recognise one's own address, not enough to use it: the last three characters."""
    return "***" + address[-3:] if len(address) > 6 else "***"


def _ids(path: Path) -> set[str]:
    """The ids in the file. A last line cut short by a crash is ended, so that the next starts on its own."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")
    return {line["id"] for line in read_lines(path)}
