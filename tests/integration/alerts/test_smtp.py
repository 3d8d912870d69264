"""E-mail over a real mail server: what arrives, TLS, refusals, and a server that never comes to an end."""

from __future__ import annotations

import email
import email.policy
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from alerts.channels import Message
from alerts.settings import AlertsSettings
from alerts.smtp import MailServer
from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError
from tests.integration.alerts.test_webhook import self_signed

LINK = "https://m.example/s/" + "A" * 20
WARNING = Message(
    "nt_1",
    "foremend.warning",
    f"Foremend: Anna <&> fridge: it leaks.\n1. Keep the door shut\nStop: {LINK}",
    "anna@example.com",
    "en",
    1_767_240_000_000,
    "fridge-1",
    "Anna <&> fridge: it leaks",
    LINK,
)


class Post:
    """What a server took, and what it answers: `rcpt` and `data` where it refuses."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.to: list[str] = []
        self.rcpt, self.data = "250 OK", "250 OK"
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            made = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(made, EmailMessage)
            self.taken.append(made)
            self.to += envelope.rcpt_tos
        return self.data

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """One user, one password."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of `localhost`, trusted by whoever asks the system."""
    path = tmp_path / "mail.pem"
    path.write_bytes(self_signed("localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Post, int]]]:
    """Starts mail servers on free ports; answers what they took and where they are."""
    running: list[Controller] = []

    def start(certificate: Path | None = None, security: str = "none", **options: Any) -> tuple[Post, int]:
        post, context = Post(), None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
        tls = {"ssl_context": context} if security == "tls" else {"tls_context": context}
        if options.pop("login", False):
            options |= {"authenticator": post.login, "auth_required": True}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        one = Controller(post, hostname="127.0.0.1", port=port, **tls, **options)
        one.start()
        running.append(one)
        return post, port

    yield start
    for one in running:
        one.stop()


def opened(port: int, **settings: Any) -> Any:
    chosen = {"host": "localhost", "security": "none", "sender": "home@example.org", "allow_private": True}
    return MailServer(**chosen | {"port": port} | settings).open("email")


def test_a_warning_arrives_as_text_and_as_html_saying_the_same(
    serve: Callable[..., tuple[Post, int]],
) -> None:
    """What an owner wrote is text in both; nothing is fetched from anywhere."""
    post, port = serve()

    opened(port).send(WARNING)

    [mail] = post.taken
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == WARNING.body.splitlines()
    page = html.get_content()
    assert "Anna &lt;&amp;&gt; fridge: it leaks." in page
    assert f'<a href="{LINK}">{LINK}</a>' in page
    assert re.findall(r"(?:src|href)=\"([^\"]+)\"", page) == [LINK]
    assert (mail["From"], mail["To"]) == ("Foremend <home@example.org>", "anna@example.com")
    assert mail["Subject"] == WARNING.subject
    assert (mail["Message-ID"], post.to) == ("<nt_1@example.org>", ["anna@example.com"])


@pytest.mark.parametrize(("link", "one_click"), [(LINK, True), ("http://10.0.0.2/s/A", False), ("", False)])
def test_mail_programs_find_how_to_stop_it(
    serve: Callable[..., tuple[Post, int]], link: str, one_click: bool
) -> None:
    """RFC 8058, which wants https; without a link there is none of it."""
    post, port = serve()

    opened(port).send(Message("nt_2", "foremend.warning", "Hello", "anna@example.com", link=link))

    [mail] = post.taken
    assert mail["List-Unsubscribe"] == (f"<{link}>" if link else None)
    assert mail["List-Unsubscribe-Post"] == ("List-Unsubscribe=One-Click" if one_click else None)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # it does not count TLS from the first byte
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_nothing_is_said_before_tls_and_the_password_is_the_files(
    serve: Callable[..., tuple[Post, int]], certificate: Path, tmp_path: Path, security: str
) -> None:
    """The first line of a file is the password."""
    before = security == "starttls"
    post, port = serve(certificate, security, login=True, require_starttls=before, auth_require_tls=before)
    (tmp_path / "password").write_text("right\n")

    opened(port, security=security, user="home", password_file=tmp_path / "password").send(WARNING)

    assert len(post.taken) == 1
    assert post.logins == [(b"home", b"right")]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_of_another_name_is_not_trusted(
    serve: Callable[..., tuple[Post, int]], certificate: Path, security: str
) -> None:
    """Nor is a server that cannot do TLS spoken to in clear."""
    post, port = serve(certificate, security)
    plain, other = serve()

    with pytest.raises(UnavailableError, match="certificate is not trusted"):
        opened(port, host="127.0.0.1", security=security).send(WARNING)
    with pytest.raises((UnavailableError, RefusedError)):
        opened(other, security=security, timeout="2 s").send(WARNING)

    assert (post.taken, plain.taken) == ([], [])


def test_a_wrong_password_is_asked_again_and_never_shown(
    serve: Callable[..., tuple[Post, int]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may mend it."""
    _, port = serve(certificate, "starttls", login=True)
    monkeypatch.setenv("MAIL", "wrong-password")

    with pytest.raises(UnavailableError, match=r"refuses user and password \(535\)") as raised:
        opened(port, security="starttls", user="home", password_env="MAIL").send(WARNING)

    assert "wrong-password" not in str(raised.value)


def test_a_server_without_starttls_or_a_login_keeps_no_message(
    serve: Callable[..., tuple[Post, int]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be set up wrongly for an hour: what waits is sent then, and was set aside for good."""
    monkeypatch.setenv("MAIL", "right")
    _, plain = serve()
    _, without_login = serve(certificate, "tls")

    with pytest.raises(UnavailableError, match="offers no STARTTLS"):
        opened(plain, security="starttls").send(WARNING)
    with pytest.raises(UnavailableError, match="offers no login"):
        opened(without_login, security="tls", user="home", password_env="MAIL").send(WARNING)


@pytest.mark.parametrize(
    ("rcpt", "data", "error", "code"),
    [
        ("550 no anna@example.com here", "250 OK", RefusedError, 550),
        ("451 anna@example.com: later", "250 OK", UnavailableError, 451),
        ("250 OK", "554 spam for anna@example.com", RefusedError, 554),
        ("250 OK", "452 full, anna@example.com", UnavailableError, 452),
    ],
)
def test_what_a_server_refuses_for_good_is_set_aside_and_all_else_is_asked_again(
    serve: Callable[..., tuple[Post, int]], rcpt: str, data: str, error: type[Exception], code: int
) -> None:
    """By its code; what it says in words may name the owner's address, and stays out."""
    post, port = serve()
    post.rcpt, post.data = rcpt, data

    with pytest.raises(error, match=str(code)) as raised:
        opened(port).send(WARNING)

    assert "anna" not in str(raised.value)
    assert post.taken == []


@pytest.mark.parametrize("address", ["", "anna", "a@b, c@d", "a@b\r\nBcc: c@d", "Anna <anna@example.com>"])
def test_an_address_that_is_none_never_reaches_a_server(
    serve: Callable[..., tuple[Post, int]], address: str
) -> None:
    """Nor do two of them, or a header in it."""
    post, port = serve()

    with pytest.raises(RefusedError, match="none that an e-mail can be sent to"):
        opened(port).send(Message("nt_3", "foremend.warning", "Hello", address))

    assert post.taken == []


class Trickle:
    """A server that says its greeting a letter at a time and never comes to its end."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.gone = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._socket.accept()
        with client:
            try:
                client.sendall(b"220-")
                while not self._stop.wait(0.02):
                    client.sendall(b"x")
            except OSError:
                self.gone.set()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


def test_a_server_that_trickles_gains_nothing_by_it() -> None:
    """The deadline is one for the whole, and the connection ends with it."""
    server = Trickle()
    try:
        with pytest.raises(UnavailableError, match="no answer within 300 ms"):
            opened(server.port, timeout="300 ms").send(WARNING)
        assert server.gone.wait(30)
    finally:
        server.close()


def test_a_stop_does_not_wait_for_a_server() -> None:
    """Whoever waits for it is told so."""
    server = Trickle()
    try:
        channel = opened(server.port)
        threading.Timer(0.1, channel.cut).start()
        with pytest.raises(UnavailableError, match="Foremend stops"):
            channel.send(WARNING)
        assert server.gone.wait(30)
    finally:
        server.close()


def test_a_private_address_is_reached_only_where_it_is_meant(serve: Callable[..., tuple[Post, int]]) -> None:
    """By its number at the start, by a name as the message leaves."""
    _, port = serve()

    with pytest.raises(ConfigError, match="private address"):
        opened(port, host="127.0.0.1", security="starttls", allow_private=False)
    with pytest.raises(UnavailableError, match="private address"):
        opened(port, security="starttls", allow_private=False).send(WARNING)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"user": "a"}, "password_env or password_file"),
        ({"password_env": "A"}, "password_env or password_file"),
        ({"security": "none"}, "in clear"),
        ({"security": "none", "allow_private": True, "user": "a", "password_env": "B"}, "in clear"),
        ({"sender": "nobody"}, "sender"),
    ],
)
def test_settings_that_would_leak_or_fail_are_refused(settings: dict[str, Any], why: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match=why):
        AlertsSettings(email={"host": "mail.example", "sender": "home@example.org"} | settings)
