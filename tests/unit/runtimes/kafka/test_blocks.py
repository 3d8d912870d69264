"""Blocks as Kafka records."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from foremend.runtimes.kafka import blocks
from foremend.runtimes.kafka.blocks import decode, encode, encode_in_parts, partition_of, split
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Block

IDS = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=8, unique=True)
NAMES = st.lists(st.sampled_from(["power", "current", "time", "fw", "cabinet_temp"]), unique=True)


@st.composite
def any_block(draw: st.DrawFn) -> Block:
    """A block of up to 40 readings; ids, firmware and signals as odd as the types allow."""
    ids, n = draw(IDS), draw(st.integers(0, 40))
    firmware = draw(st.sampled_from([(), tuple(f"1.{k % 2}" for k in range(len(ids)))]))
    return Block(
        draw(st.sampled_from(["rf-260", "ac-35i"])),
        tuple(ids),
        draw(arrays.arrays(np.int32, n, elements=st.integers(0, len(ids) - 1))),
        draw(arrays.arrays(np.int64, n)),
        draw(arrays.arrays(np.int64, n)),
        {name: draw(arrays.arrays(np.float64, n)) for name in draw(NAMES)},
        firmware,
    )


def a_block(n: int = 3) -> Block:
    """`n` readings of as many appliances."""
    count = np.arange(n)
    return Block(
        "rf-260",
        tuple(f"rf-{k}" for k in range(n)),
        count.astype(np.int32),
        count + 1_732_190_000_000,
        count,
        {"power": np.random.default_rng(1).normal(80.0, 5.0, n)},
        ("1.2.3",) * n,
    )


def batch_of(block: Block) -> pa.RecordBatch:
    return pa.ipc.open_stream(encode(block)).read_next_batch()


def stream_of(batch: pa.RecordBatch, times: int = 1) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        for _ in range(times):
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def assert_same(one: Block, other: Block) -> None:
    """Equal to the last bit, and of the same types."""
    assert (one.appliance_model, one.appliance_ids, one.firmware) == (
        other.appliance_model,
        other.appliance_ids,
        other.firmware,
    )
    assert list(one.signals) == list(other.signals)
    for here, there in zip(columns(one), columns(other), strict=True):
        assert here.dtype == there.dtype
        assert here.tobytes() == there.tobytes()


def columns(block: Block) -> list[np.ndarray]:
    return [block.appliance, block.time, block.seq, *block.signals.values()]


def rows_of(block: Block, firmware: bool = True) -> list[tuple[object, ...]]:
    """Each reading by its appliance's name, values as bytes so that NaN equals itself."""
    return [
        (
            block.appliance_ids[block.appliance[row]],
            block.firmware[block.appliance[row]] if block.firmware and firmware else "",
            *(column[row].tobytes() for column in columns(block)[1:]),
        )
        for row in range(len(block))
    ]


@given(any_block())
def test_a_block_comes_back_as_it_was(block: Block) -> None:
    """Encoding and decoding changes no bit."""
    assert_same(decode(encode(block)), block)


def test_a_decoded_block_is_writable() -> None:
    """Its arrays are of the kind a decoded message has, so that compiled kernels are not compiled again."""
    block = decode(encode(a_block()))

    assert all(column.flags.writeable and column.flags.aligned for column in columns(block))


@given(any_block(), st.integers(1, 5))
def test_a_split_parts_the_readings_and_keeps_their_order(block: Block, groups: int) -> None:
    """Every reading is in one part, in the order it had, with its appliance's name and firmware."""
    parts = dict(split(block, groups))

    found = {key: rows_of(part) for key, part in parts.items()}

    expected: dict[str, list[tuple[object, ...]]] = {}
    for row in rows_of(block):
        key = f"{block.appliance_model}/{crc32(str(row[0]).encode()) % groups}"
        expected.setdefault(key, []).append(row)
    assert found == expected


@given(any_block(), any_block(), st.integers(1, 5))
def test_an_appliance_always_has_the_same_key(one: Block, other: Block, groups: int) -> None:
    """Whatever else is in its block."""
    keys: dict[tuple[str, str], set[str]] = {}
    for block in (one, other):
        for key, part in split(block, groups):
            for row in np.unique(part.appliance):
                keys.setdefault((block.appliance_model, part.appliance_ids[row]), set()).add(key)

    assert all(len(found) == 1 for found in keys.values())


def test_a_part_names_only_its_own_appliances() -> None:
    """A record of one group does not carry the ids of all."""
    parts = split(a_block(100), 4)

    assert sum(len(part.appliance_ids) for _, part in parts) == 100


def test_partitions_are_what_they_always_were() -> None:
    """A changed formula would send an appliance to a worker that does not know it."""
    assert [partition_of(f"rf-260/{group}", 12) for group in range(4)] == [1, 7, 9, 11]


def test_a_large_block_is_cut_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record is above the limit, and together they hold the block's readings in order."""
    monkeypatch.setattr(blocks, "MOST_BYTES", 20_000)
    block = a_block(5_000)

    records = list(encode_in_parts(block))

    assert len(records) > 1
    assert max(map(len, records)) <= 20_000
    assert [row for record in records for row in rows_of(decode(record))] == rows_of(block)


@pytest.mark.parametrize("garbage", [b"", b"\0", b"hello", b'{"ts": 1}', b"\xff" * 4_000])
def test_garbage_is_refused(garbage: bytes) -> None:
    """With a sentence that a dead letter can carry."""
    with pytest.raises(InputError, match="the record is no Arrow stream"):
        decode(garbage)


@given(st.integers(0, 1_000_000))
def test_a_cut_record_is_refused(length: int) -> None:
    """Wherever it was cut before its last reading."""
    record = encode(a_block())
    end_of_stream = 8

    with pytest.raises(InputError, match="the record"):
        decode(record[: length % (len(record) - end_of_stream)])


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5))
def test_damaged_bytes_are_refused_or_harmless(damage: list[tuple[int, int]]) -> None:
    """Whatever bytes are wrong: a block whose indices are in range, or InputError; never an end of the process."""
    record = bytearray(encode(a_block(20)))
    for at, value in damage:
        record[at % len(record)] = value

    try:
        block = decode(bytes(record))
    except InputError:
        return

    assert rows_of(block) is not None


def test_another_version_is_refused() -> None:
    """By name, so that somebody sees which side to update."""
    batch = batch_of(a_block()).replace_schema_metadata({b"version": b"2", b"appliance_model": b"rf-260"})

    with pytest.raises(InputError, match=r"version b'2' .* reads version b'1'"):
        decode(stream_of(batch))


def test_other_columns_are_refused() -> None:
    """A signal that is text, say."""
    batch = batch_of(a_block())
    wrong = batch.set_column(4, "power", pa.array(["a", "b", "c"]))

    with pytest.raises(InputError, match=r"columns are not .*: .*power string"):
        decode(stream_of(wrong))


def test_empty_values_are_refused() -> None:
    """A reading without a time would be a reading of no time."""
    batch = batch_of(a_block())
    wrong = batch.set_column(1, "time", pa.array([1, None, 3], pa.int64()))

    with pytest.raises(InputError, match="a reading with an empty value"):
        decode(stream_of(wrong))


def test_several_batches_are_refused() -> None:
    """One record is one block."""
    with pytest.raises(InputError, match="2 batches of readings, one is expected"):
        decode(stream_of(batch_of(a_block()), times=2))
