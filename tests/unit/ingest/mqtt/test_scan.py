"""ingest.mqtt.scan: bytes to packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.errors import InputError
from ingest.mqtt.scan import Control, PacketScanner, Publish


def encode(packet: Publish | Control) -> bytes:
    """The packet as MQTT 3.1.1 writes it (sections 2.2 and 3.3)."""
    if isinstance(packet, Control):
        return bytes([packet.command]) + _length(len(packet.body)) + packet.body
    mid = packet.mid.to_bytes(2, "big") if packet.mid else b""
    body = len(packet.topic).to_bytes(2, "big") + packet.topic + mid + packet.payload
    return bytes([0x30 | (0x02 if packet.mid else 0) | packet.retained]) + _length(len(body)) + body


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


publishes = st.builds(
    Publish,
    st.binary(max_size=40),
    st.one_of(st.binary(max_size=60), st.integers(100, 40_000).map(lambda size: b"x" * size)),
    st.integers(0, 65_535),
    st.booleans(),
)
controls = st.builds(
    Control, st.sampled_from([0x20, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0]), st.binary(max_size=300)
)


@given(st.lists(st.one_of(publishes, controls), max_size=12), st.data())
def test_a_stream_cut_anywhere_gives_the_same_packets(
    packets: list[Publish | Control], data: st.DataObject
) -> None:
    """However the network cuts the bytes, each packet comes once, whole and in order."""
    stream = b"".join(map(encode, packets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=30)))
    scanner = PacketScanner()
    seen_publishes: list[Publish] = []
    seen_controls: list[Control] = []

    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        more_publishes, more_controls = scanner.feed(stream[start:stop])
        seen_publishes += more_publishes
        seen_controls += more_controls

    assert seen_publishes == [packet for packet in packets if isinstance(packet, Publish)]
    assert seen_controls == [packet for packet in packets if isinstance(packet, Control)]


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_bytes_that_are_not_mqtt_give_packets_or_an_input_error(pieces: list[bytes]) -> None:
    """Garbage never raises anything but InputError."""
    scanner = PacketScanner()

    for piece in pieces:
        try:
            scanner.feed(piece)
        except InputError:
            scanner.reset()


def test_a_length_of_more_than_four_bytes_is_refused() -> None:
    """MQTT 3.1.1 section 2.2.3 allows four; a fifth means that the stream is not MQTT."""
    with pytest.raises(InputError, match="more than 4 bytes"):
        PacketScanner().feed(b"\x30\xff\xff\xff\xff\x01")


def test_a_publish_shorter_than_its_topic_is_refused() -> None:
    """A topic that claims to reach past its packet does not swallow the packet after it."""
    with pytest.raises(InputError, match="ends before its topic"):
        PacketScanner().feed(b"\x30\x03\x00\x05a" + b"\x30\x05\x00\x01abc")


def test_a_new_connection_starts_without_the_old_one_s_rest() -> None:
    """Half a packet from before a reset is forgotten."""
    scanner = PacketScanner()
    scanner.feed(encode(Publish(b"a", b"lost", 1, False))[:5])

    scanner.reset()

    assert scanner.feed(encode(Publish(b"b", b"new", 2, False))) == ([Publish(b"b", b"new", 2, False)], [])
