"""Signed webhooks: CloudEvents 1.0 in JSON, signed after the Standard Webhooks specification, sent with httpx."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from alerts.addresses import Lookup, Resolver, resolve
from alerts.channels import GoneError, Message, TryLaterError
from alerts.settings import WebhookEndpoint
from alerts.webhook_secret import secret_of, signers
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock

_MOST_DIGITS = 9  # of a number of seconds: 31 years; more is as good as for ever
_KEPT_S = 2.0
"""A connection between two messages: less than receivers keep one, so that none is used while it ends."""
_FOR_EVER_MS = 10**_MOST_DIGITS * 1_000


class WebhookChannel:
    """One endpoint. Redirects are not followed, proxies not used, answers not read beyond their headers.

    The endpoint's timeout is one deadline for the whole exchange, from the look-up of the name to the last byte of the
    answer's headers (httpx bounds them to 100 KB): a receiver that trickles gains nothing by it. Messages that are sent
    together begin at one moment, and have it in common.
    """

    def __init__(
        self, endpoint: WebhookEndpoint, secret: str, clock: Clock, resolver: Resolver = resolve
    ) -> None:
        """`secret`: `whsec_` and base64, as Standard Webhooks writes it; of several with blanks between each signs.

        Raises ConfigError when it is not.
        """
        self._endpoint = endpoint
        self._clock = clock
        self._url = httpx.URL(endpoint.url)
        self._signers = signers(endpoint, secret)
        self._lookup = Lookup(resolver)
        self._exchange = Exchange(endpoint.timeout / 1000)
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(),  # the system's authorities, and those in SSL_CERT_FILE
            timeout=None,  # the exchange has one deadline
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=endpoint.at_once, keepalive_expiry=_KEPT_S),
        )
        self.longest_send = endpoint.timeout
        self.at_once = endpoint.at_once

    def send(self, message: Message) -> None:
        [error] = self.send_all([message])
        if error is not None:
            raise error

    def send_all(self, messages: Sequence[Message]) -> list[Exception | None]:
        """Side by side, under one deadline: what went wrong with each, None where the receiver has it."""
        answers: list[httpx.Response | Exception | None] = [None] * len(messages)
        ended: Exception | None = None
        try:
            self._exchange.run(lambda: self._post_all(messages, answers))
        except (UnavailableError, TimeoutError) as error:  # of all that have no answer yet
            ended = error
        return [self._wrong(ended if one is None else one) for one in answers]

    def cut(self) -> None:
        """Break off what is under way, from another thread; nothing is sent any more."""
        self._exchange.cut()

    def close(self) -> None:
        self._exchange.close(self._client.aclose)

    async def _post_all(
        self, messages: Sequence[Message], answers: list[httpx.Response | Exception | None]
    ) -> None:
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        addresses = await self._lookup.addresses(self._url.host, port, self._endpoint.allow_private)

        async def post(number: int, message: Message) -> None:
            try:
                answers[number] = await self._post_to_first(message, addresses)
            except Exception as error:  # noqa: BLE001 what is wrong with one is told of that one
                answers[number] = error

        await asyncio.gather(*(post(number, one) for number, one in enumerate(messages)))

    async def _post_to_first(self, message: Message, addresses: Sequence[str]) -> httpx.Response:
        """The answer of the first address that takes the connection; each but the last has its part of the time."""
        for address in addresses[:-1]:
            try:
                return await self._post(message, address, self._endpoint.timeout / 1000 / len(addresses))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post(message, addresses[-1], None)

    async def _post(self, message: Message, address: str, connect_s: float | None) -> httpx.Response:
        """Connect to the very address that was checked: asking the name again could give another one."""
        request = self._client.build_request(
            "POST",
            self._url.copy_with(host=address),
            content=message.body.encode(),
            headers=self._headers(message),
            extensions={"sni_hostname": self._url.host},
            timeout=httpx.Timeout(None, connect=connect_s),
        )
        response = await self._client.send(request, stream=True)
        if _is_empty(response):
            await response.aread()  # the end of it, so that the next message needs no connection of its own
        await response.aclose()
        return response

    def _headers(self, message: Message) -> dict[str, str]:
        now = datetime.fromtimestamp(self._clock.now_ms() // 1000, UTC)
        return {
            "Host": self._url.netloc.decode(),
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "Foremend",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(one.sign(message.id, now, message.body) for one in self._signers),
        }

    def _wrong(self, answer: httpx.Response | Exception | None) -> Exception | None:
        if isinstance(answer, httpx.Response):
            return self._judged(answer)
        if not isinstance(answer, httpx.HTTPError | httpx.StreamError | TimeoutError):
            return answer
        said = f"{type(answer).__name__}: {answer}" if str(answer) else f"within {self.longest_send} ms"
        wrong = UnavailableError(f"webhook {self._endpoint.name!r}: no answer ({said})")
        wrong.__cause__ = answer
        return wrong

    def _judged(self, response: httpx.Response) -> Exception | None:
        if response.is_success:
            return None
        sentence = f"webhook {self._endpoint.name!r} answered {response.status_code}"
        if response.status_code == httpx.codes.GONE:
            return GoneError(sentence)
        if (wait := retry_after(response.headers.get("Retry-After", ""), self._clock.now_ms())) is not None:
            return TryLaterError(sentence, wait)
        return UnavailableError(sentence)


def _is_empty(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.NO_CONTENT or response.headers.get("Content-Length") == "0"


class Exchange:
    """Runs one exchange at a time, to its end or its deadline; only `cut` is for other threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._runner = asyncio.Runner()
        self._lock = threading.Lock()
        self._cut = self._closed = False
        self._under_way: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def run(self, exchange: Callable[[], Any]) -> Any:
        """What `exchange` answers. Raises TimeoutError at the deadline, UnavailableError when it was cut."""
        try:
            return self._runner.run(self._bounded(exchange))
        except asyncio.CancelledError as error:
            raise UnavailableError("broken off: Foremend stops") from error

    def cut(self) -> None:
        """Cancel what is under way, and whatever would be begun."""
        with self._lock:
            self._cut = True
            if self._under_way is not None:
                loop, task = self._under_way
                loop.call_soon_threadsafe(task.cancel)

    def close(self, last: Callable[[], Any]) -> None:
        """Run `last` and let go of the loop. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._runner.run(last())
            self._runner.close()

    async def _bounded(self, exchange: Callable[[], Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            if self._cut:
                raise asyncio.CancelledError
            self._under_way = asyncio.get_running_loop(), task
        try:
            async with asyncio.timeout(self._seconds):
                return await exchange()
        finally:
            with self._lock:
                self._under_way = None


def open_webhook(endpoint: WebhookEndpoint, clock: Clock, environ: Mapping[str, str]) -> WebhookChannel:
    """The channel of an endpoint with the secret its settings point at. Raises ConfigError when there is none."""
    return WebhookChannel(endpoint, secret_of(endpoint, environ), clock)


def retry_after(value: str, now: int) -> int | None:
    """Retry-After (RFC 9110, section 10.2.3), seconds or a date, as ms from `now`; None where it is neither."""
    if value.isascii() and value.isdigit():
        number = value.lstrip("0")
        return int(number or "0") * 1_000 if len(number) <= _MOST_DIGITS else _FOR_EVER_MS
    try:
        moment = parsedate_to_datetime(value)
        ahead = round(moment.timestamp() * 1000) - now
    except (ValueError, OverflowError, TypeError, IndexError, AttributeError, OSError):
        return None  # a receiver may write what it likes: a date that is none is as if it were not there
    return min(max(0, ahead), _FOR_EVER_MS)
