"""Settings of the alerts stage."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from alerts.mainland_sms import MainlandSms
from alerts.owner_channels import OwnerChannels, set_up
from foremend.vocabulary.purposes import BEHIND_TICKETS
from foremend.vocabulary.schema import DurationMs, SettingsPath, Strict
from foremend.vocabulary.types import Purpose, Severity

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=60)]
_TICKET, _CONSENT = "foremend.ticket.", "foremend.consent."


class WebhookEndpoint(Strict):
    """One receiver of signed events; its secret comes from the environment or a file, never from here.

    Of several secrets with blanks or lines between each signs every message, so that one can take another's place.
    """

    name: Name
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")]
    secret_env: str | None = None
    secret_file: SettingsPath | None = None
    allow_private: bool = False
    """Also reach loopback and private addresses, and plain http: for a receiver on your own network."""
    events: tuple[str, ...] = ("foremend.",)
    """Prefixes of the event types that go to this endpoint."""
    consents: frozenset[Purpose] = frozenset()
    """Purposes whose changes and ends it may know of; who takes tickets hears of those on which they stand."""
    timeout: Annotated[DurationMs, Field(ge=10)] = 10_000
    at_once: Annotated[int, Field(ge=1, le=32)] = 8
    """Messages that are under way to it at a time; those of one ticket follow each other whatever it is."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.secret_env is None) == (self.secret_file is None):
            raise ValueError(f"webhook {self.name!r}: give secret_env or secret_file, one of them")
        if self.url.startswith("http://") and not self.allow_private:
            raise ValueError(f"webhook {self.name!r}: {self.url} is not https; use https, or allow_private")
        if any(one.startswith(_CONSENT) for one in self.events) and not self._may_know():
            raise ValueError(
                f"webhook {self.name!r}: it takes {_CONSENT} but may know of no purpose: name some, as"
                " `consents: [sms, push]`, or let it take foremend.ticket., too"
            )
        return self

    def takes(self, event_type: str, of: Purpose | None) -> bool:
        """Whether an event goes there; `of` is the purpose whose consent it tells of, None where it tells of none."""
        return event_type.startswith(self.events) and (of is None or of in self._may_know())

    def _may_know(self) -> frozenset[Purpose]:
        tickets = any(_TICKET.startswith(one) or one.startswith(_TICKET) for one in self.events)
        return self.consents | BEHIND_TICKETS if tickets else self.consents


class InboundSender(Strict):
    """A system that says by signed webhooks what was done about tickets: `POST /api/v1/inbound/NAME`.

    Of several secrets with blanks or lines between each counts, so that one can take another's place.
    """

    name: Name
    secret_env: str | None = None
    secret_file: SettingsPath | None = None

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if (self.secret_env is None) == (self.secret_file is None):
            raise ValueError(f"inbound {self.name!r}: give secret_env or secret_file, one of them")
        return self


class QuietHours(Strict):
    """No SMS or push between `start` and `end`, in the appliance's own time zone; may pass midnight."""

    start: time = time(21, 0)
    end: time = time(8, 0)

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.start == self.end:
            raise ValueError("quiet_hours: start and end are equal; write null to have no quiet hours")
        return self


TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", max_length=100)]


class HomeAssistant(Strict):
    """What a household's own automation hears, over the broker of `mqtt`: Home Assistant, Node-RED, openHAB.

    It is monitoring data of that household, for everybody who may read these topics.
    """

    topic: TopicName = "foremend/home"
    """What ours begin with. Two Foremends on one broker need a topic each: one removes what it does not know."""
    discovery_prefix: TopicName = "homeassistant"
    """As in Home Assistant's MQTT settings."""
    language: Literal["en", "zh"] = "en"


class RetrySettings(Strict):
    """Delays double from `first_delay` to `longest_delay`, each shortened by up to half at random."""

    first_delay: Annotated[DurationMs, Field(ge=1)] = 5_000
    longest_delay: Annotated[DurationMs, Field(ge=1)] = 4 * 3_600_000
    give_up_after: Annotated[DurationMs, Field(ge=1)] = 3 * 86_400_000


class DeadLetterSettings(Strict):
    """How many dead letters become rows an hour, the others are counted; how long and how many bytes are kept."""

    retention: Annotated[DurationMs, Field(ge=60_000)] = 90 * 86_400_000
    most_bytes: Annotated[int, Field(ge=1_048_576)] = 268_435_456
    """Of topics and payloads; the oldest go first."""
    most_per_hour: Annotated[int, Field(ge=1)] = 100
    """Of each topic and kind of reason, by the hour of reception."""
    most_together_per_hour: Annotated[int, Field(ge=1)] = 10_000


class AuditSettings(Strict):
    """Where checkpoints of the audit log are kept, outside of the database, and how often one is written."""

    anchor_file: SettingsPath | None = None
    """On another disk or machine than the database; None: the log is not anchored."""
    anchor_every: Annotated[DurationMs, Field(ge=1_000)] = 3_600_000


class AccessSettings(Strict):
    """How long sessions with the console and one-time links last."""

    session_idle: Annotated[DurationMs, Field(ge=60_000)] = 3_600_000
    """A session of which nothing was heard for so long has ended; an open page asks all the time."""
    session_longest: Annotated[DurationMs, Field(ge=60_000)] = 12 * 3_600_000
    """A session ends after so long, whatever was heard."""
    second_factor: Literal["optional", "required"] = "optional"
    """`required`: of users with a password who see what is personal of others; they set it up before anything else."""
    link_lasts: Annotated[DurationMs, Field(ge=60_000)] = 24 * 3_600_000
    """Within which a user follows the one-time link and sets a password."""

    @model_validator(mode="after")
    def _idle_can_come_first(self) -> Self:
        if self.session_idle > self.session_longest:
            raise ValueError("session_idle is longer than session_longest, and would never take effect")
        return self


def _beside_settings(url: str, info: ValidationInfo) -> str:
    """A relative SQLite file starts at the settings file's folder, as every path there."""
    folder, prefix = (info.context or {}).get("folder"), "sqlite:///"
    relative = url.startswith(prefix) and not url.startswith(prefix + "/")
    return f"{prefix}{folder / url.removeprefix(prefix)}" if folder and relative else url


def _known_region(code: str) -> str:
    from alerts.phone_numbers import known_region  # loads the plans of all countries; most files name none

    return known_region(code)


class PolicySettings(Strict):
    """Where policies of one's own are, beside those shipped."""

    folders: tuple[SettingsPath, ...] = ()


class AlertsSettings(OwnerChannels):
    """What the alerts stage needs: where it keeps things, whom it tells, when and how often; and the owner channels."""

    database: Annotated[str, AfterValidator(_beside_settings)] = "sqlite:///var/foremend.db"
    key_file: SettingsPath = Path("var/foremend.key")
    """The key that seals contacts, made with mode 0600 at first start unless `key_env` is set."""
    key_env: str = "FOREMEND_KEY"
    event_source: str = "/foremend"
    """CloudEvents `source`: tells receivers which installation speaks."""
    webhooks: tuple[WebhookEndpoint, ...] = ()
    inbound: tuple[InboundSender, ...] = ()
    home_assistant: HomeAssistant | None = None
    """Of `foremend run` alone."""
    jurisdiction: str = "household"
    """The policy of appliances of which none is known; `household` is for what is one's own."""
    policies: PolicySettings = PolicySettings()
    quiet_hours: QuietHours | None = QuietHours()
    """Of policies that have none of their own, as `household`."""
    retry: RetrySettings = RetrySettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    audit: AuditSettings = AuditSettings()
    access: AccessSettings = AccessSettings()
    phone_region: Annotated[str, AfterValidator(_known_region)] | None = None
    """The country of owners' telephone numbers that are written without one, as `CN` (ISO 3166-1)."""
    stop_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s/?#]+)*$", max_length=40)] | None = None
    """Where owners reach this service, for a link in each message that stops such messages; short, so that it fits into
    an SMS. None: messages say that the app stops them."""
    act_from: Severity = Severity.WARNING
    """Findings below this severity are shown but open no ticket and send no message."""
    ticket_update_every: Annotated[DurationMs, Field(ge=0)] = 86_400_000
    """At most one `foremend.ticket.updated` per ticket in this event time, unless the severity changes."""
    ticket_reopen_within: Annotated[DurationMs, Field(ge=0)] = 14 * 86_400_000
    """A fault that comes back so soon after its ticket was closed, in event time, opens that ticket again."""

    @model_validator(mode="after")
    def _links_stand_in_a_message(self) -> Self:
        if self.stop_url is not None and not set_up(self):
            raise ValueError("stop_url is for messages to owners: set sms, push or email up, or leave it out")
        return self

    @model_validator(mode="after")
    def _blanks_of_links_are_filled(self) -> Self:
        if self.stop_url is None and isinstance(self.sms, MainlandSms) and self.sms.has_links:
            raise ValueError(
                "a template of sms has the blank 'stop', which stop_url fills: set it, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, ends in (("webhooks", self.webhooks), ("inbound", self.inbound)):
            names = [one.name for one in ends]
            if len(names) != len(set(names)):
                raise ValueError(f"{what}: two endpoints share a name in {names}")
        return self
