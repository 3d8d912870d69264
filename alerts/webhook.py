"""Signed webhooks: CloudEvents 1.0 in JSON, signed after the Standard Webhooks specification, sent with httpx."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from alerts.channels import GoneError, Message, TryLaterError
from alerts.settings import WebhookEndpoint
from foremend.errors import ConfigError, UnavailableError
from foremend.ports import Clock

_MOST_ADDRESSES = 2  # of a name with many, so that a send stays bounded: a name's IPv6 and IPv4


class WebhookChannel:
    """One endpoint. Redirects are not followed, proxies not used, answers not read beyond their headers."""

    def __init__(self, endpoint: WebhookEndpoint, secret: str, clock: Clock) -> None:
        """`secret`: `whsec_` and base64, as Standard Webhooks writes it. Raises ConfigError when it is not."""
        self._endpoint = endpoint
        self._clock = clock
        self._url = httpx.URL(endpoint.url)
        try:
            self._signer = Webhook(secret)
        except (ValueError, EmptyWebhookSecretError) as error:
            raise ConfigError(f"webhook {endpoint.name!r}: the secret is not base64 after whsec_") from error
        seconds = endpoint.timeout / 1000
        timeout = httpx.Timeout(seconds, connect=seconds / _MOST_ADDRESSES)
        self._client = httpx.Client(
            verify=ssl.create_default_context(),  # the system's authorities, and those in SSL_CERT_FILE
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
        )
        self.longest_send = 3 * endpoint.timeout  # connect, write and wait for the answer

    def send(self, message: Message) -> None:
        addresses = allowed_addresses(self._url, self._endpoint.allow_private)
        try:
            self._judge(self._post_to_first(message, addresses))
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise UnavailableError(f"webhook {self._endpoint.name!r}: no answer ({kind}: {error})") from error

    def close(self) -> None:
        self._client.close()

    def _post_to_first(self, message: Message, addresses: list[str]) -> httpx.Response:
        """The answer of the first address that takes the connection."""
        for address in addresses[:-1]:
            try:
                return self._post(message, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return self._post(message, addresses[-1])

    def _post(self, message: Message, address: str) -> httpx.Response:
        """Connect to the very address that was checked: asking the name again could give another one."""
        request = self._client.build_request(
            "POST",
            self._url.copy_with(host=address),
            content=message.body.encode(),
            headers=self._headers(message),
            extensions={"sni_hostname": self._url.host},
        )
        response = self._client.send(request, stream=True)
        response.close()
        return response

    def _headers(self, message: Message) -> dict[str, str]:
        now = datetime.fromtimestamp(self._clock.now_ms() // 1000, UTC)
        return {
            "Host": self._url.netloc.decode(),
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "Foremend",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message.id, now, message.body),
        }

    def _judge(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        sentence = f"webhook {self._endpoint.name!r} answered {response.status_code}"
        if response.status_code == httpx.codes.GONE:
            raise GoneError(sentence)
        if (wait := retry_after(response.headers.get("Retry-After", ""), self._clock.now_ms())) is not None:
            raise TryLaterError(sentence, wait)
        raise UnavailableError(sentence)


def open_webhook(endpoint: WebhookEndpoint, clock: Clock, environ: Mapping[str, str]) -> WebhookChannel:
    """The channel of an endpoint with the secret its settings point at. Raises ConfigError when there is none."""
    if endpoint.secret_file is not None:
        if not endpoint.secret_file.is_file():
            raise ConfigError(f"webhook {endpoint.name!r}: there is no secret file {endpoint.secret_file}")
        secret = endpoint.secret_file.read_text().strip()
    else:
        secret = environ.get(str(endpoint.secret_env), "")
    if not secret:
        raise ConfigError(
            f"webhook {endpoint.name!r}: no secret in {endpoint.secret_file or endpoint.secret_env}"
        )
    return WebhookChannel(endpoint, secret, clock)


def allowed_addresses(url: httpx.URL, allow_private: bool) -> list[str]:
    """The addresses of the URL's host. One that is not public refuses them all, so that no name leads inside.

    Raises UnavailableError when the name has no address or a private one.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnavailableError(f"{url.host} has no address ({error})") from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    private = [address for address in addresses if not _is_public(address)]
    if private and not allow_private:
        raise UnavailableError(
            f"{url.host} is at the private address {private[0]}; set allow_private if it is meant"
        )
    return addresses[:_MOST_ADDRESSES]


def retry_after(value: str, now: int) -> int | None:
    """Retry-After (RFC 9110, section 10.2.3), seconds or a date, as ms from `now`; None where it is neither."""
    if value.isascii() and value.isdigit():
        return int(value) * 1000
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0, round(moment.timestamp() * 1000) - now)


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast
