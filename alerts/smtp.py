"""E-mail to owners by one's own mail server: text and HTML, with a header by which mail programs stop such messages."""

from __future__ import annotations

import re
import smtplib
import ssl
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from alerts.channels import Channel, Message
from alerts.courier import Courier
from alerts.inner_addresses import Connections, InnerAddressError
from alerts.mail_page import page
from alerts.public import PRIVATE, is_inner
from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError
from foremend.vocabulary.schema import DurationMs, SettingsPath, Strict, secret

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@[^\s@<>()\[\],;:\"\\]{1,255}")
_PORTS = {"tls": 465, "starttls": 587, "none": 25}  # RFC 8314 for the first two


class MailServer(Strict):
    """A server that takes e-mail to anybody; its password comes from the environment or a file, never from here."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """None: 465 for `tls`, 587 for `starttls`, 25 for `none`."""
    security: Literal["tls", "starttls", "none"] = "starttls"
    """`tls` from the first byte, `starttls` before anything is said; either checks the certificate against `host`."""
    user: str | None = None
    password_env: str | None = None
    password_file: SettingsPath | None = None
    sender: Annotated[str, Field(pattern=rf"^{_ADDRESS.pattern}$")]
    """The address that messages come from, of a domain for which the server may send."""
    sender_name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\r\n]+$")] = "Foremend"
    allow_private: bool = False
    """Also reach addresses of your own network."""
    timeout: Annotated[DurationMs, Field(ge=10)] = 30_000
    """For the whole of a message, from the look-up of the name to the server's last word."""

    @model_validator(mode="after")
    def _keeps_its_secret(self) -> Self:
        given = [one for one in (self.password_env, self.password_file) if one is not None]
        if len(given) != (0 if self.user is None else 1):
            raise ValueError("with user give password_env or password_file, one of them; without, none")
        if self.security == "none" and not self.allow_private:
            raise ValueError("security: none sends in clear; use starttls or tls, or allow_private at home")
        if self.security == "none" and self.user is not None:
            raise ValueError("security: none would send the password in clear; use starttls or tls")
        return self

    def open(self, name: str) -> Channel:
        """The sender. Raises ConfigError as `check` does."""
        return MailChannel(self, self.check(f"alerts.{name}"))

    def check(self, setting: str) -> str:
        """The password. Raises ConfigError where there is none, and for a private address that is not allowed."""
        if not self.allow_private and is_inner(self.host):
            raise ConfigError(f"{setting}.host: {PRIVATE}")
        return self._secret(f"{setting}.password")

    def _secret(self, setting: str) -> str:
        """Empty where the server asks for none. Raises ConfigError where none is in the variable or the file."""
        return "" if self.user is None else secret(setting, self.password_env, self.password_file)


class MailChannel:
    """Sends each message over a connection of its own.

    A message that was taken just before the connection broke is sent again: it has the same Message-ID then.
    """

    def __init__(self, settings: MailServer, password: str) -> None:
        self.longest_send = settings.timeout
        self._settings, self._password = settings, password
        self._tls = ssl.create_default_context()  # the system's authorities, and those in SSL_CERT_FILE
        name = f"mail server {settings.host}"
        self._courier = Courier(name, settings.timeout, public_only=not settings.allow_private)

    def send(self, message: Message) -> None:
        """Raises RefusedError for what the server will never take, UnavailableError to be asked again.

        What a server says is in neither, as it may name the address.
        """
        if not _ADDRESS.fullmatch(message.address):
            raise RefusedError("the owner's address is none that an e-mail can be sent to")
        self._courier.run(lambda connections: self._hand_over(message, connections))

    def cut(self) -> None:
        self._courier.cut()

    def close(self) -> None:
        """Nothing stays open between messages."""

    def _hand_over(self, message: Message, connections: Connections) -> None:
        where = f"mail server {self._settings.host}"
        try:
            with self._connected(where) as server:
                server.send_message(mail(message, self._settings), self._settings.sender, [message.address])
        except (smtplib.SMTPException, OSError) as error:
            if connections.refused or isinstance(error, InnerAddressError):
                raise UnavailableError(
                    f"{where} is at a private address; set allow_private if it is meant"
                ) from None
            raise _meant(where, error) from None

    def _connected(self, where: str) -> smtplib.SMTP:
        """Logged in, where there is a user. Raises UnavailableError where the server can do no STARTTLS or login."""
        chosen = self._settings
        port, seconds = chosen.port or _PORTS[chosen.security], chosen.timeout / 1000
        if chosen.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(chosen.host, port, timeout=seconds, context=self._tls)
        else:
            server = smtplib.SMTP(chosen.host, port, timeout=seconds)
        wanted = "STARTTLS"
        try:
            if chosen.security == "starttls":
                server.starttls(context=self._tls)
            wanted = "login"
            if chosen.user is not None:
                server.login(chosen.user, self._password)
        except smtplib.SMTPNotSupportedError:
            server.close()
            raise UnavailableError(f"{where} offers no {wanted}") from None
        except BaseException:
            server.close()
            raise
        return server


def mail(message: Message, settings: MailServer) -> EmailMessage:
    """As text and as HTML, both saying the same."""
    local, _, domain = settings.sender.rpartition("@")
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(settings.sender_name, local, domain)
    made["To"] = Address("", *message.address.rpartition("@")[::2])
    made["Subject"] = message.subject or settings.sender_name
    made["Date"] = datetime.fromtimestamp(message.at / 1000, UTC)
    made["Message-ID"] = f"<{message.id}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer by a machine
    if message.language:
        made["Content-Language"] = message.language
    if message.link:
        made["List-Unsubscribe"] = f"<{message.link}>"
        if message.link.startswith("https://"):  # RFC 8058, section 3.1
            made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(message.body)
    made.add_alternative(page(message), subtype="html")
    return made


def _meant(where: str, error: Exception) -> UnavailableError | RefusedError:
    """What it means in our words: what is wrong with this message alone is refused, all else may be mended."""
    code = _code(error)
    match error:
        case smtplib.SMTPRecipientsRefused() if 500 <= code < 600:
            return RefusedError(f"{where} does not take e-mail for the owner's address ({code})")
        case smtplib.SMTPDataError() if 500 <= code < 600:
            return RefusedError(f"{where} does not take this message ({code})")
        case smtplib.SMTPNotSupportedError():
            return RefusedError(f"{where} takes no address with letters beyond ASCII")
        case smtplib.SMTPAuthenticationError():
            return UnavailableError(f"{where} refuses user and password ({code})")
        case ssl.SSLCertVerificationError():
            return UnavailableError(f"{where}: its certificate is not trusted ({error.verify_message})")
        case _ if code:
            return UnavailableError(f"{where} answered {code}")
    return UnavailableError(f"{where} is not reached ({type(error).__name__})")


def _code(error: Exception) -> int:
    """The reply code that it is about; 0 where the server said none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0
