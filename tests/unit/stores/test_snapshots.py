"""Snapshots bring state back exactly or refuse."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.engine.packing import pack, unpack
from foremend.stores.snapshots import load_snapshot, save_snapshot
from foremend.vocabulary.errors import IntegrityError

plain = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text()
nested = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(state=st.dictionaries(st.text(), nested))
def test_any_nested_state_comes_back_equal(
    state: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Mappings, lists and plain values survive the disk."""
    path = tmp_path_factory.mktemp("snapshot") / "engine.snapshot"

    save_snapshot(path, state)

    assert load_snapshot(path) == state


def test_arrays_keep_their_type_and_values(tmp_path: Path) -> None:
    """Numpy arrays come back with dtype, shape and NaN."""
    array = np.array([[1.5, np.nan]], np.float32)

    save_snapshot(tmp_path / "s", {"deep": [{"array": array}]})
    restored = load_snapshot(tmp_path / "s")

    assert restored is not None
    np.testing.assert_array_equal(restored["deep"][0]["array"], array)
    assert restored["deep"][0]["array"].dtype == np.float32


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    """One flipped bit is noticed and named."""
    save_snapshot(tmp_path / "s", {"a": 1})
    content = bytearray((tmp_path / "s").read_bytes())
    content[-5] ^= 1
    (tmp_path / "s").write_bytes(content)

    with pytest.raises(IntegrityError, match="checksum"):
        load_snapshot(tmp_path / "s")


def test_no_snapshot_yet_is_none(tmp_path: Path) -> None:
    """A first start finds nothing and says so without an error."""
    assert load_snapshot(tmp_path / "nothing") is None


def test_a_snapshot_of_another_version_is_refused() -> None:
    """Bytes that do not begin as ours are not guessed at."""
    with pytest.raises(IntegrityError, match="another version"):
        unpack(b"PK\x03\x04 something else entirely")


def test_restored_arrays_can_be_written_to() -> None:
    """What is restored from bytes that can be written to goes on as state, without a copy."""
    restored = unpack(pack({"ids": ["a", "b"], "empty": np.zeros((0, 3)), "time": np.arange(3)}))

    restored["time"][0] = 7

    assert restored["ids"] == ["a", "b"]
    assert restored["empty"].shape == (0, 3)
    assert restored["time"].tolist() == [7, 1, 2]
