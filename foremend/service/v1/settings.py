"""The settings in force, without secrets, and the rules with their examples, under `/api/v1`. Read only."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from foremend.config import Settings
from foremend.plan.in_force import as_written, in_force, span
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem
from foremend.vocabulary.rights import Right
from rules.examples import Example
from rules.settings import Rule

_OF_SETTINGS = Depends(Needs(Right.SETTINGS))


class SettingView(BaseModel):
    """`written`: config.yaml says it, or the file that Foremend ships where that is extended; else it is a default."""

    key: str
    value: str
    written: bool


class RuleView(BaseModel):
    """A rule as it is written: `when` opens an episode, `clears` ends it; no `fault` where the predictor names it."""

    name: str
    fault: str
    when: str
    sustained_for: str
    clears: str
    severity: str
    escalate: str
    applies_to: str
    means_failure: bool


class ExpectedView(BaseModel):
    after: str
    finding: str
    fault: str
    severity: str


class ExampleView(BaseModel):
    """A case that tests play: `of` are readings, through the engine, or windows, through the rules."""

    say: str
    appliance_model: str
    of: str
    expect: list[ExpectedView]


class SettingsView(BaseModel):
    """No secret stands in any of it: where one is kept is named by its variable or file."""

    settings: list[SettingView]
    rules: list[RuleView]
    examples: list[ExampleView]


def add_settings(app: FastAPI, settings: Settings | None) -> None:
    """The route over the `settings` of this process; without them it answers 503."""

    @app.get("/api/v1/settings", tags=["settings"], operation_id="showSettings", dependencies=[_OF_SETTINGS])
    def show_settings() -> SettingsView:
        """What this process was started with; a change takes a new start."""
        if settings is None:
            raise Problem(503, "this process was started without settings of its own")
        return SettingsView(
            settings=[SettingView(**asdict(one)) for one in in_force(settings)],
            rules=[_rule(one) for one in settings.rules.book],
            examples=[_example(one) for one in settings.examples],
        )


def _rule(rule: Rule) -> RuleView:
    clears = [
        f"{word} {level:g}"
        for word, level in (("below", rule.clear_below), ("above", rule.clear_above))
        if level is not None
    ]
    return RuleView(
        name=rule.name,
        fault=rule.fault or "",
        when=as_written(rule.when),
        sustained_for=span(rule.sustained_for),
        clears=" ".join([*clears, *([f"for {span(rule.clear_after)}"] if rule.clear_after else [])]),
        severity=rule.severity,
        escalate=as_written(rule.escalate) if rule.escalate else "",
        applies_to=as_written(rule.applies_to),
        means_failure=rule.means_failure,
    )


def _example(example: Example) -> ExampleView:
    of = "readings" if example.readings else ", ".join(one.kind for one in example.given)
    expect = [
        ExpectedView(after=span(one.after), finding=one.finding, fault=one.fault, severity=one.severity)
        for one in example.expect
    ]
    return ExampleView(say=example.say, appliance_model=example.appliance_model, of=of, expect=expect)
