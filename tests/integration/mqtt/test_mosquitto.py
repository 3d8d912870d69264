"""Mosquitto from Debian, set up by the very steps and files that deploy/mosquitto ships."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alerts.settings import HomeAssistant
from foremend.home.topics import KeptTopics
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.topics import CONSENT_WILDCARD, PROOF
from foremend.vocabulary.types import RawMessage
from ingest.discovery.listen import listen
from ingest.mqtt.look import look
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

OpenSource = Callable[..., MqttSource]
MakePeer = Callable[..., Any]
TakeAll = Callable[..., list[tuple[RawMessage, Any]]]

DEPLOY = Path(__file__).parents[3] / "deploy" / "mosquitto"
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
A_TOPIC = "dt/appliance/generic-compressor/fridge-a/telemetry"
B_TOPIC = "dt/appliance/generic-compressor/fridge-b/telemetry"
PASSWORDS = {"foremend": "pipeline-secret", "fridge-a": "secret-a", "fridge-b": "secret-b"}
POLLS, POLL_S = 500, 0.02

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto: apt-get install mosquitto")


@dataclass
class Mosquitto:
    """A running broker in a folder of its own."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def ca(self) -> Path:
        return self.folder / "certs" / "ca.crt"

    @property
    def settings(self) -> dict[str, Any]:
        """What the pipeline's config.yaml says, as step 8 tells."""
        return {
            "url": f"mqtts://localhost:{self.port}",
            "user": "foremend",
            "password_file": self.folder / "pipeline-password",
            "ca": self.ca,
        }

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self.folder / "mosquitto.conf")], stderr=subprocess.DEVNULL
        )
        for _ in range(POLLS):
            try:
                socket.create_connection(("localhost", self.port), timeout=1).close()
                return
            except OSError:
                with pytest.raises(subprocess.TimeoutExpired):
                    self.process.wait(POLL_S)
        pytest.fail("Mosquitto did not start with the shipped configuration")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)


def run_readme_steps(folder: Path) -> None:
    """Every `sh` block of the README, in order, as an operator would."""
    blocks = re.findall(r"```sh\n(.*?)```", (DEPLOY / "README.md").read_text(), re.DOTALL)
    environment = os.environ | {
        "DIR": str(folder),
        "HOST": "localhost",
        "FOREMEND_PASSWORD": PASSWORDS["foremend"],
    }
    subprocess.run(
        ["sh", "-eu"],
        input="".join(blocks),
        text=True,
        cwd=DEPLOY,
        env=environment,
        check=True,
        capture_output=True,
    )


def move_configuration(folder: Path, port: int) -> None:
    """The shipped file with only paths, port and the system user changed."""
    text = (folder / "mosquitto.conf").read_text()
    text = text.replace("listener 8883", f"listener {port} localhost").replace("/etc/mosquitto", str(folder))
    text = text.replace("/var/lib/mosquitto/", f"{folder}/")
    (folder / "mosquitto.conf").write_text(f"{text}\nuser {getpass.getuser()}\nlog_dest none\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mosquitto")
    run_readme_steps(folder)
    for user in ("fridge-a", "fridge-b"):
        subprocess.run(["mosquitto_passwd", "-b", folder / "passwords", user, PASSWORDS[user]], check=True)
    (folder / "pipeline-password").write_text(PASSWORDS["foremend"])
    return folder


@pytest.fixture
def mosquitto(folder: Path, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with an empty store, on a free port."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with socket.create_server(("localhost", 0)) as probe:
        port = probe.getsockname()[1]
    move_configuration(tmp_path, port)
    broker = Mosquitto(tmp_path, port)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def appliance(mosquitto: Mosquitto, make_peer: MakePeer) -> Callable[[str], Any]:
    """Connects an appliance with its own user name over TLS."""

    def connect(user: str) -> Any:
        return make_peer(
            mosquitto.port, user, host="localhost", ca=mosquitto.ca, user=user, password=PASSWORDS[user]
        )

    return connect


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_the_pipeline_gets_every_appliance_s_messages_over_tls(
    mosquitto: Mosquitto, appliance: Callable[[str], Any], open_source: OpenSource, take_all: TakeAll
) -> None:
    """User, password, certificate and access list fit together as shipped."""
    source = open_source(**mosquitto.settings)

    appliance("fridge-a").publish(A_TOPIC, [b"from a"])
    appliance("fridge-b").publish(B_TOPIC, [b"from b"])

    messages = [message for message, _ in take_all(source, 2)]
    assert {(message.topic, message.payload) for message in messages} == {
        (A_TOPIC, b"from a"),
        (B_TOPIC, b"from b"),
    }


def test_a_wrong_password_is_refused(mosquitto: Mosquitto, open_source: OpenSource) -> None:
    """The pipeline stops with a sentence instead of trying for ever."""
    (mosquitto.folder / "pipeline-password").write_text("wrong")

    with pytest.raises(RefusedError, match="Not authorized"):
        open_source(**mosquitto.settings)


def test_a_certificate_of_another_authority_is_refused(mosquitto: Mosquitto, open_source: OpenSource) -> None:
    """Without our authority's certificate the broker is not trusted."""
    settings = mosquitto.settings | {"ca": None}

    with pytest.raises(RefusedError, match="certificate"):
        open_source(**settings)


def test_a_plain_connection_to_the_tls_port_is_not_accepted(mosquitto: Mosquitto) -> None:
    """Nothing travels without TLS."""
    source = MqttSource(MqttSettings(url=f"mqtt://localhost:{mosquitto.port}"))

    with pytest.raises(UnavailableError, match="ends the connection"):
        source.connect(1.0)


def test_an_appliance_cannot_publish_as_another(
    mosquitto: Mosquitto, appliance: Callable[[str], Any], open_source: OpenSource, take_all: TakeAll
) -> None:
    """What fridge-a publishes under fridge-b's id never arrives; its own message after it does.

    It connects anew for that: having refused a message, Mosquitto 2.0 ends some of such connections.
    """
    source = open_source(**mosquitto.settings)

    appliance("fridge-a").publish(B_TOPIC, [b"forged"])
    appliance("fridge-a").publish(A_TOPIC, [b"own"])

    assert [message.payload for message, _ in take_all(source, 1)] == [b"own"]


def test_an_appliance_says_what_its_own_owner_agreed_to_and_no_other(
    mosquitto: Mosquitto, appliance: Callable[[str], Any], open_source: OpenSource, take_all: TakeAll
) -> None:
    """The shipped ACL lets it, and the pipeline hears it."""
    source = open_source(**mosquitto.settings | {"subscribe": (CONSENT_WILDCARD,)})
    own, others = (topic.replace("telemetry", "consent") for topic in (A_TOPIC, B_TOPIC))

    appliance("fridge-a").publish(others, [b"forged"])
    appliance("fridge-a").publish(own, [b"own"])

    assert [message.payload for message, _ in take_all(source, 1)] == [b"own"]


def test_the_session_survives_absence_and_a_restart_of_the_broker(
    mosquitto: Mosquitto, appliance: Callable[[str], Any], open_source: OpenSource, take_all: TakeAll
) -> None:
    """What was published while the pipeline was away arrives, though Mosquitto itself was restarted meanwhile."""
    open_source(**mosquitto.settings).close()
    appliance("fridge-a").publish(A_TOPIC, numbered(300))
    mosquitto.stop()
    mosquitto.start()

    source = open_source(**mosquitto.settings)

    assert [message.payload for message, _ in take_all(source, 300)] == numbered(300)


@pytest.mark.parametrize(
    "look_around",
    [lambda settings: look(settings, [A_TOPIC]), lambda settings: listen(settings, 1.0)],
    ids=["check", "discover"],
)
def test_whoever_looks_at_the_broker_as_the_pipeline_takes_nothing_from_it(
    mosquitto: Mosquitto,
    appliance: Callable[[str], Any],
    open_source: OpenSource,
    take_all: TakeAll,
    look_around: Callable[[MqttSettings], Any],
) -> None:
    """The name is the user's here: a look had ended the pipeline's session, and 300 acknowledged messages were gone."""
    open_source(**mosquitto.settings).close()
    appliance("fridge-a").publish(A_TOPIC, numbered(300))

    with pytest.raises(RefusedError, match="a user of your own"):
        look_around(MqttSettings(**mosquitto.settings))

    source = open_source(**mosquitto.settings)
    assert [message.payload for message, _ in take_all(source, 300)] == numbered(300)


@pytest.mark.parametrize("pipeline_first", [True, False], ids=["a pipeline that ran", "a first start"])
def test_what_is_kept_for_home_does_not_take_the_pipeline_s_session(
    mosquitto: Mosquitto,
    appliance: Callable[[str], Any],
    open_source: OpenSource,
    take_all: TakeAll,
    caplog: pytest.LogCaptureFixture,
    pipeline_first: bool,
) -> None:
    """As one user both had thrown each other out for ever: of 300 acknowledged messages the pipeline had none."""
    if pipeline_first:
        open_source(**mosquitto.settings).close()
    kept = KeptTopics(MqttSettings(**mosquitto.settings), HomeAssistant())
    kept.start()
    source = open_source(**mosquitto.settings)

    appliance("fridge-a").publish(A_TOPIC, numbered(300))

    assert [message.payload for message, _ in take_all(source, 300)] == numbered(300)
    assert kept.connections == 0
    assert kept.refusal is not None
    assert "The pipeline goes on" in caplog.text
    kept.close()


def test_a_pipeline_that_runs_goes_on_after_a_look_as_its_user(
    mosquitto: Mosquitto, appliance: Callable[[str], Any], open_source: OpenSource, take_all: TakeAll
) -> None:
    """It loses the connection once, and has its session again."""
    source = open_source(**mosquitto.settings)
    appliance("fridge-a").publish(A_TOPIC, [b"before"])
    assert [message.payload for message, _ in take_all(source, 1)] == [b"before"]

    with pytest.raises(RefusedError, match="a user of your own"):
        look(MqttSettings(**mosquitto.settings), [A_TOPIC])
    appliance("fridge-a").publish(A_TOPIC, [b"after"])

    assert [message.payload for message, _ in take_all(source, 1)] == [b"after"]


def test_a_look_as_a_user_of_its_own_sees_the_broker(mosquitto: Mosquitto, open_source: OpenSource) -> None:
    """Beside a pipeline that was there before, with the access that the list gives the pipeline."""
    open_source(**mosquitto.settings).close()
    subprocess.run(["mosquitto_passwd", "-b", mosquitto.folder / "passwords", "looker", "secret"], check=True)
    with (mosquitto.folder / "acl").open("a") as rules:
        rules.write(f"\nuser looker\ntopic readwrite {PROOF}/#\ntopic read {A_TOPIC}\n")
    mosquitto.stop()
    mosquitto.start()
    (mosquitto.folder / "own-password").write_text("secret")
    own = mosquitto.settings | {"user": "looker", "password_file": mosquitto.folder / "own-password"}

    seen = look(MqttSettings(**own), [A_TOPIC])

    assert seen.shared_subscriptions
    assert seen.largest_payload == 1_048_576


def test_a_slow_pipeline_loses_nothing(
    mosquitto: Mosquitto, appliance: Callable[[str], Any], open_source: OpenSource, take_all: TakeAll
) -> None:
    """5,000 messages wait behind a pipeline that takes none; the stock configuration would keep 1,000 of them."""
    source = open_source(**mosquitto.settings)

    appliance("fridge-a").publish(A_TOPIC, numbered(5_000))

    assert [message.payload for message, _ in take_all(source, 5_000)] == numbered(5_000)


def test_a_stall_longer_than_the_keepalive_keeps_the_connection(
    mosquitto: Mosquitto,
    appliance: Callable[[str], Any],
    open_source: OpenSource,
    take_all: TakeAll,
    stall: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """PINGREQ leaves in time while more messages wait than the window holds and nothing is taken."""
    source = open_source(**mosquitto.settings, keepalive="1 s")
    appliance("fridge-a").publish(A_TOPIC, numbered(3_000))

    stall(3.0)

    assert [message.payload for message, _ in take_all(source, 3_000)] == numbered(3_000)
    assert "lost the broker" not in caplog.text
