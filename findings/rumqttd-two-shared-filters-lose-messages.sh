#!/usr/bin/env bash
# rumqttd loses messages where one client has two shared subscriptions of the same group.
#
# What surprises: a client subscribes to $share/g/t/+/data and to $share/g/t/+/status at QoS 1 and stays connected. Six
# publishers send 25 messages of data and one of status each, all acknowledged by the broker. Each message of one filter
# costs one of the other: 150 of 156 come, and it is data that is missing. Nothing tells. With a group name of its own
# for each filter, and without shares, all 156 come. MQTT 5 (4.8.2) makes group and filter together one subscription,
# so all should come; Mosquitto 2.0.11 sends all through one group.
#
# Seen with: iotcore 0.4.0 (rumqttd 0.20 in a wheel), paho-mqtt 2.1.0, Python 3.11, Linux, on 2026-11-28.
# Seen:
#   same group for both filters      acknowledged 156, came 150
#   a group for each filter          acknowledged 156, came 156
#   no groups                        acknowledged 156, came 156
# Who meets it: whoever shares the load of several topics among readers of an embedded or small rumqttd, as gateways do.
# Ends with 1 where this is no longer so.
set -euo pipefail

folder=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check iotcore==0.4.0 paho-mqtt==2.1.0
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat > "$folder/broker.toml" <<TOML
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4"
listen = "127.0.0.1:$port"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
TOML
"$folder/venv/bin/python" -c 'import sys; from iotcore import IotCoreBroker; IotCoreBroker(config_path=sys.argv[1]).run_forever()' \
    "$folder/broker.toml" >"$folder/log" 2>&1 &
broker=$!

cat > "$folder/count.py" <<'PYTHON'
import socket
import sys
import threading
import time

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv311

PORT, PUBLISHERS, DATA = int(sys.argv[1]), 6, 25


def client(name):
    one = Client(CallbackAPIVersion.VERSION2, name, clean_session=True, protocol=MQTTv311)
    return one


def until_it_listens():
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).close()
            return
        except OSError:
            time.sleep(0.1)


def publish(number):
    writer = client(f"writer-{number}")
    writer.connect("127.0.0.1", PORT)
    writer.loop_start()
    sent = [writer.publish(f"t/{number}/status", "online", 1)]
    sent += [writer.publish(f"t/{number}/data", f"{n}", 1) for n in range(DATA)]
    for one in sent:
        one.wait_for_publish(20)
        assert one.is_published()
    writer.disconnect()
    writer.loop_stop()


def came(name, filters):
    got, granted = [], threading.Event()
    reader = client(name)
    reader.on_connect = lambda *_: reader.subscribe([(one, 1) for one in filters])
    reader.on_subscribe = lambda *_: granted.set()
    reader.on_message = lambda _client, _data, message: got.append(message.topic)
    reader.connect("127.0.0.1", PORT)
    reader.loop_start()
    assert granted.wait(10)
    writers = [threading.Thread(target=publish, args=(number,)) for number in range(PUBLISHERS)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    seen = -1
    while seen != len(got):
        seen = len(got)
        time.sleep(2)
    reader.disconnect()
    reader.loop_stop()
    return len(got)


until_it_listens()
everything = PUBLISHERS * (DATA + 1)
cases = {
    "same group for both filters": ("$share/g/t/+/data", "$share/g/t/+/status"),
    "a group for each filter": ("$share/g1/t/+/data", "$share/g2/t/+/status"),
    "no groups": ("t/+/data", "t/+/status"),
}
counts = []
for number, (words, filters) in enumerate(cases.items()):
    counts.append(came(f"reader-{number}", filters))
    print(f"{words:32} acknowledged {everything}, came {counts[-1]}", flush=True)
sys.exit(0 if counts[0] < everything and counts[1:] == [everything] * 2 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/count.py" "$port"
