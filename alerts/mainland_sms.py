"""SMS in mainland China, through Alibaba Cloud: approved templates, whose blanks are filled in.

The number goes as part of the address that is asked for: no logger below may speak, and nothing of what is
answered but its code is kept.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import orjson
from pydantic import Field, model_validator

from alerts.channels import Channel, Message, TryLaterError
from alerts.courier import Courier, silence
from alerts.inner_addresses import Connections
from alerts.public import PRIVATE, is_inner
from alerts.words.blanks import NAMES, STOP, Blanks, Kind
from foremend.vocabulary.errors import (
    ConfigError,
    ForemendError,
    MissingExtraError,
    RefusedError,
    UnavailableError,
)
from foremend.vocabulary.schema import DurationMs, SettingsPath, Strict, secret

_SERVICE = "Alibaba Cloud SMS"
_TALKATIVE = ("alibabacloud-tea", "darabonba-core", "urllib3")
_CHINA = "+86"
_MOBILE = re.compile(r"1[0-9]{10}")  # numbers of mainland China that begin otherwise are fixed lines
_TAKEN = "OK"
_OF_THIS_MESSAGE = {
    "isv.MOBILE_NUMBER_ILLEGAL": "the number is no mobile number of mainland China",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": "the template is for numbers abroad",
    "isv.BLACK_KEY_CONTROL_LIMIT": "a word in it is on the operator's list",
    "isv.SMS_CONTENT_ILLEGAL": "its content is forbidden",
    "isv.PARAM_LENGTH_LIMIT": "a word is too long for its blank",
    "isv.PARAM_NOT_SUPPORT_URL": "a word looks like an address",
    "isv.TEMPLATE_PARAMS_ILLEGAL": "a word is not of the kind that its blank was approved for",
}
"""Codes of what will never be taken, in our words. Source: Alibaba Cloud, "API error codes" of its SMS service."""
_HOUR = 3_600_000
_LATER = {
    "isv.BUSINESS_LIMIT_CONTROL": _HOUR,  # so many to one number a minute, hour and day
    "isv.DAY_LIMIT_CONTROL": 4 * _HOUR,
    "isv.MONTH_LIMIT_CONTROL": 24 * _HOUR,
    "Throttling.User": 60_000,
    "Throttling.Api": 60_000,
}
"""Bounds, and how long to wait, ms; all other codes may be mended (a template, a right, money) and are tried again."""


class Template(Strict):
    """A text as the operator approved it, with blanks like `${appliance}`, and the code that it was given."""

    code: Annotated[str, Field(pattern=r"^SMS_[0-9]{1,20}$")]
    text: Annotated[str, Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _can_be_filled(self) -> Self:
        if not string.Template(self.text).is_valid():
            raise ValueError("a $ in text begins no blank like ${appliance}")
        return self

    @property
    def blanks(self) -> frozenset[str]:
        """The names of its blanks."""
        return frozenset(string.Template(self.text).get_identifiers())


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its words: what is asked for, and what arrives."""

    code: str
    words: Mapping[str, str]
    text: str


class MainlandSms(Strict):
    """An account with Alibaba Cloud's SMS service; the secret comes from the environment or a file, never from here."""

    sign_name: Annotated[str, Field(pattern=r"^[^【】\[\]\r\n]+$", max_length=30)]
    """The approved signature, which arrives as 【sign_name】 before the text."""
    access_key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
    access_key_secret_env: str | None = None
    access_key_secret_file: SettingsPath | None = None
    templates: Annotated[Mapping[Kind, Template], Field(min_length=1)]
    """By what a message says; one that has none is not sent."""
    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$")] = "dysmsapi.aliyuncs.com"
    allow_private: bool = False
    """Also reach addresses of your own network: an endpoint within it."""
    timeout: Annotated[DurationMs, Field(ge=10)] = 30_000

    @model_validator(mode="after")
    def _says_where_the_secret_is(self) -> Self:
        if (self.access_key_secret_env is None) == (self.access_key_secret_file is None):
            raise ValueError("give access_key_secret_env or access_key_secret_file, one of them")
        return self

    @model_validator(mode="after")
    def _blanks_are_known(self) -> Self:
        for kind, one in self.templates.items():
            if unknown := sorted(one.blanks - NAMES[kind]):
                there = ", ".join(sorted(NAMES[kind]))
                raise ValueError(f"templates.{kind} has the blank {unknown[0]!r}; there are {there}")
        return self

    @property
    def has_links(self) -> bool:
        """Whether any template has the link that stops such messages."""
        return any(STOP in one.blanks for one in self.templates.values())

    def open(self, name: str) -> Channel:
        """The sender. Raises ConfigError as `check` does, MissingExtraError without the extra."""
        return MainlandSmsChannel(self, self.check(f"alerts.{name}"))

    def check(self, setting: str) -> str:
        """The secret. Raises ConfigError where there is none, and for a private address that is not allowed."""
        if not self.allow_private and is_inner(self.endpoint.partition(":")[0]):
            raise ConfigError(f"{setting}.endpoint: {PRIVATE}")
        where = f"{setting}.access_key_secret"
        return secret(where, self.access_key_secret_env, self.access_key_secret_file)

    def fill(self, blanks: Blanks | None) -> Filled:
        """The message. Raises RefusedError for one that has no template."""
        template = None if blanks is None else self.templates.get(blanks.kind)  # type: ignore[call-overload]
        if blanks is None or template is None:
            what = "a message like this" if blanks is None else repr(blanks.kind)
            raise RefusedError(f"alerts.sms.templates has none for {what}")
        words = {name: blanks.words[name] for name in sorted(template.blanks)}
        return Filled(
            template.code, words, f"【{self.sign_name}】{string.Template(template.text).substitute(words)}"
        )


class MainlandSmsChannel:
    """Sends one SMS at a time. The service knows no ids: one that is sent again after a crash is there twice."""

    def __init__(self, settings: MainlandSms, access_key_secret: str) -> None:
        """Raises MissingExtraError without the extra."""
        self.longest_send = settings.timeout
        self._settings = settings
        self._client = _client(settings, access_key_secret)
        self._courier = Courier(_SERVICE, settings.timeout, public_only=not settings.allow_private)

    def send(self, message: Message) -> None:
        """Raises RefusedError for what will never be taken, UnavailableError to be asked again."""
        number, filled = _national(message.address), self._settings.fill(message.blanks)
        self._courier.run(lambda connections: self._hand_over(message.id, number, filled, connections))

    def cut(self) -> None:
        self._courier.cut()

    def close(self) -> None:
        """Nothing stays open between messages."""

    def _hand_over(self, message_id: str, number: str, filled: Filled, connections: Connections) -> None:
        from alibabacloud_dysmsapi20170525.models import SendSmsRequest
        from darabonba.runtime import ExtendsParameters, RuntimeOptions

        asked = SendSmsRequest(
            phone_numbers=number,
            sign_name=self._settings.sign_name,
            template_code=filled.code,
            template_param=orjson.dumps(filled.words).decode(),
            out_id=message_id,
        )
        wait = RuntimeOptions(
            autoretry=False,
            connect_timeout=self._settings.timeout,
            read_timeout=self._settings.timeout,
            extends_parameters=ExtendsParameters(headers={"connection": "close"}),  # one kept cannot be cut
        )
        try:
            answer = self._client.send_sms_with_options(asked, wait)
            code = str(answer.body.code)
        except Exception as error:  # noqa: BLE001 its text may hold the number
            if connections.refused:
                raise UnavailableError(f"{_SERVICE}: {PRIVATE}") from None
            if (told := _code(error)) is None:
                raise UnavailableError(f"{_SERVICE} is not reached ({type(error).__name__})") from None
            code = told
        if code != _TAKEN:
            raise _meant(code) from None


def _client(settings: MainlandSms, access_key_secret: str) -> Any:
    try:
        from alibabacloud_dysmsapi20170525.client import Client
        from alibabacloud_tea_openapi.models import Config
    except ModuleNotFoundError as error:
        raise MissingExtraError("alerts.sms with templates", "sms-cn") from error
    silence(_TALKATIVE)  # once loaded: as they are, they set themselves to say everything
    config = Config(
        access_key_id=settings.access_key_id,
        access_key_secret=access_key_secret,
        endpoint=settings.endpoint,
    )
    return Client(config)


def _national(address: str) -> str:
    """The number as the service takes it. Raises RefusedError for one of another country."""
    number = address.removeprefix(_CHINA)
    if number == address or not _MOBILE.fullmatch(number):
        raise RefusedError("the owner's number is none of mainland China, where alone templates are sent to")
    return number


def _code(error: Exception) -> str | None:
    """The service's code for what went wrong; None where it was not the service that said so."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) and code not in ("", "None") else None


def _meant(code: str) -> ForemendError:
    """What a code means: what is wrong with this message alone is refused, all else may be mended."""
    if (why := _OF_THIS_MESSAGE.get(code)) is not None:
        return RefusedError(f"{_SERVICE} does not take this message: {why} ({code})")
    if (wait := _LATER.get(code)) is not None:
        return TryLaterError(f"{_SERVICE} takes no more for now ({code})", wait)
    return UnavailableError(f"{_SERVICE} answered {code[:80]}")
