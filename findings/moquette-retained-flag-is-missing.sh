#!/usr/bin/env bash
# Moquette hands a retained message to a new subscriber without its retain flag where it subscribes at QoS 1.
#
# What surprises: MQTT 3.1.1 ([MQTT-3.3.1-8]) has the flag set on what is sent because a subscription is new. Moquette sets
# it at QoS 0 and leaves it out at QoS 1, so a reader cannot tell a value of last week from one of now: a device that
# died long ago seems to speak at every connect. Mosquitto 2.0.11, HiveMQ CE 2025.5 and Artemis 2.55.0 set it.
#
# Seen with: io.moquette:moquette-broker 0.17, paho-mqtt 2.1.0, Python 3.11, Java 17, Maven 3, Linux, on 2026-11-28.
# Seen:
#   new subscription at QoS 0: retain flag set
#   new subscription at QoS 1: retain flag missing
# Who meets it: whoever reads devices that publish retained values (Zigbee2MQTT, Tasmota, Home Assistant) through it.
# Ends with 1 where this is no longer so.
set -euo pipefail

folder=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paho-mqtt==2.1.0
cat > "$folder/pom.xml" <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>io.moquette</groupId><artifactId>moquette-broker</artifactId><version>0.17</version>
  </dependency></dependencies>
</project>
XML
mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/jars"
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$folder/config" "$folder/data"
printf '%s\n' "host 127.0.0.1" "port $port" "allow_anonymous true" "telemetry_enabled false" \
    "data_path $folder/data" > "$folder/config/moquette.conf"
java -Xmx256m "-Dmoquette.path=$folder" -cp "$folder/jars/*" io.moquette.broker.Server >"$folder/log" 2>&1 &
broker=$!

cat > "$folder/look.py" <<'PYTHON'
import socket
import sys
import threading
import time

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv311

PORT = int(sys.argv[1])


def connected(name):
    one = Client(CallbackAPIVersion.VERSION2, name, clean_session=True, protocol=MQTTv311)
    there = threading.Event()
    one.on_connect = lambda *_: there.set()
    one.connect("127.0.0.1", PORT)
    one.loop_start()
    assert there.wait(20)
    return one


def flag(qos):
    got, came = [], threading.Event()
    reader = connected(f"reader-{qos}")
    reader.on_message = lambda _client, _data, message: (got.append(message), came.set())
    reader.subscribe("home/plug/power", qos)
    assert came.wait(20)
    reader.disconnect()
    reader.loop_stop()
    return bool(got[0].retain)


for _ in range(600):
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
        break
    except OSError:
        time.sleep(0.1)
writer = connected("writer")
sent = writer.publish("home/plug/power", "85.2", 1, retain=True)
sent.wait_for_publish(20)
writer.disconnect()
writer.loop_stop()
flags = [flag(0), flag(1)]
for qos, one in enumerate(flags):
    print(f"new subscription at QoS {qos}: retain flag {'set' if one else 'missing'}", flush=True)
sys.exit(0 if flags == [True, False] else 1)
PYTHON
"$folder/venv/bin/python" "$folder/look.py" "$port"
