"""What signs the messages to a receiver, and those of a sender."""

from __future__ import annotations

from collections.abc import Mapping

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from alerts.settings import InboundSender, WebhookEndpoint
from foremend.vocabulary.errors import ConfigError


def secret_of(endpoint: WebhookEndpoint | InboundSender, environ: Mapping[str, str]) -> str:
    """The secret that an endpoint's settings point at. Raises ConfigError when there is none."""
    if endpoint.secret_file is not None:
        if not endpoint.secret_file.is_file():
            raise ConfigError(f"webhook {endpoint.name!r}: there is no secret file {endpoint.secret_file}")
        try:
            secret = endpoint.secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"webhook {endpoint.name!r}: the secret file {endpoint.secret_file} cannot be read ({error})"
            ) from error
    else:
        secret = environ.get(str(endpoint.secret_env), "")
    if not secret:
        raise ConfigError(
            f"webhook {endpoint.name!r}: no secret in {endpoint.secret_file or endpoint.secret_env}"
        )
    return secret


def signers(endpoint: WebhookEndpoint | InboundSender, secret: str) -> list[Webhook]:
    """What signs, or is verified, with each of several secrets with blanks or lines between: the new one first.

    Raises ConfigError when one of them is none.
    """
    return [signer(endpoint, one) for one in secret.split()]


def signer(endpoint: WebhookEndpoint | InboundSender, secret: str) -> Webhook:
    """What signs with `secret`, `whsec_` and base64. Raises ConfigError when it is not, without showing it."""
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise ConfigError(f"webhook {endpoint.name!r}: the secret is not base64 after whsec_") from error
