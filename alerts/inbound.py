"""Steps on tickets that another system sends as a webhook, signed after Standard Webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from alerts.settings import AlertsSettings
from alerts.ticket_steps import AnyStep
from alerts.webhook_secret import secret_of, signers
from foremend.vocabulary.errors import InputError


class UnsignedError(InputError):
    """Nobody knows who sent it: no such sender, no signature of its secret, or one of minutes ago."""


class StepData(BaseModel):
    """`version` is the one that the sender has read, left out for whatever the ticket is now at."""

    ticket_id: Annotated[str, Field(min_length=1, max_length=40)]
    version: Annotated[int, Field(ge=1, le=2**53)] | None = None
    step: AnyStep


class StepEvent(BaseModel):
    """What is sent, as a CloudEvent or as plain Standard Webhooks: other members are not looked at."""

    type: Literal["foremend.ticket.step"]
    data: StepData


@dataclass(frozen=True, slots=True)
class Inbound:
    """Who may send, by name, each with the secrets that count now: a new one and the one before it."""

    senders: Mapping[str, Sequence[Webhook]]

    def read(self, name: str, body: bytes, headers: Mapping[str, str]) -> tuple[StepEvent, str]:
        """The step in `body`, and the id under which a repeat is known.

        Raises UnsignedError, and InputError for what is signed and no step.
        """
        for one in self.senders.get(name, ()):
            try:
                one.verify(body, dict(headers))
            except JSONDecodeError:  # it looks at the signature first
                break
            except (WebhookVerificationError, ValueError):
                continue
            break
        else:
            raise UnsignedError(
                "it bears no signature of a sender that is known here, of the last five minutes"
            )
        try:
            event = StepEvent.model_validate_json(body)
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise InputError(f"this is no step of a ticket: {said}") from error
        return event, headers["webhook-id"]


NOBODY = Inbound({})


def open_inbound(settings: AlertsSettings, environ: Mapping[str, str]) -> Inbound:
    """The senders of the settings. Raises ConfigError for a secret that is missing or none."""
    return Inbound({one.name: signers(one, secret_of(one, environ)) for one in settings.inbound})
