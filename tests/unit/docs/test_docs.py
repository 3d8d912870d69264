"""The documentation keeps its word: links lead somewhere, commands exist, code parses, contracts name our topics."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from alerts.settings import HomeAssistant
from foremend.commands.table import COMMANDS
from foremend.config import Settings
from foremend.home.discovery import state_topic, status_topic
from foremend.vocabulary import topics
from foremend.vocabulary.schema import validated
from tests.unit.commands.command_line import command_of

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
)
PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(?:^|`|\.venv/bin/)foremend ([a-z][a-z-]*)", re.MULTILINE)
_OPTION = re.compile(r"(?<=\s)--[a-z][a-z-]*")
HOME = HomeAssistant()

_CONFIG_KEYS = set(Settings.model_fields)


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of `page` in `language`, without their indentation."""
    for indent, name, body in _FENCE.findall(page.read_text(encoding="utf-8")):
        if name == language:
            yield re.sub(f"^{indent}", "", body, flags=re.MULTILINE)


def prose(page: Path) -> str:
    """The page without fenced blocks, which hold no links."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def command_lines(page: Path) -> Iterator[str]:
    """Lines in shell blocks that call foremend, with continued lines joined and comments removed."""
    for body in blocks(page, "sh"):
        for line in body.replace("\\\n", " ").splitlines():
            if re.match(r"(\.venv/bin/)?foremend\b", line):
                yield line.split(" #")[0]


def options_of(words: list[str]) -> set[str]:
    """Every option that the command named by the first of `words` takes; groups have commands of their own."""
    found, _ = command_of(words)
    if default := getattr(found, "default", None):  # of a group that need not be told which of its commands
        found = found.commands[default]
    return {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}


@PAGE
def test_relative_links_lead_to_files(page: Path) -> None:
    """Every link without a host names a file or folder of the repository."""
    targets = [urlsplit(link) for link in _LINK.findall(prose(page))]

    missing = [
        target.path
        for target in targets
        if not target.scheme and target.path and not (page.parent / unquote(target.path)).exists()
    ]

    assert missing == []


@PAGE
def test_commands_exist(page: Path) -> None:
    """Whatever follows `foremend` at a prompt or in code marks is one of its commands."""
    known = set(COMMANDS)

    assert set(_COMMAND.findall(page.read_text(encoding="utf-8"))) <= known


@PAGE
def test_options_exist(page: Path) -> None:
    """A command line in a shell block uses options that its command has."""
    for line in command_lines(page):
        assert set(_OPTION.findall(line)) <= options_of(line.split()[1:]), line


@PAGE
def test_python_parses(page: Path) -> None:
    """Every block of Python is Python, and imports names that its modules have."""
    for body in blocks(page, "python"):
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom):
                module = __import__(str(node.module), fromlist=[alias.name for alias in node.names])
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


@PAGE
def test_json_parses(page: Path) -> None:
    """Every block of JSON is JSON."""
    for body in blocks(page, "json"):
        json.loads(body)


@PAGE
def test_settings_are_accepted(page: Path) -> None:
    """A block of YAML that begins with a part of config.yaml is one that Foremend takes."""
    for body in blocks(page, "yaml"):
        content = yaml.safe_load(body)
        if set(content) <= _CONFIG_KEYS:
            validated(Settings, content, str(page))


def addresses(text: str) -> set[str]:
    """The addresses of an AsyncAPI document as MQTT filters."""
    channels = yaml.safe_load(text)["channels"].values()
    return {
        re.sub(r"\{\w+\}", "+", one["address"]) for one in channels if "address" in one
    }  # webhooks: anywhere


def test_the_mqtt_contract_names_every_topic() -> None:
    """docs/asyncapi.yaml has the topics of foremend/vocabulary/topics.py, and no other."""
    command = topics.RESPONSE_WILDCARD.removesuffix("/response")

    found = addresses((ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))

    assert found == {
        topics.TELEMETRY_WILDCARD,
        topics.STATUS_WILDCARD,
        topics.CONSENT_WILDCARD,
        command,
        topics.RESPONSE_WILDCARD,
        topics.PROGRESS,
        f"{topics.PROOF}/+/+",
        status_topic(HOME),
        state_topic(HOME, "+"),
        "homeassistant/device/+/config",
    }


def test_references_of_the_mqtt_contract_resolve() -> None:
    """Every $ref of docs/asyncapi.yaml leads to something in it."""
    text = (ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)

    for reference in re.findall(r"\$ref: '#/([^']+)'", text):
        found = document
        for key in reference.split("/"):
            found = found[key]
        assert found
