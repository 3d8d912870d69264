"""Webhooks over real HTTP, to the stand-in platform in a process of its own."""

from __future__ import annotations

import base64
import re
import secrets
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alerts import queries
from alerts.channels import GoneError, Message, TryLaterError
from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.dispatch import open_channels
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.vault import Vault
from alerts.webhook import WebhookChannel
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import Finding, Purpose

REPO = Path(__file__).parents[3]
TICKETS = 5


class SystemClock:
    """The real time, which the platform checks signatures against."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass
class Platform:
    """The stand-in platform: where it is, and what it says of itself."""

    url: str
    secret: str
    secret_file: Path

    def misbehave(self, **faults: float) -> None:
        httpx.put(f"{self.url}/faults", json=faults).raise_for_status()

    def get(self, what: str) -> Any:
        return httpx.get(f"{self.url}/{what}", timeout=60).raise_for_status().json()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A running platform; its log names the free port that it took."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    secret_file = tmp_path / "webhook.secret"
    secret_file.write_text(secret)
    command = [sys.executable, "-m", "simulators.platform", "--port", "0"]
    command += ["--secret-file", str(secret_file), "--store", str(tmp_path / "platform.db")]
    process = subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as log:
        found = next(match for line in log if (match := re.search(r"running on (http://\S+)", line)))
        yield Platform(found[1], secret, secret_file)
        process.terminate()
        process.wait(20)


@pytest.fixture
def open_real(platform: Platform, database: str) -> Iterator[Callable[..., Alerts]]:
    """Opens the stage with its real channels, aimed at the platform; tickets are consented."""
    endpoint = {"name": "platform", "url": f"{platform.url}/webhooks", "secret_file": platform.secret_file}
    settings = AlertsSettings(
        database=database,
        webhooks=[endpoint | {"allow_private": True, "timeout": "300 ms"}],
        retry={"first_delay": "20 ms", "longest_delay": "100 ms"},
        sms=None,
        push=None,
    )
    opened: list[Alerts] = []
    vault = Vault(Fernet.generate_key().decode())

    def make() -> Alerts:
        clock = SystemClock()
        channels = open_channels(settings, clock, {})
        alerts = open_alerts(settings, clock, vault, channels, np.random.default_rng(1), {}, {})
        opened.append(alerts)
        return alerts

    alerts = make()
    alerts.owners.register_owners([Owner("o-1", {})])
    alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", "BCD-200")])
    said = ConsentRecord("fridge-1", "o-1", Purpose.TICKET, True, SystemClock().now_ms(), "1", "zh", "app")
    alerts.consent.record([said])
    yield make
    for one in opened:
        one.close()


def channel(platform: Platform, **changes: Any) -> WebhookChannel:
    """A webhook channel to the platform."""
    endpoint = {
        "name": "platform",
        "url": f"{platform.url}/webhooks",
        "secret_env": "S",
        "allow_private": True,
    }
    [chosen] = AlertsSettings(webhooks=[endpoint | changes]).webhooks
    return WebhookChannel(chosen, platform.secret, SystemClock())


def message() -> Message:
    return Message(
        "ev_1", "foremend.ticket.opened", '{"type": "foremend.ticket.opened", "data": {"ticket_id": "t"}}'
    )


def test_each_ticket_arrives_once_through_errors_and_hangs(
    platform: Platform, open_real: Callable[..., Alerts], finding: Callable[..., Finding]
) -> None:
    """The receiver answers 500, then takes events and hangs, then is well: each ticket is there once by its id."""
    platform.misbehave(server_errors=7, hangs=3, hang_s=2)
    alerts = open_real()
    alerts.dispatcher.start()

    for number in range(TICKETS):
        alerts.effects.apply([finding(fault=f"fault-{number}")], [], number + 1)
    assert alerts.dispatcher.wait_until_empty(60)

    stats = platform.get("stats")
    tickets = {ticket["ticket_id"] for ticket in platform.get("tickets")}
    assert tickets == {ticket["ticket_id"] for ticket in queries.tickets(alerts.engine).items}
    assert stats["events"] == {"foremend.ticket.opened": TICKETS}
    assert (stats["deliveries"]["refused 500"], stats["deliveries"]["accepted"]) == (7, TICKETS)
    assert stats["deliveries"]["repeat"] >= 3  # each hang, and whatever a busy machine answered too late
    assert queries.counts(alerts.engine).webhooks_delivered == TICKETS


def test_tickets_committed_before_a_crash_are_sent_after_it(
    platform: Platform, open_real: Callable[..., Alerts], finding: Callable[..., Finding]
) -> None:
    """Effects that committed before the dispatcher ran are sent by the next start, once each."""
    crashed = open_real()
    crashed.effects.apply([finding(fault=f"fault-{number}") for number in range(TICKETS)], [], 1)
    restarted = open_real()
    restarted.effects.apply([finding(fault=f"fault-{number}") for number in range(TICKETS)], [], 1)

    restarted.dispatcher.start()
    assert restarted.dispatcher.wait_until_empty(60)

    assert platform.get("stats")["events"] == {"foremend.ticket.opened": TICKETS}
    assert queries.counts(restarted.engine).webhooks_delivered == TICKETS


def test_410_and_retry_after_are_understood(platform: Platform) -> None:
    """The two answers that mean more than a failure."""
    platform.misbehave(busy=1, retry_after_s=7, gone=1)
    sender = channel(platform)

    with pytest.raises(TryLaterError, match="answered 503") as busy:
        sender.send(message())
    with pytest.raises(GoneError, match="answered 410"):
        sender.send(message())

    sender.close()
    assert busy.value.wait == 7_000


def test_a_receiver_with_another_secret_refuses(platform: Platform) -> None:
    """A wrong signature is answered 401 and stays a failure to be seen and retried."""
    stranger = Platform(platform.url, "whsec_" + base64.b64encode(b"x" * 24).decode(), platform.secret_file)
    sender = channel(stranger)

    with pytest.raises(UnavailableError, match="answered 401"):
        sender.send(message())

    sender.close()
    assert platform.get("stats")["events"] == {}


def test_private_addresses_are_refused_unless_allowed(platform: Platform) -> None:
    """An endpoint that resolves into our own network is not called."""
    sender = channel(platform, url="https://localhost:1/webhooks", allow_private=False)

    with pytest.raises(UnavailableError, match="private address"):
        sender.send(message())

    sender.close()


def test_a_name_with_a_dead_first_address_is_reached_by_its_second(platform: Platform) -> None:
    """`localhost` is ::1 first on many machines; the platform listens on 127.0.0.1 only."""
    sender = channel(platform, url=f"{platform.url.replace('127.0.0.1', 'localhost')}/webhooks")

    sender.send(message())

    sender.close()
    assert platform.get("stats")["deliveries"] == {"accepted": 1}


def test_nobody_listening_is_a_reason_to_try_again(platform: Platform) -> None:
    """A refused connection is reported as such."""
    sender = channel(platform, url="http://127.0.0.1:9/webhooks")

    with pytest.raises(UnavailableError, match="no answer"):
        sender.send(message())

    sender.close()


def test_the_platform_stops_a_ticket_whose_consent_was_withdrawn(
    platform: Platform, open_real: Callable[..., Alerts], finding: Callable[..., Finding]
) -> None:
    """The one message that leaves after a withdrawal is the one that stops the ticket over there."""
    alerts = open_real()
    alerts.effects.apply([finding()], [], 1)
    alerts.dispatcher.run_once()
    withdrawn = ConsentRecord(
        "fridge-1", "o-1", Purpose.TICKET, False, SystemClock().now_ms(), "1", "zh", "app"
    )
    alerts.consent.record([withdrawn])

    alerts.dispatcher.start()
    assert alerts.dispatcher.wait_until_empty(60)

    [ticket] = platform.get("tickets")
    assert ticket["status"] == "withdrawn"


@pytest.fixture
def https_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A receiver over TLS whose certificate is for the name `localhost` alone, trusted through SSL_CERT_FILE."""
    certificate = tmp_path / "localhost.pem"
    certificate.write_bytes(self_signed("localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), NoContent)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class NoContent(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Nothing to say."""


def self_signed(name: str) -> bytes:
    """A key and its certificate for one DNS name, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def test_the_certificate_is_checked_against_the_name(platform: Platform, https_port: int) -> None:
    """Although the connection goes to the address that was checked, TLS asks for the endpoint's name."""
    named = channel(platform, url=f"https://localhost:{https_port}/hook")
    numbered = channel(platform, url=f"https://127.0.0.1:{https_port}/hook")

    named.send(message())
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        numbered.send(message())

    named.close()
    numbered.close()
