"""Brokers as processes of their own on 127.0.0.1, each as it comes but for folder, address and disk.

A binary or a Java class path is named by the environment: nothing is downloaded here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foremend.commands.demo.processes import end, free_port, wait_for_port
from foremend.vocabulary.errors import UnavailableError

_HERE = Path(__file__).parent
_START_S = 90.0

_HIVEMQ_QUEUE = "<mqtt><queued-messages><max-queue-size>1000000</max-queue-size></queued-messages></mqtt>"

Place = tuple[str, Path, int]
"""What the environment names, a folder of the broker's own, a port."""


@dataclass(frozen=True)
class Kind:
    """How one kind of broker is started."""

    variable: str  # of the environment: where it is
    what: str  # that must be there
    command: Callable[[Place], list[str]]  # writes its configuration into the folder, too


@dataclass
class Broker:
    """One that can be stopped, killed and started again."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        kind = KINDS[self.name]
        self._command = kind.command((found(self.name), self.folder, self.port))

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it listens."""
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        wait_for_port(self.port, _START_S)

    def stop(self) -> None:
        """In good order."""
        if self.process is not None:
            end(self.process)

    def kill(self) -> None:
        """As the machine's end would, but for what the kernel still writes."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def found(name: str) -> str:
    """Where the broker `name` is. Raises UnavailableError, saying what to do, where it is not."""
    kind = KINDS[name]
    here = os.environ.get(kind.variable) or ("mosquitto" if kind.variable == "MOSQUITTO" else "")
    if " " in here or ":" in here:
        return here  # a class path
    there = shutil.which(here, path=f"{os.environ.get('PATH', '')}:/usr/sbin") if here else None
    if there is None:
        raise UnavailableError(f"{name} is not here: set {kind.variable} to {kind.what}")
    return there


def _mosquitto(place: Place, queue: str = "max_queued_messages 0\n") -> list[str]:
    binary, folder, port = place
    folder.chmod(0o777)  # it leaves root behind
    settings = f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n{queue}"
    (folder / "broker.conf").write_text(f"{settings}persistence_location {folder}/\n")
    return [binary, "-c", str(folder / "broker.conf")]


def _nats(place: Place) -> list[str]:
    binary, folder, port = place
    mqtt = f'mqtt {{ host: "127.0.0.1", port: {port} }}\n'
    store = (
        f'server_name: one\nhost: "127.0.0.1"\nport: {free_port()}\njetstream {{ store_dir: "{folder}" }}\n'
    )
    (folder / "nats.conf").write_text(store + mqtt)
    return [binary, "-c", str(folder / "nats.conf")]


def _mochi(place: Place) -> list[str]:
    binary, _, port = place
    others = [f"-ws=127.0.0.1:{free_port()}", f"-info=127.0.0.1:{free_port()}"]
    return [binary, f"-tcp=127.0.0.1:{port}", *others]


def _moquette(place: Place) -> list[str]:
    classes, folder, port = place
    (folder / "config").mkdir(exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    settings = {"host": "127.0.0.1", "port": port, "allow_anonymous": "true", "telemetry_enabled": "false"}
    disk = {"persistence_enabled": "true", "data_path": f"{folder}/data"}
    (folder / "config" / "moquette.conf").write_text(_lines(settings | disk))
    return ["java", "-Xmx512m", f"-Dmoquette.path={folder}", "-cp", classes, "io.moquette.broker.Server"]


def _hivemq(place: Place, queue: str = _HIVEMQ_QUEUE) -> list[str]:
    classes, folder, port = place
    (folder / "conf").mkdir(exist_ok=True)
    listener = f"<port>{port}</port><bind-address>127.0.0.1</bind-address>"
    quiet = "<anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>"
    (folder / "conf" / "config.xml").write_text(
        f"<hivemq><listeners><tcp-listener>{listener}</tcp-listener></listeners>{queue}{quiet}</hivemq>"
    )
    return ["java", "-Xmx512m", "-cp", classes, str(_HERE / "HiveMq.java"), str(folder)]


def _artemis(place: Place) -> list[str]:
    classes, folder, port = place
    names = ("journal", "bindings", "large-messages", "paging")
    folders = "".join(f"<{name}-directory>{folder}/{name}</{name}-directory>" for name in names)
    acceptor = f'<acceptor name="mqtt">tcp://127.0.0.1:{port}?protocols=MQTT</acceptor>'
    plain = "<security-enabled>false</security-enabled><journal-type>NIO</journal-type>"
    core = f'<core xmlns="urn:activemq:core">{plain}{folders}<acceptors>{acceptor}</acceptors></core>'
    (folder / "broker.xml").write_text(f'<configuration xmlns="urn:activemq">{core}</configuration>')
    return ["java", "-Xmx512m", "-cp", classes, str(_HERE / "Artemis.java"), str(folder)]


def _as_installed(place: Place) -> list[str]:
    return _mosquitto(place, queue="")


def _hivemq_as_shipped(place: Place) -> list[str]:
    return _hivemq(place, queue="")


def _lines(settings: Mapping[str, object]) -> str:
    return "".join(f"{name} {value}\n" for name, value in settings.items())


_CLASSES = "its class path, as `mvn dependency:build-classpath` prints it for"
KINDS: Mapping[str, Kind] = {
    "mosquitto": Kind("MOSQUITTO", "the program; apt-get install -y mosquitto", _mosquitto),
    "mosquitto-as-installed": Kind("MOSQUITTO", "the program mosquitto", _as_installed),
    "nats": Kind("NATS_SERVER", "the program nats-server", _nats),
    "mochi": Kind("MOCHI", "the program of github.com/mochi-mqtt/server/v2/cmd", _mochi),
    "moquette": Kind("MOQUETTE_CLASSES", f"{_CLASSES} io.moquette:moquette-broker", _moquette),
    "hivemq": Kind(
        "HIVEMQ_CLASSES", f"{_CLASSES} com.hivemq:hivemq-community-edition-embedded", _hivemq
    ),
    "hivemq-as-shipped": Kind(
        "HIVEMQ_CLASSES", f"{_CLASSES} com.hivemq:hivemq-community-edition-embedded", _hivemq_as_shipped
    ),
    "artemis": Kind(
        "ARTEMIS_CLASSES", f"{_CLASSES} artemis-server and artemis-mqtt-protocol", _artemis
    ),
}  # fmt: skip
