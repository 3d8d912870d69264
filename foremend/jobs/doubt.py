"""Which examples of a file could have become untrue: the others are shipped, and Foremend's own tests play them.

What an example says depends on itself, its profile, the rules that apply to its appliance model, and `ingest.lateness`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foremend.config import Written, shipped
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.schema import parse_duration, validated
from rules.examples import Example
from rules.reach import concerns
from rules.settings import Rule


def doubtful(written: Written, profiles: Mapping[str, Profile]) -> list[Example]:
    """Those of a file without mistakes, in its order."""
    theirs, examples = shipped(), written.settings.examples
    if _differs_for_all(written, theirs):
        return list(examples)
    own = {path.stem for folder in written.settings.profiles.folders for path in folder.glob("*.yaml")}
    touched = own | _reached(_changed(written.data, theirs), profiles)
    said = written.data.get("examples", ())
    return [
        example
        for example, text in zip(examples, said, strict=True)
        if text not in theirs["examples"]
        or example.appliance_model in touched
        or example.appliance_model not in profiles
    ]


def _differs_for_all(written: Written, theirs: Mapping[str, Any]) -> bool:
    ours = written.data.get("rules", {})
    common = _book(theirs)
    return (
        written.settings.ingest.lateness != parse_duration(theirs["ingest"]["lateness"])
        or ours.get("updates") != theirs["rules"]["updates"]
        or [one for one in _book(written.data) if one in common]
        != [one for one in common if one in _book(written.data)]
    )


def _changed(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Any]:
    """Rules that one file has and the other has not; one that was edited is there twice."""
    mine, shipped_ones = _book(ours), _book(theirs)
    return [one for one in mine if one not in shipped_ones] + [one for one in shipped_ones if one not in mine]


def _reached(rules: Sequence[Any], profiles: Mapping[str, Profile]) -> set[str]:
    read = [validated(Rule, one, "rules.book") for one in rules]
    return {name for name, profile in profiles.items() if any(concerns(rule, profile) for rule in read)}


def _book(data: Mapping[str, Any]) -> list[Any]:
    return list(data.get("rules", {}).get("book", ()))
