"""A fleet on Mosquitto with TLS and a password an appliance, as in production."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import RefusedError, UnavailableError
from simulators.fleet.fleet import Fleet
from simulators.fleet.live import publish
from simulators.fleet.scenario import Scenario
from simulators.fleet.wire import messages

SBIN = f"{os.environ['PATH']}:/usr/sbin"
MOSQUITTO, PASSWD = shutil.which("mosquitto", path=SBIN), shutil.which("mosquitto_passwd", path=SBIN)
POLLS, POLL_S = 500, 0.02
IDS = ("rf-260-00001", "rf-260-00002")

pytestmark = pytest.mark.skipif(
    not (MOSQUITTO and PASSWD), reason="needs Mosquitto: apt-get install mosquitto"
)


def make_certificate(folder: Path) -> Path:
    """A self-signed one for 127.0.0.1; returns the file a client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "cert.pem"


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its address; passwords are `secret-` and the id."""
    monkeypatch.setenv("SSL_CERT_FILE", str(make_certificate(tmp_path)))
    (tmp_path / "passwords").touch(0o600)
    for name in IDS:
        subprocess.run([str(PASSWD), "-b", tmp_path / "passwords", name, f"secret-{name}"], check=True)
    port = free_port()
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {tmp_path}/passwords"]
    lines += [f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem", "user root"]
    (tmp_path / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [str(MOSQUITTO), "-c", tmp_path / "mosquitto.conf"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield f"mqtts://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(POLLS):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(POLL_S)
    pytest.fail("Mosquitto did not start")


def fleet() -> Fleet:
    return Fleet(Scenario(days=2, appliances={"rf-260": 2}), 1)


def test_each_appliance_connects_with_its_own_password_over_tls(broker: str) -> None:
    """Everything is acknowledged."""
    published = publish(fleet(), broker, passwords={name: f"secret-{name}" for name in IDS})

    assert published.messages == len(list(messages(fleet())))


def test_a_wrong_password_is_refused_in_a_sentence(broker: str) -> None:
    """Naming the appliance."""
    with pytest.raises(RefusedError, match="refused rf-260-00002"):
        publish(fleet(), broker, passwords={IDS[0]: f"secret-{IDS[0]}", IDS[1]: "guess"})


@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")  # paho leaves a failed handshake's socket
def test_a_broker_with_an_unknown_certificate_is_not_trusted(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's authorities do not know it."""
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(UnavailableError, match="certificate verify failed"):
        publish(fleet(), broker)
