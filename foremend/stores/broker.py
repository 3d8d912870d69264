"""The embedded MQTT broker: rumqttd from the `iotcore` wheel, in a process of its own (docs/decisions/0001).

It serves 127.0.0.1 without passwords and keeps its queues in memory only: right for a demo, tests and a first day.
In production run Mosquitto with the files in `deploy/mosquitto`.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import UnavailableError

log = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
"""A larger PUBLISH closes its publisher's connection. rumqttd's default, 20,480, would refuse arrays of readings."""

# rumqttd keeps this much of each subscription's newest messages in memory, and silently skips what a subscriber that
# is further behind has not read: 256 MiB is about 1.5 million single readings.
_SEGMENT_BYTES = 16 * 1024 * 1024
_SEGMENTS = 16

_CONFIG = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = {segment_bytes}
max_segment_count = {segments}

[v4.1]
name = "foremend"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload_bytes}
max_inflight_count = 100
dynamic_filters = true
"""

_HOST = "127.0.0.1"
_POLL_S = 0.02


class EmbeddedBroker:
    """A broker as a child process: no end of a pipeline touches it, and it ends with whoever started it.

    It holds the other end of a pipe, so that even a `kill -9` of its owner leaves no broker behind, and it is in a
    session of its own, so that Ctrl-C reaches the owner first. `port` 0 picks a free one at the first start and keeps
    it, so `stop()` and `start()` again is a broker restart. Usable as a context manager.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{_HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, or None while it is stopped."""
        return self._process.pid if self._process else None

    def start(self, timeout_s: float = 30.0) -> EmbeddedBroker:
        """Start and return once the port accepts connections.

        Raises UnavailableError when the port is taken or the broker does not come up within `timeout_s`.
        """
        self.port = _reserve(self.port)
        command = [sys.executable, "-m", "foremend.stores.broker", str(self.port)]
        # Not our output streams, or whoever reads those would wait for the broker's end as well.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until_ready(self._process, timeout_s)
        except UnavailableError:
            self.stop()
            raise
        log.info("embedded broker on %s, process %d", self.url, self._process.pid)
        return self

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the process and free the port; everything it had queued is gone. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # closes the pipe and waits
            process.terminate()
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()

    def __enter__(self) -> EmbeddedBroker:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        for _ in range(max(1, round(timeout_s / _POLL_S))):
            if _accepts(self.port):
                return
            try:
                code = process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                continue
            raise UnavailableError(
                f"the embedded broker ended with code {code}; "
                f"see why with: {sys.executable} -m foremend.stores.broker {self.port}"
            )
        raise UnavailableError(f"the embedded broker did not listen on {self.url} within {timeout_s:g} s")


def run_broker(port: int) -> None:
    """Serve on 127.0.0.1 in this process until it is ended by a signal: the body of `foremend broker`.

    `port` 0 picks a free one. Raises UnavailableError when the port is taken.
    """
    from iotcore import IotCoreBroker

    port = _reserve(port)
    log.info("embedded broker on mqtt://%s:%d", _HOST, port)
    for noisy in (
        "rumqttd",
        "tracing",
    ):  # they report every packet; rumqttd's own mistakes end the process instead
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="foremend-broker-") as folder:
        config = Path(folder) / "rumqttd.toml"
        config.write_text(broker_config(port))
        broker = IotCoreBroker(config_path=str(config))  # reads it, so that a kill leaves no folder behind
    broker.run_forever()


def broker_config(port: int) -> str:
    """rumqttd's TOML for a broker on 127.0.0.1:`port`."""
    return _CONFIG.format(
        host=_HOST,
        port=port,
        payload_bytes=MAX_PAYLOAD_BYTES,
        segment_bytes=_SEGMENT_BYTES,
        segments=_SEGMENTS,
    )


def _reserve(port: int) -> int:
    """`port` if it is free, or any free one for 0. Raises UnavailableError when it is taken."""
    port = port or free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise UnavailableError(f"cannot start a broker on {_HOST}:{port}: {error.strerror}") from error
    return port


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=1.0):
            return True
    except OSError:
        return False


def _end_with_owner() -> None:
    """End this process when the owner's end of the pipe closes: orderly, by a crash or by `kill -9`."""
    sys.stdin.buffer.read()
    os._exit(0)  # rumqttd's threads know no other way


if __name__ == "__main__":
    threading.Thread(target=_end_with_owner, daemon=True).start()
    run_broker(int(sys.argv[1]))
