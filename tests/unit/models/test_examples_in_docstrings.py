"""Every public class of `models/` shows in its docstring how it is used, and what the example prints is true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import models

MODULES = sorted(module.name for module in pkgutil.walk_packages(models.__path__, "models."))
MOST_LINES = 8
EXCUSED = dict.fromkeys(
    (
        "models.detectors.charts.ChartParams",
        "models.detectors.charts.ChartState",
        "models.detectors.confirmed.LastRows",
        "models.detectors.novelty.NoveltyState",
        "models.detectors.silence.SilenceState",
        "models.detectors.structure.RunState",
        "models.detectors.tails.Tail",
        "models.stream.habits.Told",
        "models.stream.pool.Pool",
        "models.stream.state.Params",
        "models.stream.state.StreamState",
        "models.stream.states.Plan",
        "models.stream.windows.ClosedWindows",
    ),
    "state of a kernel: nobody else makes one or is handed one",
)


def public_classes(module: ModuleType) -> Iterator[type]:
    """Those that `module` itself defines."""
    for name, one in vars(module).items():
        if inspect.isclass(one) and one.__module__ == module.__name__ and not name.startswith("_"):
            yield one


def full_name(one: type) -> str:
    return f"{one.__module__}.{one.__qualname__}"


def example_of(one: type) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(one.__doc__ or "")


def length_of(example: list[doctest.Example]) -> int:
    """Lines, those that are printed among them."""
    return sum(step.source.count("\n") + step.want.count("\n") for step in example)


def without_example(module: ModuleType) -> list[str]:
    """Public classes that show nothing: there is no example, or it prints nothing."""
    return [
        full_name(one)
        for one in public_classes(module)
        if full_name(one) not in EXCUSED and not any(step.want for step in example_of(one))
    ]


def what_fails(module: ModuleType) -> str:
    """What doctest says of the examples of `module` that do not print what they promise; empty where all do."""
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(test, out=said.append)
    return "".join(said)


def made(source: str) -> ModuleType:
    """A module of that source."""
    module = ModuleType("models.made")
    exec(source, vars(module))
    return module


@pytest.mark.parametrize("name", ["foremend.vocabulary.types", "models", *MODULES])
def test_the_examples_of_a_module_print_what_they_promise(name: str) -> None:
    """Whoever copies one gets what stands under it."""
    failures = what_fails(importlib.import_module(name))

    assert not failures, failures


@pytest.mark.parametrize("name", MODULES)
def test_every_public_class_of_a_module_has_an_example(name: str) -> None:
    """A short one that shows what comes out."""
    module = importlib.import_module(name)

    too_long = [full_name(one) for one in public_classes(module) if length_of(example_of(one)) > MOST_LINES]

    assert without_example(module) == [], "give it one, or put what only a kernel reads on the list EXCUSED"
    assert too_long == []


@pytest.mark.parametrize("name", EXCUSED)
def test_a_class_without_an_example_is_there_and_has_none(name: str) -> None:
    """The list of those excused does not outlive its reasons."""
    module, _, one = name.rpartition(".")

    assert not example_of(getattr(importlib.import_module(module), one))


@pytest.mark.parametrize(
    "docstring",
    [
        "A fan.",
        "A fan.\n\n    >>> fan = Fan()\n    ",
    ],
    ids=["no example", "an example that prints nothing"],
)
def test_a_class_that_shows_nothing_is_found(docstring: str) -> None:
    """By its name; what is private needs no example."""
    module = made(f'class Fan:\n    """{docstring}"""\n\nclass _Blade:\n    pass\n')

    assert without_example(module) == ["models.made.Fan"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("2 * 2\n    5", "Expected:\n    5\nGot:\n    4"),
        ("1 / 0\n    0", "ZeroDivisionError"),
        ("import warnings; warnings.warn('old')", "UserWarning: old"),
    ],
    ids=["another value", "an exception", "a warning"],
)
def test_an_example_that_is_wrong_is_found(step: str, said: str) -> None:
    """The failure names the class and shows the line."""
    module = made(f'class Fan:\n    """A fan.\n\n    >>> {step}\n    """\n')

    failures = what_fails(module)

    assert "models.made.Fan" in failures
    assert said in failures
