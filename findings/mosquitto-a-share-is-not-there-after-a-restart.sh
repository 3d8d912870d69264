#!/usr/bin/env bash
# Mosquitto keeps a session over a restart, but not its shared subscription: what is published before it is back is lost.
#
# What surprises: a client with a session that is kept (clean_session false) subscribes at QoS 1 and goes. Mosquitto, with
# persistence, is stopped in order and started again. Then twenty messages are published, all acknowledged, and the client
# comes back; Mosquitto says that its session is present. Through a plain subscription all twenty come. Through
# $share/g/t/# none does: the share exists again only once the client has subscribed anew. What waited for the session
# before the restart comes either way. A group of several clients is the same until the first of them is back.
#
# Seen with: Mosquitto 2.0.11 (Debian 12, mosquitto 2.0.11-1.2+deb12u2), paho-mqtt 2.1.0, Python 3.11, on 2026-11-28. Later
# versions of Mosquitto were not tried.
# Seen:
#   t/#            before the restart: acknowledged 20, came 20; behind it: acknowledged 20, came 20, session present True
#   $share/g/t/#   before the restart: acknowledged 20, came 20; behind it: acknowledged 20, came 0, session present True
# Who meets it: whoever shares a load among readers, as gateways do: appliances connect again at the same moment as they.
# Ends with 1 where this is no longer so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paho-mqtt==2.1.0
mkdir "$folder/packages" "$folder/root" "$folder/kept"
(
    cd "$folder/packages"
    apt-get download -qq mosquitto=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 libcjson1 libdlt2 libev4 \
        libwebsockets17 >/dev/null
    for package in *.deb; do dpkg -x "$package" "$folder/root"; done
)

cat > "$folder/count.py" <<'PYTHON'
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from paho.mqtt.client import CallbackAPIVersion, Client

FOLDER, MESSAGES = Path(sys.argv[1]), 20
PORT = 0
with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
LIBRARIES = ":".join({str(one.parent) for one in (FOLDER / "root").rglob("*.so*")})
user = "root" if os.getuid() == 0 else "mosquitto"
(FOLDER / "conf").write_text(
    f"listener {PORT} 127.0.0.1\nallow_anonymous true\nuser {user}\n"
    f"persistence true\npersistence_location {FOLDER}/kept/\n"
)


def start():
    command = [FOLDER / "root/usr/sbin/mosquitto", "-c", FOLDER / "conf"]
    broker = subprocess.Popen(command, env={"LD_LIBRARY_PATH": LIBRARIES}, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).close()
            return broker
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the broker did not start")


def stop(broker):
    broker.terminate()
    broker.wait(30)


def publish(word):
    writer = Client(CallbackAPIVersion.VERSION2, "writer")
    writer.connect("127.0.0.1", PORT)
    writer.loop_start()
    sent = [writer.publish("t/x", f"{word} {n}", 1) for n in range(MESSAGES)]
    for one in sent:
        one.wait_for_publish(20)
        assert one.is_published()
    writer.disconnect()
    writer.loop_stop()


def session(topic):
    """Connect, subscribe, take what comes, go: the messages, and whether the broker had the session."""
    got, present, granted = [], [], []
    reader = Client(CallbackAPIVersion.VERSION2, "reader", clean_session=False)
    reader.on_connect = lambda client, _u, flags, _r, _p: (
        present.append(flags.session_present), client.subscribe(topic, 1))
    reader.on_subscribe = lambda *_: granted.append(True)
    reader.on_message = lambda _c, _u, message: got.append(message.payload.decode())
    reader.connect("127.0.0.1", PORT)
    reader.loop_start()
    seen = -1
    while not granted or seen != len(got):
        seen = len(got)
        time.sleep(2)
    reader.disconnect()
    reader.loop_stop()
    return got, present[0]


def tried(topic):
    shutil.rmtree(FOLDER / "kept")
    (FOLDER / "kept").mkdir()
    broker = start()
    session(topic)
    publish("before")
    stop(broker)
    broker = start()
    publish("behind")
    got, present = session(topic)
    stop(broker)
    before, behind = (sum(one.startswith(word) for one in got) for word in ("before", "behind"))
    print(f"{topic:14} before the restart: acknowledged {MESSAGES}, came {before}; behind it: acknowledged {MESSAGES}, "
          f"came {behind}, session present {present}", flush=True)
    return before, behind, present


plain, shared = tried("t/#"), tried("$share/g/t/#")
sys.exit(0 if plain == (MESSAGES, MESSAGES, True) and shared == (MESSAGES, 0, True) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/count.py" "$folder"
