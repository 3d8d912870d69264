"""The channels to owners: one table in which each is one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from alerts.channels import Channel, OutboxFileChannel
from alerts.mainland_sms import MainlandSms
from alerts.notifier import Notifier, SmsGateway
from alerts.smtp import MailServer
from foremend.vocabulary.schema import SettingsPath, Strict
from foremend.vocabulary.types import Purpose


class FileChannel(Strict):
    """A channel that writes its messages to a file one can look at, one JSON object a line."""

    file: SettingsPath

    def open(self, name: str) -> Channel:
        """The sender. Raises UnavailableError when the disk refuses, ConfigError where no such file can be."""
        return OutboxFileChannel(self.file, name)


def _kind(value: Any) -> str:
    """A line for Apprise is told by its keys, a mail server by its host, an account for SMS by its templates; all else
    is judged as a file."""
    keys = value.keys() if isinstance(value, dict) else ()
    if isinstance(value, MailServer) or "host" in keys:
        return "<mail>"
    if isinstance(value, MainlandSms) or "templates" in keys:
        return "<mainland>"
    names_a_line = "url_env" in keys or "url_file" in keys
    return "<notifier>" if names_a_line or isinstance(value, Notifier | SmsGateway) else "<file>"


FileOrNotifier = Annotated[
    Annotated[FileChannel, Tag("<file>")] | Annotated[Notifier, Tag("<notifier>")], Discriminator(_kind)
]
"""`{ file: ... }`, or `{ url_env: ... }` for a place that Apprise reaches."""
FileNotifierOrMail = Annotated[
    Annotated[FileChannel, Tag("<file>")]
    | Annotated[Notifier, Tag("<notifier>")]
    | Annotated[MailServer, Tag("<mail>")],
    Discriminator(_kind),
]
"""The same, or `{ host: ... }` for a mail server of one's own."""
FileOrSms = Annotated[
    Annotated[FileChannel, Tag("<file>")]
    | Annotated[SmsGateway, Tag("<notifier>")]
    | Annotated[MainlandSms, Tag("<mainland>")],
    Discriminator(_kind),
]
"""`{ file: ... }`, `{ url_env: ... }` for a service that Apprise knows, or `{ templates: ... }` in mainland China."""
OwnerChannel = FileChannel | Notifier | SmsGateway | MailServer | MainlandSms


@dataclass(frozen=True, slots=True)
class ToOwner:
    """What a channel is for: the consent each message needs, and whether it has room for advice under the text.

    `numbers`: its addresses are telephone numbers.
    """

    purpose: Purpose
    advice: bool = False
    numbers: bool = False


class OwnerChannels(Strict):
    """The table. An entry's name is its key under `alerts`, its target in the outbox and an owner's kind of address.

    Its type is its settings, which open its sender; None: it is not set up.
    """

    sms: Annotated[FileOrSms | None, ToOwner(Purpose.SMS, numbers=True)] = FileChannel(
        file=Path("var/outbox/sms.jsonl")
    )
    push: Annotated[FileOrNotifier | None, ToOwner(Purpose.PUSH, advice=True)] = FileChannel(
        file=Path("var/outbox/push.jsonl")
    )
    email: Annotated[FileNotifierOrMail | None, ToOwner(Purpose.EMAIL, advice=True)] = None


OWNER_CHANNELS: Mapping[str, ToOwner] = {
    name: entry
    for name, field in OwnerChannels.model_fields.items()
    for entry in field.metadata
    if isinstance(entry, ToOwner)
}
"""What each channel is for, by name."""


def set_up(settings: OwnerChannels) -> dict[str, OwnerChannel]:
    """The settings of each channel that has some, by name."""
    found = {name: getattr(settings, name) for name in OWNER_CHANNELS}
    return {name: one for name, one in found.items() if one is not None}


def outbox_files(settings: OwnerChannels) -> dict[str, Path]:
    """The file of each channel that writes one, by name: they are backed up, restored and kept private."""
    return {name: one.file for name, one in set_up(settings).items() if isinstance(one, FileChannel)}
