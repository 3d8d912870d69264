"""ntfy, e-mail, Telegram, Home Assistant's own notifier and a hundred more, by one line that Apprise understands.

The line is a secret as a whole: who knows a topic of ntfy reads along. It is never logged, nor is what Apprise and the
libraries below it say of it; what they mean is told in our words.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from alerts.channels import Channel, Message
from alerts.courier import Courier, silence
from alerts.inner_addresses import Connections
from alerts.public import PRIVATE, is_inner
from foremend.vocabulary.errors import (
    ConfigError,
    ForemendError,
    MissingExtraError,
    RefusedError,
    UnavailableError,
)
from foremend.vocabulary.schema import DurationMs, SettingsPath, Strict, secret

_TALKATIVE = ("urllib3", "requests_oauthlib", "oauthlib", "markdown")
"""What Apprise stands on: it writes addresses into its log."""
_ANSWERED = re.compile(r"error=(\d{3})\b")
_TO = "{to}"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SOMEBODY = "+15005550006"  # of no subscriber: a number for tests


class Line(Strict):
    """A line that Apprise understands; it stands in no settings file."""

    url_env: str | None = None
    url_file: SettingsPath | None = None
    allow_private: bool = False
    """Also reach addresses of your own network: an ntfy, a mail server or Home Assistant at home."""
    timeout: Annotated[DurationMs, Field(ge=10)] = 30_000

    @model_validator(mode="after")
    def _says_where_the_line_is(self) -> Self:
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("give url_env or url_file, one of them")
        return self

    def line(self, setting: str) -> str:
        """The line. Raises ConfigError where there is none."""
        return secret(setting, self.url_env, self.url_file)

    def _plugin(self, setting: str, line: str) -> Any:
        plugin = plugin_of(setting, line)
        if not self.allow_private and is_inner(str(plugin.host or "")):
            raise ConfigError(f"{setting}: {PRIVATE}")
        return plugin


class Notifier(Line):
    """Messages go to one place of the household's own, whatever the address."""

    def open(self, name: str) -> Channel:
        """The sender. Raises ConfigError where there is no such line, MissingExtraError without the extra."""
        plugin = self.plugin(f"alerts.{name}.url")
        return NotifierChannel(self, str(plugin.service_name), lambda message: (plugin, _title(message)))

    def plugin(self, setting: str) -> Any:
        """What Apprise makes of the line. Raises as `open` does, and ConfigError for a private address not allowed."""
        return self._plugin(setting, self.line(setting))


class SmsGateway(Line):
    """SMS by one of the services that Apprise knows, each to its owner's number: it stands in the line as `{to}`."""

    def open(self, name: str) -> Channel:
        """The sender. Raises as `plugin` does."""
        setting = f"alerts.{name}.url"
        line = self.line(setting)

        def addressed(message: Message) -> tuple[Any, str]:
            if not _E164.fullmatch(message.address):
                raise RefusedError("the owner's number is none that an SMS can be sent to")
            return self._plugin(setting, line.replace(_TO, message.address)), ""

        return NotifierChannel(self, str(self.plugin(setting).service_name), addressed)

    def plugin(self, setting: str) -> Any:
        """What Apprise makes of the line with a number. Raises ConfigError where it is none, or has no `{to}`, or leads
        to a private address not allowed, MissingExtraError without the extra."""
        if _TO not in (line := self.line(setting)):
            raise ConfigError(
                f"{setting}: the line has no {_TO}, where each owner's number goes, as in"
                " twilio://account:token@+15005550006/{to}"
            )
        return self._plugin(setting, line.replace(_TO, _SOMEBODY))


def plugin_of(setting: str, line: str) -> Any:
    """What Apprise makes of `line`. Raises ConfigError when that is nothing, without showing it."""
    _quiet()
    try:
        from apprise import Apprise, AppriseAsset
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{setting}_env or {setting}_file", "notify") from error
    asset = AppriseAsset(app_id="Foremend", storage_mode="memory", http_redirects=False)
    plugin = Apprise.instantiate(line, asset=asset)
    if plugin is None:
        raise ConfigError(
            f"{setting}: that line is none that Apprise understands; it looks like ntfys://ntfy.sh/a-long-secret-name,"
            " mailtos://user:password@example.com or tgram://bot-token/chat-id (docs/plugs.md)"
        )
    return plugin


class NotifierChannel:
    """Sends through Apprise, each message in a thread: no plugin knows a deadline or a stop.

    The receivers of such messages know no ids: one that is sent again after a crash is there twice.
    """

    def __init__(self, settings: Line, name: str, addressed: Callable[[Message], tuple[Any, str]]) -> None:
        """`addressed`: the plugin that a message leaves by, and its title."""
        self.longest_send = settings.timeout
        self._name, self._addressed = name, addressed
        self._courier = Courier(self._name, settings.timeout, public_only=not settings.allow_private)

    def send(self, message: Message) -> None:
        """Returns once the receiver took it. Raises UnavailableError where it did not, or not within the time."""
        self._courier.run(lambda connections: self._notify(message, connections))

    def cut(self) -> None:
        """Who waits for a message under way waits no more, and its connections end."""
        self._courier.cut()

    def close(self) -> None:
        """Nothing stays open between messages."""

    def _notify(self, message: Message, connections: Connections) -> None:
        with _EAR.heard() as said:
            try:
                plugin, title = self._addressed(message)
                taken = plugin.notify(
                    title=title, body=message.body, notify_type="warning", body_format="text"
                )
                trouble = None if taken else _words(connections.refused, said)
            except ForemendError:
                raise
            except Exception as error:  # noqa: BLE001 its text may hold the line
                trouble = f"it could not be sent ({type(error).__name__})"
        if trouble is not None:
            raise UnavailableError(f"{self._name}: {trouble}")


def _title(message: Message) -> str:
    """Of two freezers, which."""
    return message.subject or (f"Foremend: {message.appliance_id}" if message.appliance_id else "Foremend")


def _words(refused: list[str], said: list[str]) -> str:
    if refused:
        return PRIVATE
    codes = [match[1] for line in said if (match := _ANSWERED.search(line))]
    return f"answered {codes[-1]}" if codes else "not reached, or it refused the message"


class _Ear(logging.Filter):
    """What Apprise says is for the thread that sends, and for no log."""

    def __init__(self) -> None:
        super().__init__()
        self._of = threading.local()

    @contextmanager
    def heard(self) -> Iterator[list[str]]:
        """What is said in this thread meanwhile."""
        self._of.said = said = list[str]()
        try:
            yield said
        finally:
            self._of.said = None

    def filter(self, record: logging.LogRecord) -> bool:
        said: list[str] | None = getattr(self._of, "said", None)
        if said is not None:
            said.append(record.getMessage())
        return False


_EAR = _Ear()


def _quiet() -> None:
    """None of the loggers that know the line writes to ours."""
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    logger.addFilter(_EAR)
    silence(_TALKATIVE)
    warnings.filterwarnings("ignore", module=r"urllib3\.")  # of `?verify=no`, with the host's name
