"""Jurisdictions as data: those shipped, and those of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.policies import Kept, load_policies
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import Purpose

SHIPPED = ["CN", "EU", "UK", "US-CA", "household", "strict"]


def test_the_shipped_policies_are_whole() -> None:
    """Each has a time for every kind of data and words in both languages for every purpose."""
    policies = load_policies()
    assert policies.names() == SHIPPED
    for name in SHIPPED:
        policy = policies.named(name)
        assert set(policy.retention) == set(Kept)
        assert all(set(policy.notices.texts[one]) == {"en", "zh"} for one in Purpose)
        assert policy.sources


@pytest.mark.parametrize(
    ("name", "asks_before_watching"),
    [("CN", True), ("EU", True), ("UK", True), ("strict", True), ("US-CA", False), ("household", False)],
)
def test_where_watching_needs_a_yes(name: str, asks_before_watching: bool) -> None:
    """Everything else needs one everywhere."""
    opt_in = load_policies().named(name).opt_in
    assert (Purpose.MONITORING in opt_in) is asks_before_watching
    assert opt_in >= set(Purpose) - {Purpose.MONITORING}


def test_at_home_a_message_goes_by_phone_and_abroad_by_mail() -> None:
    """The order of channels is the policy's."""
    policies = load_policies()
    assert policies.named("CN").channels[0] == "sms"
    assert policies.named("EU").channels[:2] == ("email", "push")


def test_a_jurisdiction_that_nobody_knows_is_judged_strictly() -> None:
    """A name in the database may be of a folder that is configured no more."""
    assert load_policies().of("ATLANTIS").name == "strict"
    assert load_policies(default="EU").of(None).name == "EU"


def test_a_policy_of_ones_own_says_only_what_differs(tmp_path: Path) -> None:
    """It extends another, or the shipped one of its own name, and takes its place."""
    (tmp_path / "CH.yaml").write_text("extends: EU\nname: CH\nquiet_hours: null\n")
    (tmp_path / "EU.yaml").write_text("extends: EU\nconsent: { ends_after: P6M }\n")
    policies = load_policies([tmp_path], "CH")
    assert policies.default.quiet_hours is None
    assert policies.default.consent.ends_after == policies.named("EU").consent.ends_after == "P6M"
    assert policies.named("UK").consent.ends_after == "P6M"  # it extends EU


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("extends: EU\nname: OWN\nopt_in: [ticket]\n", "opt_in lacks .*sms"),
        ("extends: EU\nname: OWN\nretention: { readings: P1Y }\n", "retention lacks findings"),
        ("extends: EU\nname: OWN\nconsent: { ends_after: 2 years }\n", "ISO 8601"),
        ("extends: EU\nname: OWN\nchannels: [email, fax]\n", "channels"),
        ("extends: EU\nname: OWN\nchannels: [email, email]\n", "twice"),
        ("extends: EU\nname: OWN\nquiet: null\n", "unknown key 'quiet'"),
        ("extends: MARS\nname: OWN\n", "'MARS' is no policy"),
        ("extends: OWN\nname: OWN\n", "'OWN' is no policy"),
        ("extends: [EU]\nname: OWN\n", "\\['EU'\\] is no policy"),
        ("extends: EU\nname: OTHER\n", "must be the file's name"),
        ("name: OWN\n", "version"),
        (
            "extends: EU\nname: OWN\nnotices: { version: '1', texts: { sms: { en: x, zh: x } } }\n",
            "lacks monitoring",
        ),
    ],
)
def test_what_is_wrong_in_a_policy_is_said_with_its_file(tmp_path: Path, text: str, sentence: str) -> None:
    """No yes may be left out, no time forgotten, no key misspelt."""
    (tmp_path / "OWN.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"(?s)OWN.yaml.*{sentence}"):
        load_policies([tmp_path])


def test_a_default_that_is_no_policy_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """And a folder that is none, too."""
    with pytest.raises(ConfigError, match="did you mean 'US-CA'"):
        load_policies((), "us-ca")
    with pytest.raises(ConfigError, match="is no folder"):
        load_policies([tmp_path / "none"])


def test_policies_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    """The sentence shows the way round."""
    (tmp_path / "A.yaml").write_text("extends: B\nname: A\n")
    (tmp_path / "B.yaml").write_text("extends: A\nname: B\n")
    with pytest.raises(ConfigError, match="A -> B -> A is a circle"):
        load_policies([tmp_path])
