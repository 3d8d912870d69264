"""What is wrong with a configuration, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from foremend.vocabulary.errors import ConfigError, ForemendError, MissingExtraError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a process would refuse: `where` is a key of config.yaml or a file, `what` the whole sentence."""

    where: str
    what: str
    mend: str
    error: ForemendError | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, str]:
        return {"where": self.where, "what": self.what, "mend": self.mend}


@dataclass(frozen=True, slots=True)
class Check:
    """Something that raises a ForemendError where the setting `where` cannot be used."""

    where: str
    mend: str
    ask: Callable[[], object]


def found_by(checks: Iterable[Check]) -> Iterator[Problem]:
    """One look at each, so that none hides another."""
    for check in checks:
        try:
            check.ask()
        except ForemendError as error:
            yield Problem(check.where, str(error), check.mend, error)


def refusal(problems: Sequence[Problem]) -> ForemendError:
    """What ends a process: a line for each problem, and where it is only one, its own exit code."""
    if len(problems) == 1 and problems[0].error is not None:
        return problems[0].error
    return ConfigError("\n".join(problem.what for problem in problems))


def require_extra(module: str, what: str, extra: str) -> None:
    """Raises MissingExtraError where `module` is not installed. Does not load it."""
    try:
        found = find_spec(module) is not None
    except ValueError:  # loaded, and it put something without a spec in its place, as faust does
        found = True
    if not found:
        raise MissingExtraError(what, extra)
