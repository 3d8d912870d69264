"""Canonical telemetry: what is used, what becomes a dead letter, and why."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest


def test_a_reading_becomes_a_row(make_ingest, message, reading, now):
    """A good reading is one row; a signal it does not carry is NaN."""
    decoded = make_ingest().decode([message(reading())])

    (block,) = decoded.blocks
    assert (block.appliance_model, block.appliance_ids, block.firmware) == (
        "refrigerator",
        ("fridge-1",),
        ("1.2.3",),
    )
    assert block.time.tolist() == [now]
    assert block.seq.tolist() == [7]
    assert block.signals["current"].tolist() == [0.84]
    assert math.isnan(block.signals["compressor_starts"][0])
    assert (decoded.readings, decoded.dead_letters) == (1, [])


def test_seq_and_firmware_may_be_absent(make_ingest, message, reading):
    """A device without numbering gets -1, one that does not name its firmware the empty text."""
    decoded = make_ingest().decode([message(reading(seq=..., fw=...))])

    (block,) = decoded.blocks
    assert (block.seq.tolist(), block.firmware) == ([-1], ("",))


def test_null_is_an_absent_signal(make_ingest, message, reading):
    """A probe that is unplugged may be written as null; the rest of the reading is used."""
    decoded = make_ingest().decode([message(reading(signals={"current": None, "cabinet_temp": 4.0}))])

    assert math.isnan(decoded.blocks[0].signals["current"][0])
    assert decoded.blocks[0].signals["cabinet_temp"].tolist() == [4.0]


def test_single_readings_and_arrays_keep_the_order_of_arrival(make_ingest, message, reading):
    """Rows come in the order of their messages, whatever the form of each."""
    payloads = [
        reading(seq=1),
        [reading(seq=2), reading(seq=3)],
        b" \n" + json.dumps(reading(seq=4)).encode(),
        b"\t[" + json.dumps(reading(seq=5)).encode() + b"]",
    ]

    decoded = make_ingest().decode([message(payload) for payload in payloads])

    assert decoded.blocks[0].seq.tolist() == [1, 2, 3, 4, 5]


def test_each_appliance_model_has_its_block(make_ingest, message, reading):
    """A batch may mix appliance models and appliances."""
    topic = "dt/appliance/{}/{}/telemetry"
    decoded = make_ingest().decode(
        [
            message(reading(), topic.format("refrigerator", "a")),
            message(reading(signals={"power": 90}), topic.format("generic-compressor", "dev_D331DA")),
            message(reading(), topic.format("refrigerator", "b")),
            message(reading(seq=2), topic.format("refrigerator", "a")),
        ]
    )

    by_model = {block.appliance_model: block for block in decoded.blocks}
    assert by_model["refrigerator"].appliance_ids == ("a", "b")
    assert by_model["refrigerator"].appliance.tolist() == [0, 1, 0]
    assert by_model["generic-compressor"].appliance_ids == ("dev_D331DA",)


HUGE = b"9" * 6000
DEEP = b"[" * 50_000


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (DEEP, "recursion limit"),
        (b'{"ts":' + HUGE + b"}", "out of range"),
        (b'{"ts":1},{"ts":2}', "not JSON"),
        (b"12", "should be a JSON object, is 12"),
        (b"null", "should be a JSON object"),
        (b"[]", "an array without readings"),
        (b"{}", "ts: is missing; signals: is missing"),
        ({"signals": {}}, "signals: none that refrigerator has"),
        ({"signals": {"current": None}}, "signals: none that refrigerator has"),
        ({"signals": [1]}, "signals: should be a JSON object"),
        ({"signals": {"current": True}}, "signals.current: True is not a valid number"),
        ({"signals": {"current": "0.8"}}, "signals.current: '0.8' is not a valid number"),
        ({"signals": {"current": [1]}}, "signals.current: [1] is not a valid number"),
        ({"signals": {"current": math.nan}}, "signals.current: nan is not a finite number"),
        ({"signals": {"current": math.inf}}, "signals.current: inf is not a finite number"),
        ({"signals": {"current": 4000}}, "signals.current: 4000 A is outside 0..32 A"),
        ({"ts": 1_732_190_000}, "ts: 1732190000 looks like seconds"),
        ({"ts": 1_732_190_000_000_000}, "ts: 1732190000000000 looks like microseconds"),
        ({"ts": 61}, "ts: 61 is too small for a time"),
        ({"ts": -1}, "ts: -1 is too small for a time"),
        ({"ts": math.nan}, "ts: nan is not a time"),
        ({"ts": True}, "ts: True is not a valid number"),
        ({"ts": "2024-11-21"}, "ts: '2024-11-21' is not a valid number"),
        ({"ts": 1_732_190_000_000.5}, "ts: 1732190000000.5 is not a whole number"),
        ({"seq": 1.5}, "seq: 1.5 is not a valid integer"),
        ({"seq": True}, "seq: True is not a valid integer"),
        ({"seq": -2}, "seq: -2 is out of range"),
        ({"seq": 2**64}, "seq: 18446744073709551616 is out of range"),
        ({"fw": 3}, "fw: 3 is not a valid string"),
        ({"appliance_id": "fridge-2"}, "appliance_id: 'fridge-2' in the payload, 'fridge-1' in the topic"),
        ({"appliance_model": "x"}, "appliance_model: 'x' in the payload, 'refrigerator' in the topic"),
    ],
)
def test_what_cannot_be_used_is_a_dead_letter_with_its_reason(
    make_ingest, message, reading, payload, expected
):
    """The reason names the field and what was expected; the message's bytes are kept."""
    content = reading(**payload) if isinstance(payload, dict) else payload
    bad = message(content)

    decoded = make_ingest().decode([bad])

    (letter,) = decoded.dead_letters
    assert expected in letter.reason
    assert (letter.topic, letter.payload, letter.received) == (bad.topic, bad.payload, bad.received)
    assert decoded.readings == 0


def test_a_payload_too_large_is_not_even_parsed(make_ingest, message, reading):
    """10 MB are refused with both sizes in the reason."""
    padded = json.dumps(reading()).encode() + b" " * 10_000_000

    decoded = make_ingest().decode([message(padded)])

    assert decoded.dead_letters[0].reason.startswith(
        f"payload of {len(padded)} bytes, more than max_payload_bytes = 1048576 (only the first 65536 of"
    )


def test_a_message_with_too_many_readings_is_refused(make_ingest, message, reading):
    """The bound on readings in a message is the operator's."""
    decoded = make_ingest(max_readings=3).decode([message([reading()] * 4)])

    assert decoded.dead_letters[0].reason == "more than 3 readings in one message"
    assert decoded.readings == 0


def test_a_clock_ahead_beyond_the_bound_is_refused(make_ingest, message, reading, now):
    """Up to the bound a fast clock is normal."""
    fast, wrong = reading(ts=now + 3_600_000), reading(ts=now + 3_600_001)

    decoded = make_ingest().decode([message(fast), message(wrong)])

    assert decoded.readings == 1
    assert decoded.dead_letters[0].reason == "ts: 1 h ahead of reception, more than clock_ahead = 1 h"


def test_a_reading_older_than_anybody_keeps_is_refused(make_ingest, message, reading, now):
    """Up to the bound it is used; a clock that was never set is told from a long journey."""
    bound, old = reading(ts=now - 400 * 86_400_000), reading(ts=now - 401 * 86_400_000)

    decoded = make_ingest().decode([message(bound), message(old)])

    assert decoded.readings == 1
    assert decoded.dead_letters[0].reason == "ts: 401 d before reception, more than oldest = 400 d"


def test_a_recording_of_any_age_may_be_taken(make_ingest, message, reading):
    """`oldest: null` is for recordings and simulations of years ago."""
    decoded = make_ingest(oldest=None).decode([message(reading(ts=100_000_000_000))])

    assert decoded.readings == 1


def test_old_readings_are_used(make_ingest, message, reading, now):
    """An appliance that was offline for days sends what it kept."""
    decoded = make_ingest().decode([message(reading(ts=now - 2 * 86_400_000))])

    assert decoded.readings == 1


def test_one_bad_message_costs_only_itself(make_ingest, message, reading):
    """Everything around a bad message in a batch is used, in order."""
    messages = [message(reading(seq=number)) for number in range(100)]
    messages[41] = message(b"broken")

    decoded = make_ingest().decode(messages)

    assert decoded.blocks[0].seq.tolist() == [number for number in range(100) if number != 41]
    assert len(decoded.dead_letters) == 1


def test_one_bad_reading_of_an_array_costs_only_itself(make_ingest, message, reading):
    """The dead letter holds that reading alone and says which it was."""
    array = [reading(seq=1), reading(seq=2, signals={"current": "x"}), reading(seq=3)]

    decoded = make_ingest().decode([message(array), message([reading(seq=4)])])

    assert decoded.blocks[0].seq.tolist() == [1, 3, 4]
    (letter,) = decoded.dead_letters
    assert letter.reason == "reading 2 of 3: signals.current: 'x' is not a valid number"
    assert json.loads(letter.payload) == array[1]


def test_whatever_is_wrong_in_a_message_is_one_dead_letter(make_ingest, message, reading):
    """Ten thousand ones are ten thousand reasons: three are told, the others counted."""
    decoded = make_ingest().decode([message([1] * 10_000)])

    (letter,) = decoded.dead_letters
    assert letter.reason.startswith("reading 1 of 10000: should be a JSON object, is 1; reading 2 of 10000: ")
    assert letter.reason.endswith("; and 9997 more")
    assert json.loads(letter.payload) == [1] * 10_000


def test_the_good_readings_of_an_array_are_used_and_the_bad_ones_kept_together(make_ingest, message, reading):
    """The dead letter holds all that were refused, so that they can be sent again without the others."""
    array = [reading(seq=seq, signals={"current": "x" if seq % 2 else 1}) for seq in range(6)]

    decoded = make_ingest().decode([message(array)])

    (letter,) = decoded.dead_letters
    assert decoded.blocks[0].seq.tolist() == [0, 2, 4]
    assert [one["seq"] for one in json.loads(letter.payload)] == [1, 3, 5]


def test_a_thousand_unknown_signals_are_one_dead_letter_of_a_bounded_size(make_ingest, message, reading):
    """Half a megabyte of them was a thousand letters of half a megabyte each."""
    strange = {f"{'x' * 480}{number}": 1 for number in range(999)}
    strange |= {f"s{number}": 1 for number in range(500)}

    decoded = make_ingest().decode([message(reading(signals={"current": 1} | strange))])

    (letter,) = decoded.dead_letters
    assert decoded.readings == 1
    assert len(letter.payload) == 65_536
    assert "and 498 more: refrigerator has no such signal" in letter.reason
    assert "only the first 65536 of" in letter.reason
    assert letter.reason.endswith("it cannot be sent again)")


def test_a_wrong_clock_in_an_array_costs_only_that_reading(make_ingest, message, reading, now):
    """The dead letter can be sent again as it is once the bound is changed."""
    array = [reading(seq=1), reading(seq=2, ts=now + 86_400_000)]
    strict, lenient = make_ingest(), make_ingest(clock_ahead="2 d")

    (letter,) = strict.decode([message(array)]).dead_letters
    again = lenient.decode([message(letter.payload)])

    assert again.blocks[0].seq.tolist() == [2]
    assert again.blocks[0].signals["current"].tolist() == [0.84]


def test_an_unknown_signal_is_left_out_and_reported_once(make_ingest, message, reading):
    """New firmware that measures more keeps working; the operator is told once a name, not once a reading."""
    ingest = make_ingest()
    more = [message(reading(seq=seq, signals={"current": 0.8, "humidity": 44})) for seq in range(3)]

    first, second = ingest.decode(more[:2]), ingest.decode(more[2:])

    assert (first.readings, second.readings) == (2, 1)
    assert "humidity" not in first.blocks[0].signals
    assert "signals.humidity: refrigerator has no such signal" in first.dead_letters[0].reason
    assert (len(first.dead_letters), len(second.dead_letters)) == (1, 0)


def test_a_reading_of_unknown_signals_only_is_a_dead_letter_each_time(make_ingest, message, reading):
    """Nothing of it was used, so it must not vanish."""
    ingest = make_ingest()
    ingest.decode([message(reading(signals={"current": 1, "humidity": 44}))])

    decoded = ingest.decode([message(reading(seq=seq, signals={"humidity": 44})) for seq in (1, 2)])

    assert [letter.reason.split(":")[0] for letter in decoded.dead_letters] == ["signals", "signals"]


def test_the_own_id_in_the_payload_is_fine(make_ingest, message, reading):
    """A device may repeat who it is."""
    own = reading(appliance_id="fridge-1", appliance_model="refrigerator", site="kitchen")

    assert make_ingest().decode([message(own)]).readings == 1


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("dt/appliance/toaster/t-1/telemetry", "appliance model 'toaster' has no profile"),
        ("dt/appliance/toaster/t-1/status", "appliance model 'toaster' has no profile"),
        ("dt/appliance/refrigerator/fri dge/telemetry", "topic: "),
        ("dt/appliance/refrigerator/telemetry", "topic: "),
        ("something/else", "topic: "),
        ("", "topic: "),
    ],
)
def test_a_topic_nobody_knows_is_a_dead_letter(make_ingest, message, reading, topic, reason):
    """Neither an appliance model without profile nor a strange topic stops the stream."""
    decoded = make_ingest().decode([message(reading(), topic), message(reading())])

    assert decoded.dead_letters[0].reason.startswith(reason)
    assert decoded.readings == 1


@pytest.mark.parametrize(("word", "online"), [(b"online", True), (b"offline", False), (b"Online\n", True)])
def test_status_is_presence_and_no_reading(make_ingest, message, now, word, online):
    """The last will and the first word of an appliance are passed on, with the time of reception."""
    decoded = make_ingest().decode([message(word, "dt/appliance/refrigerator/fridge-1/status")])

    (said,) = decoded.presence
    assert (said.appliance_model, said.appliance_id, said.online, said.time) == (
        "refrigerator",
        "fridge-1",
        online,
        now,
    )
    assert (decoded.readings, len(decoded.dead_letters)) == (0, 0)


def test_clearing_a_retained_status_says_nothing(make_ingest, message):
    """An empty payload removes what the broker kept, as when an appliance is given away."""
    decoded = make_ingest().decode([message(b"", "dt/appliance/refrigerator/fridge-1/status")])

    assert (decoded.ignored, decoded.presence, decoded.dead_letters) == (1, [], [])


def test_a_status_that_is_neither_word_is_a_dead_letter(make_ingest, message):
    """Only online and offline are presence."""
    decoded = make_ingest().decode([message(b"maybe", "dt/appliance/refrigerator/fridge-1/status")])

    assert decoded.dead_letters[0].reason == "presence: b'maybe' is neither online nor offline"


def test_what_was_reported_survives_a_restart(make_ingest, message, reading):
    """After a restore an unknown signal is not reported again."""
    ingest, restarted = make_ingest(), make_ingest()
    more = message(reading(signals={"current": 0.8, "humidity": 44}))
    ingest.decode([more])

    restarted.restore(ingest.snapshot())

    assert restarted.decode([more]).dead_letters == []


def test_the_last_firmware_of_an_appliance_counts(make_ingest, message, reading):
    """A block names the firmware that each appliance ran last; a reading without one does not erase it."""
    decoded = make_ingest().decode([message(reading(fw=version)) for version in ("1.0", "1.1", "")])

    assert decoded.blocks[0].firmware == ("1.1",)


def test_no_messages_are_no_blocks(make_ingest):
    """An empty batch is fine."""
    decoded = make_ingest().decode([])

    assert (decoded.blocks, decoded.dead_letters, decoded.readings) == ([], [], 0)


def test_columns_have_their_types(make_ingest, message, reading):
    """Blocks keep the types that the state of the fleet is made of."""
    (block,) = make_ingest().decode([message([reading()] * 3)]).blocks

    assert (block.appliance.dtype, block.time.dtype, block.seq.dtype) == (np.int32, np.int64, np.int64)
    assert all(column.dtype == np.float64 and column.flags.c_contiguous for column in block.signals.values())


@pytest.mark.parametrize("value", [4000, -127.0, math.nan, math.inf])
def test_a_broken_probe_costs_itself(make_ingest, message, reading, value):
    """The other signals are used; the first of its kind is told, also after a restart, and the rest counted."""
    ingest, restarted = make_ingest(), make_ingest()
    broken = [
        message(reading(seq=seq, signals={"current": 0.8, "cabinet_temp": value, "door": 1}))
        for seq in range(4)
    ]

    first = ingest.decode([*broken[:2], message(reading(seq=9))])
    restarted.restore(ingest.snapshot())
    later = restarted.decode(broken[2:])

    (block,) = first.blocks
    assert block.seq.tolist() == [0, 1, 9]
    assert block.signals["current"].tolist() == [0.8, 0.8, 0.84]
    assert np.isnan(block.signals["cabinet_temp"]).tolist() == [True, True, False]
    assert "; the rest is used (said once)" in first.dead_letters[0].reason
    assert (len(first.dead_letters), first.left_out_by["unknown"], first.left_out) == (1, 2, 4)
    assert (later.readings, later.dead_letters, later.left_out) == (2, [], 4)


def test_a_broken_probe_in_an_array_costs_itself(make_ingest, message, reading):
    """The note is of the reading that it was in."""
    array = [reading(seq=seq, signals={"current": 4000 * seq, "cabinet_temp": 4.0}) for seq in range(3)]

    decoded = make_ingest().decode([message(array)])

    (letter,) = decoded.dead_letters
    assert decoded.blocks[0].seq.tolist() == [0, 1, 2]
    assert decoded.left_out_by["outside"] == 2
    assert letter.reason == "signals.current: 4000 A is outside 0..32 A; the rest is used (said once)"
    assert json.loads(letter.payload) == array[1]


@pytest.mark.parametrize(
    "wrong", [{"ts": 61}, {"fw": 3}, {"seq": -2}, {"signals": {"current": 4000, "cabinet_temp": "4"}}]
)
def test_the_shape_is_strict_also_beside_a_broken_probe(make_ingest, message, reading, wrong):
    """A mistake of the firmware is told, not guessed around."""
    signals = {"current": 4000, "cabinet_temp": 4.0}

    decoded = make_ingest().decode([message(reading(**({"signals": signals} | wrong)))])

    assert (decoded.readings, len(decoded.dead_letters)) == (0, 1)


def test_what_is_left_out_is_counted_for_as_long_as_the_process_runs(make_ingest, message, reading):
    """By kind, for the metrics."""
    ingest = make_ingest()
    ingest.decode([message(reading(signals={"current": 1, "cabinet_temp": 99, "door": 1}))] * 2)
    ingest.decode([message(reading(seq=8, signals={"current": 1, "cabinet_temp": math.nan}))])

    assert ingest.left_out() == {"outside": 1, "not_a_number": 1, "time": 0, "unknown": 1}
