"""Topics with named placeholders, for devices whose topics their users chose."""

from __future__ import annotations

import re
from functools import cached_property

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class TopicPattern:
    """A topic with named placeholders, such as `tele/{appliance_id}/SENSOR`.

    A placeholder stands for one level of the topic; those in `deep` for one or more (names that contain '/').
    """

    def __init__(self, pattern: str, deep: frozenset[str] = frozenset()) -> None:
        self.pattern = pattern
        self._deep = deep

    def match(self, topic: str) -> dict[str, str] | None:
        """Placeholder -> its part of `topic`; None where the topic does not fit."""
        found = self._regex.fullmatch(topic)
        return found.groupdict() if found else None

    def subscription(self, **known: str) -> str:
        """The MQTT filter that brings these topics, with the `known` placeholders filled in."""
        filled = _PLACEHOLDER.sub(lambda found: known.get(found[1], found[0]), self.pattern)
        levels: list[str] = []
        for level in filled.split("/"):
            found = _PLACEHOLDER.search(level)
            if found and found[1] in self._deep:
                return "/".join([*levels, "#"])
            levels.append("+" if found else level)
        return "/".join(levels)

    def filled(self, word: str, **known: str) -> str:
        """A topic that fits, with the `known` placeholders filled in and `word` for every other one."""
        return _PLACEHOLDER.sub(lambda found: known.get(found[1], word), self.pattern)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        parts = _PLACEHOLDER.split(self.pattern)  # literal, name, literal, name, ..., literal
        return re.compile(
            "".join(
                re.escape(part)
                if position % 2 == 0
                else f"(?P<{part}>{'.+' if part in self._deep else '[^/]+'})"
                for position, part in enumerate(parts)
            )
        )


def check_pattern(pattern: str, *required: str) -> str:
    """The pattern itself. Raises ValueError where a placeholder is missing, repeated or MQTT would refuse it."""
    names = _PLACEHOLDER.findall(pattern)
    for name in required:
        if name not in names:
            raise ValueError(f"'{pattern}' lacks {{{name}}}")
    if len(set(names)) != len(names):
        raise ValueError(f"'{pattern}' names a placeholder twice")
    rest = _PLACEHOLDER.sub("", pattern)
    if not pattern or any(sign in rest for sign in "+#{}"):
        raise ValueError(
            f"'{pattern}': write placeholders like {{appliance_id}} instead of +, # or other braces"
        )
    return pattern


def check_filter(topic: str) -> str:
    """The MQTT filter itself. Raises ValueError where a broker would refuse it (MQTT 3.1.1, 4.7.1)."""
    levels = topic.split("/")
    hash_inside = any(
        "#" in level and (level != "#" or at < len(levels) - 1) for at, level in enumerate(levels)
    )
    if not topic or "\0" in topic or hash_inside or any("+" in level and level != "+" for level in levels):
        raise ValueError(
            f"'{topic}' is no MQTT filter: + stands for one whole level, # for all that follow, at the end"
        )
    return topic


def overlap(one: str, other: str) -> bool:
    """Whether a topic can fit both MQTT filters; a shared subscription is taken as what it shares."""
    first, second = _levels(one), _levels(other)
    for a, b in zip(first, second, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    rest = first[len(second) :] or second[len(first) :]
    return rest[:1] in ([], ["#"])  # a/# takes a, too


def _levels(topic: str) -> list[str]:
    levels = topic.split("/")
    return levels[2:] if levels[0] == "$share" else levels
