"""The registry: what is stored comes back or is refused, and every change of the champion is on record."""

import io
import json
import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.ensemble import ExtraTreesClassifier

from foremend.vocabulary.errors import IntegrityError, UnavailableError
from models.registry.packing import pack, unpack
from models.registry.registry import ModelCard, Registry
from models.trees import Ballots, flatten_ballots, mean_shares, restored
from models.trees import stored as stored_trees

KEY = b"a key of the registry"
MODEL = "rf-260"


def card(**changes: object) -> ModelCard:
    plain = ModelCard(MODEL, "recipe", ("own.duty",), ("refrigerant-leak",), {"source": "simulated"})
    return replace(plain, **changes)  # type: ignore[arg-type]


def registry(folder: Path, key: bytes | None = None, versions: int = 1) -> Registry:
    """A registry with a forest in each of its versions."""
    stored = Registry(folder, key)
    rows = np.random.default_rng(0).normal(size=(40, 1))
    forest = ExtraTreesClassifier(3, random_state=0).fit(rows, rows[:, 0] > 0)
    for number in range(versions):
        trees = stored_trees(flatten_ballots(forest.estimators_))
        stored.add(card(), {"number": number, "forest": trees, "edges": np.arange(3.0)})
    return stored


def promoted(folder: Path, versions: int = 3) -> Registry:
    stored = registry(folder, versions=versions)
    for at, version in enumerate(stored.versions(MODEL)):
        stored.promote(MODEL, version, who="ann", why=f"better at {at}", at=at)
    return stored


def rewrite_card(folder: Path, **changes: object) -> None:
    path = folder / MODEL / "v0001" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    """Arrays, numbers and forests of the newest version, with its card."""
    stored = registry(tmp_path, versions=2)

    kept, state = stored.load(MODEL, "v0002")

    assert stored.versions(MODEL) == ["v0001", "v0002"]
    assert stored.appliance_models() == [MODEL]
    assert kept == replace(card(), version="v0002", sha256=kept.sha256)
    assert state["number"] == 1
    assert mean_shares(np.array([[3.0]]), restored(Ballots, state["forest"]), 1)[0, 0] == 1.0


def test_version_ten_thousand_is_newer_than_nine_thousand(tmp_path: Path) -> None:
    """Versions are numbers, not text."""
    (tmp_path / MODEL / "v9999").mkdir(parents=True)

    stored = registry(tmp_path, versions=2)

    assert stored.versions(MODEL) == ["v10000", "v10001"]


@pytest.mark.parametrize("version", ["v0009", "../rf-520/v0001", "champion"])
def test_a_version_that_is_not_stored_is_refused(tmp_path: Path, version: str) -> None:
    """The sentence names the versions that there are."""
    with pytest.raises(IntegrityError, match=r"no model .* stored: v0001"):
        registry(tmp_path).load(MODEL, version)


def test_an_altered_model_is_refused(tmp_path: Path) -> None:
    """One byte more, and the checksum no longer fits."""
    stored = registry(tmp_path)
    with (tmp_path / MODEL / "v0001" / "model.npz").open("ab") as file:
        file.write(b"!")

    with pytest.raises(IntegrityError, match="does not match the checksum"):
        stored.load(MODEL, "v0001")


class Intruder:
    """A type that no model has."""


def test_a_type_that_models_never_have_is_refused_when_stored(tmp_path: Path) -> None:
    """What could not be loaded is not stored either, and nothing of it is left."""
    with pytest.raises(IntegrityError, match=r"types that models never have: .*Intruder"):
        Registry(tmp_path).add(card(), {"predictor": Intruder()})

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Somebody put a file where the models should be."""
    (tmp_path / "models").write_text("")

    with pytest.raises(UnavailableError, match=r"models cannot be written: Not a directory"):
        Registry(tmp_path / "models").add(card(), {"number": 1})


@pytest.mark.parametrize("content", [pickle.dumps({"predictor": 1}), b"", b"PK\x03\x04 and no more"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    """A pickle is never opened, even where somebody made its checksum fit."""
    stored = registry(tmp_path)
    (tmp_path / MODEL / "v0001" / "model.npz").write_bytes(content)
    rewrite_card(tmp_path, sha256=sha256(content).hexdigest())

    with pytest.raises(IntegrityError, match="not a stored model"):
        stored.load(MODEL, "v0001")


def test_a_pickle_in_the_place_of_an_array_is_refused(tmp_path: Path) -> None:
    """A well-made zip with an object in it is not opened, even where somebody made its checksum fit."""
    stored, planted = registry(tmp_path), io.BytesIO()
    path = tmp_path / MODEL / "v0001" / "model.npz"
    np.save(planted, np.array([Intruder()], object), allow_pickle=True)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in (parts | {"0.npy": planted.getvalue()}).items():
            archive.writestr(name, part)
    rewrite_card(tmp_path, sha256=sha256(path.read_bytes()).hexdigest())

    with pytest.raises(IntegrityError, match="not a stored model"):
        stored.load(MODEL, "v0001")


def test_what_a_killed_trainer_left_goes_when_the_next_one_stores(tmp_path: Path) -> None:
    """It never had a version; what another is writing at this moment stays."""
    left, busy = tmp_path / MODEL / ".unfinished-1", tmp_path / MODEL / ".unfinished-2"
    for folder in (left, busy):
        folder.mkdir(parents=True)
    os.utime(left, (0, 0))

    stored = registry(tmp_path)

    assert stored.versions(MODEL) == ["v0001"]
    assert (left.exists(), busy.exists()) == (False, True)


def test_another_trainer_that_finishes_meanwhile_disturbs_nobody(tmp_path: Path) -> None:
    """Its folder was seen and is gone at the next look, as a link to nothing is; the version is stored all the same."""
    (tmp_path / MODEL).mkdir(parents=True)
    (tmp_path / MODEL / ".unfinished-1").symlink_to(tmp_path / "gone")

    assert registry(tmp_path).versions(MODEL) == ["v0001"]


def test_two_trainers_at_once_get_two_versions(tmp_path: Path) -> None:
    """Each finds whole what it stored."""
    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda number: Registry(tmp_path).add(card(), {"number": number}), range(8)))

    assert sorted(one.version for one in kept) == Registry(tmp_path).versions(MODEL)
    assert [Registry(tmp_path).load(MODEL, one.version)[1] for one in kept] == [
        {"number": number} for number in range(8)
    ]


@given(
    arrays(
        st.sampled_from([np.int16, np.int32, np.int64, np.uint8, np.float32, np.float64, np.bool_]),
        array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4),
    ),
    st.floats(),
)
def test_arrays_and_numbers_come_back_as_they_were(values: Any, number: float) -> None:
    """Of every type and shape, whatever room they took; equal states give equal bytes."""
    state = {"deep": [{"values": values}, None, "text"], "number": np.float64(number)}

    body = pack(state, "a test")
    back = unpack(body, "a test")

    np.testing.assert_array_equal(back["deep"][0]["values"], values)
    assert back["deep"][0]["values"].dtype == values.dtype
    np.testing.assert_equal(back["number"], number)
    assert pack(state, "a test") == body


def test_a_signed_model_is_loaded_with_its_key(tmp_path: Path) -> None:
    """Set the key, and what was trained with it is trusted."""
    kept, _ = registry(tmp_path, KEY).load(MODEL, "v0001")

    assert len(kept.signature) == 64


def test_with_a_key_an_unsigned_model_is_refused(tmp_path: Path) -> None:
    """A key that is set is required."""
    registry(tmp_path)

    with pytest.raises(IntegrityError, match="not signed"):
        Registry(tmp_path, KEY).load(MODEL, "v0001")


@pytest.mark.parametrize("change", [{"metrics": {"brier": 0.0}}, {"sha256": "0" * 64}, {"faults": []}])
def test_a_signed_card_cannot_be_altered(tmp_path: Path, change: dict[str, object]) -> None:
    """The signature is about the card as much as about the model."""
    stored = registry(tmp_path, KEY)
    rewrite_card(tmp_path, **change)

    with pytest.raises(IntegrityError, match="signature does not fit"):
        stored.card(MODEL, "v0001")


def test_another_key_is_not_the_key(tmp_path: Path) -> None:
    """A model signed elsewhere is refused."""
    registry(tmp_path, KEY)

    with pytest.raises(IntegrityError, match="another key"):
        Registry(tmp_path, b"another").load(MODEL, "v0001")


@pytest.mark.parametrize("text", ["", "[]", '{"version": "v0001"}', '{"feature_names": [], "faults": []}'])
def test_a_card_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Half a card names its file."""
    stored = registry(tmp_path)
    (tmp_path / MODEL / "v0001" / "card.json").write_text(text)

    with pytest.raises(IntegrityError, match=r"card\.json is not a model card"):
        stored.card(MODEL, "v0001")


def test_a_card_that_was_moved_is_refused(tmp_path: Path) -> None:
    """An old signed version cannot be passed off as a newer one."""
    stored = registry(tmp_path, KEY, versions=2)
    old, new = (tmp_path / MODEL / version / "card.json" for version in stored.versions(MODEL))
    new.write_text(old.read_text())

    with pytest.raises(IntegrityError, match="it was moved"):
        stored.card(MODEL, "v0002")


def test_promotions_and_rollbacks_are_on_record(tmp_path: Path) -> None:
    """Who, when and why; a second rollback goes back further."""
    stored = promoted(tmp_path)

    back = [stored.rollback(MODEL, who="bob", why="alarms", at=at) for at in (10, 20)]

    assert back == ["v0002", "v0001"]
    aliases = stored.aliases(MODEL)
    assert aliases.champion == "v0001"
    assert [(one.action, one.version, one.previous) for one in aliases.history[-2:]] == [
        ("rolled-back", "v0002", "v0003"),
        ("rolled-back", "v0001", "v0002"),
    ]
    assert (aliases.history[0].who, aliases.history[0].at, aliases.history[0].why) == (
        "ann",
        0,
        "better at 0",
    )
    assert aliases.history[-1].why == "alarms"


def test_there_is_nothing_before_the_first_champion(tmp_path: Path) -> None:
    """A rollback without a past is refused and changes nothing."""
    stored = promoted(tmp_path, versions=1)

    with pytest.raises(IntegrityError, match="nothing to go back to"):
        stored.rollback(MODEL, who="bob", why="alarms", at=10)

    assert stored.champion(MODEL) == "v0001"


def test_a_promoted_challenger_is_challenger_no_more(tmp_path: Path) -> None:
    """It has one alias at a time."""
    stored = promoted(tmp_path, versions=1)
    stored.add(card(), {"number": 2})
    stored.challenge(MODEL, "v0002")

    assert stored.aliases(MODEL).challenger == "v0002"
    stored.promote(MODEL, "v0002", who="ann", why="better", at=5)

    assert stored.aliases(MODEL).challenger is None
    assert stored.champion(MODEL) == "v0002"


def test_a_damaged_version_cannot_be_promoted(tmp_path: Path) -> None:
    """The champion stays what it was."""
    stored = promoted(tmp_path, versions=1)
    stored.add(card(), {"number": 2})
    (tmp_path / MODEL / "v0002" / "model.npz").unlink()

    with pytest.raises(IntegrityError, match="missing"):
        stored.promote(MODEL, "v0002", who="ann", why="better", at=5)

    assert stored.champion(MODEL) == "v0001"
