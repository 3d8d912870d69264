"""/metrics in the Prometheus text format. No appliance ids in labels: a fleet would make a series each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]
"""Labels and value."""

Label = TypeVar("Label", bound=str)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric, `foremend_<name>`, with a sample for each set of labels; a counter's name ends in `_total`."""

    kind: Literal["counter", "gauge"]
    name: str
    words: str
    samples: Sequence[Sample]


def counter(name: str, words: str, value: float) -> Family:
    """A number that only grows, without labels."""
    return Family("counter", name, words, [({}, value)])


def gauge(name: str, words: str, value: float) -> Family:
    """A number of this moment, without labels."""
    return Family("gauge", name, words, [({}, value)])


def labelled(label: str, values: Mapping[Label, float]) -> list[Sample]:
    """A sample for each value of one label, in the order of the labels."""
    return [({label: text}, value) for text, value in sorted(values.items())]


def render(families: Iterable[Family]) -> str:
    """The text that Prometheus scrapes."""
    return "".join(_text(family) for family in families)


def _text(family: Family) -> str:
    lines = [
        f"# HELP foremend_{family.name} {family.words}.",
        f"# TYPE foremend_{family.name} {family.kind}",
    ]
    for labels, value in family.samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        where = f"{{{inside}}}" if inside else ""
        lines.append(f"foremend_{family.name}{where} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
