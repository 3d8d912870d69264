"""Payloads as the contract has them are read at once into columns, and say what pydantic says they say, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import RawMessage
from ingest import decode
from ingest.batch import Waiting
from ingest.decode import Ingest
from ingest.payloads import PlainPayloads
from ingest.settings import IngestSettings
from ingest.values import Decoded

MODEL = "rf-260"
SIGNALS = load_profiles()[MODEL].signals
NOW = 1_760_000_000_000
TIMES = st.integers(NOW - 86_400_000, NOW) | st.integers(0, 10**15) | st.just(NOW + 7_200_000)
ODD = """0 -0 -0.0 1e1 1E+2 25e-1 0.1 01 1. .5 +1 1e --1 null nul true "3" 4.35 0.3
    123456789012345.6 1e23 9007199254740993 2.2250738585072014e-308"""
NUMBERS = (
    st.floats(-60.0, 400.0).map(lambda value: json.dumps(round(value, 3)))
    | st.floats().map(json.dumps)
    | st.integers(-(10**20), 10**20).map(str)
    | st.sampled_from(ODD.split())
)
KEYS = st.sampled_from([*SIGNALS, *SIGNALS, "", "powerr", "Power", 'po"wer', "power\\u0000", "é"])
BLANKS = st.sampled_from(["", "", " ", "\n", "\t\r\n "])


@st.composite
def objects(draw: st.DrawFn) -> str:
    """A reading, mostly as the contract has it, now and then as it must not be."""
    said = draw(
        st.lists(st.tuples(KEYS, NUMBERS), max_size=4, unique_by=lambda one: one[0] if one[0] else one)
    )
    blank = draw(BLANKS)
    signals = f",{blank}".join(f'"{key}"{blank}:{blank}{number}' for key, number in said)
    fields = {
        "ts": draw(TIMES.map(str) | NUMBERS),
        "seq": draw(st.integers(-2, 2**63).map(str) | st.just("1.0")),
        "fw": draw(st.sampled_from(['"1.4.2"', '""', '"x\\ty"', '"é"', "null", '"' + "9" * 65 + '"'])),
        "signals": f"{{{blank}{signals}{blank}}}",
        "more": "1",
    }
    kept = draw(
        st.permutations(
            draw(
                st.sampled_from([["ts", "signals"], ["ts", "seq", "signals"], list(fields)[:4], list(fields)])
            )
        )
    )
    return "{" + f"{blank},".join(f'"{key}":{blank}{fields[key]}' for key in kept) + "}" + blank


PAYLOADS = st.builds(
    lambda before, said, tail: f"{before}{said}{tail}".encode(),
    BLANKS,
    objects() | st.lists(objects(), max_size=3).map(lambda several: f"[{','.join(several)}]"),
    st.sampled_from(["", "", "", "\n", "}", " {}", "\x00"]),
)


def pydantic_alone(waiting: Waiting, received: object) -> NoReturn:
    raise NotImplementedError


AT_ONCE = Ingest(IngestSettings(max_readings=2), {MODEL: SIGNALS})
ONE_BY_ONE = Ingest(IngestSettings(max_readings=2), {MODEL: SIGNALS})
ONE_BY_ONE._plain[MODEL].read = pydantic_alone  # type: ignore[method-assign]
NOTHING = AT_ONCE.snapshot()


@pytest.fixture(scope="module", autouse=True)
def few_are_worth_it() -> Iterator[None]:
    """As many as they would be of a fleet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "WORTH_BYTES", 0)
        yield


def decoded(ingest: Ingest, payloads: Sequence[bytes]) -> Decoded:
    """As if nothing had come before."""
    ingest.restore(NOTHING)
    return ingest.decode(
        [
            RawMessage(f"dt/appliance/{MODEL}/fridge-{number % 3}/telemetry", payload, NOW)
            for number, payload in enumerate(payloads)
        ]
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(PAYLOADS, min_size=1, max_size=6))
@example([b'{"ts":1760000000000,"signals":{"power":1}}{"ts":', b'1,"signals":{"power":2}}'])
@example([b'{"ts":1760000000000,"signals":{"power":5}}\n{"ts":1760000000000,"signals":{"power":6}}'])
def test_whatever_is_sent_means_the_same_read_at_once_or_by_pydantic(payloads: list[bytes]) -> None:
    """Readings, versions, order and every dead letter with its reason."""
    fast, slow = decoded(AT_ONCE, payloads), decoded(ONE_BY_ONE, payloads)

    assert fast.dead_letters == slow.dead_letters
    assert (fast.repeated, fast.readings, fast.left_out_by) == (
        slow.repeated,
        slow.readings,
        slow.left_out_by,
    )
    assert len(fast.blocks) == len(slow.blocks)
    for one, other in zip(fast.blocks, slow.blocks, strict=True):
        assert (one.appliance_ids, one.firmware) == (other.appliance_ids, other.firmware)
        for column in ("appliance", "time", "seq"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column), strict=True)
        for name in SIGNALS:
            assert one.signals[name].tobytes() == other.signals[name].tobytes(), name


def plain(*payloads: bytes) -> list[bool]:
    waiting = Waiting(list(range(len(payloads))), ["fridge"] * len(payloads), list(payloads))
    _, read = PlainPayloads(SIGNALS, IngestSettings()).read(waiting, np.full(len(payloads), NOW))
    return read.tolist()


def test_what_the_contract_shows_is_read_at_once() -> None:
    """Else the tests above would compare pydantic with itself."""
    assert plain(
        b'{"ts":1760000000000,"seq":1,"fw":"1.4.2","signals":{"power":80.25,"current":null}}',
        b' [ {"signals": {"power": 8e1}, "ts": 1760000000000} ]\n',
        b'[{"ts":1760000000000,"signals":{"power":1}},{"ts":1760000000001,"signals":{"power":2}}]',
    ) == [True, True, True]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"ts":1760000000000,"signals":{"power":80.25}',
        b'{"ts":1760000000000,"signals":{"power":80.25},"more":1}',
        b'{"ts":1760000000000,"signals":{"power":80.25,"power":1}}',
        b'{"ts":1760000000000,"signals":{}}',
        b'{"ts":1760000000000,"signals":{"power":null}}',
        b'{"ts":1760000000000,"signals":{"power":1e9}}',
        b'{"ts":1760000000,"signals":{"power":1}}',
        b"[]",
        b"",
    ],
)
def test_one_that_is_not_plain_takes_no_neighbour_along(payload: bytes) -> None:
    """Whether it comes before or behind, the others are read at once."""
    good = b'{"ts":1760000000000,"signals":{"power":80.25}}'

    assert plain(good, payload, good, payload, payload, good) == [True, False, True, False, False, True]


@given(
    st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.decimals(-9999, 9999, places=4).map(str)
)
def test_a_number_is_the_nearest_double_or_is_not_read(number: str) -> None:
    """As Python's own reader gives it."""
    waiting = Waiting([0], ["fridge"], [b'{"ts":1760000000000,"signals":{"power":%s}}' % number.encode()])

    columns, read = PlainPayloads(SIGNALS, IngestSettings()).read(waiting, np.array([NOW]))

    if read[0]:
        assert columns.values[0, list(SIGNALS).index("power")] == float(number)
