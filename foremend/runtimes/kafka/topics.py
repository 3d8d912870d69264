"""The fleet's topics: made on purpose and checked at every start, for a wrong partition count would part siblings.

Raises UnavailableError while the cluster is away, and RefusedError for what it refuses for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from foremend.runtimes.kafka.settings import KafkaSettings, connection
from foremend.vocabulary.errors import ConfigError, MissingExtraError, RefusedError, UnavailableError

try:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
    from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
except ImportError as error:
    raise MissingExtraError("the pipeline on Kafka", "kafka") from error

_OWN = 1  # the protocol's source of a setting that a topic does not share with all topics of the broker
_LARGEST = {
    "max.message.bytes": "1048588"
}  # Kafka's default, whatever the brokers say; blocks and chunks stay below
_PROPAGATION_S = 30.0  # longest time until every broker knows a new topic


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be or, from `_existing`, as it is; `configs` are its own settings, in Kafka's words."""

    name: str
    partitions: int
    replication: int
    configs: dict[str, str]

    def described(self) -> dict[str, Any]:
        return {"partitions": self.partitions, "replication": self.replication, **self.configs}


def specified(settings: KafkaSettings) -> tuple[Topic, Topic, Topic]:
    """Blocks, state and dead letters as the settings want them."""
    flowing = {
        "cleanup.policy": "delete",
        "retention.ms": str(settings.retention),
        "segment.ms": str(
            max(settings.retention // 7, 1_000)
        ),  # whole segments go, so some stay this much longer
    }
    state = settings.state
    kept = {
        "cleanup.policy": "compact",
        "segment.bytes": str(state.segment),
        "segment.ms": str(state.segment_age),
        "min.cleanable.dirty.ratio": str(state.dirty_ratio),
        "delete.retention.ms": str(state.forget_after),
    }
    # With three replicas one broker may be away and writing goes on; a record that is acknowledged is on two.
    every = {"min.insync.replicas": str(max(1, settings.replication - 1))} | _LARGEST
    return (
        Topic(settings.blocks_topic, settings.partitions, settings.replication, flowing | every),
        Topic(settings.state_topic, settings.partitions, settings.replication, kept | every),
        Topic(settings.dead_letters_topic, settings.partitions, settings.replication, flowing | every),
    )


async def create(settings: KafkaSettings) -> dict[str, Any]:
    """Make the topics that are missing and give the others the settings of today; again changes nothing.

    Returns a topic's name -> partitions, replication, its settings, and `was`: created, changed or there.
    Raises ConfigError as `check` does: a partition count or a cleanup policy is never changed.
    """
    wanted = {topic.name: topic for topic in specified(settings)}
    async with _admin(settings) as admin:
        before = await _existing(admin, wanted)
        _refuse_misfits(before, wanted)
        created = await _make(admin, [topic for name, topic in wanted.items() if name not in before])
        present = await _appeared(admin, wanted)
        _refuse_misfits(present, wanted)
        changed = await _adjust(admin, present, wanted)
        present = await _existing(admin, wanted)
    was = dict.fromkeys(changed, "changed") | dict.fromkeys(created, "created")
    return {name: {"was": was.get(name, "there"), **present[name].described()} for name in wanted}


async def check(settings: KafkaSettings) -> dict[str, Any]:
    """What is on the cluster, by topic, where it fits the settings.

    Raises ConfigError when a topic is missing, was made by auto-creation, or has another partition count or cleanup
    policy than the settings say. Makes nothing, also where brokers create topics by themselves.
    """
    wanted = {topic.name: topic for topic in specified(settings)}
    async with _admin(settings) as admin:
        present = await _existing(admin, wanted)
    if missing := [name for name in wanted if name not in present]:
        raise ConfigError(f"Kafka has no topic {', '.join(missing)}: run `foremend topics create` first")
    _refuse_misfits(present, wanted)
    return {name: topic.described() for name, topic in present.items()}


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection(settings), client_id="foremend-topics")
    try:
        await admin.start()
        yield admin
    except (KafkaError, TimeoutError) as error:
        where = ", ".join(settings.brokers)
        if isinstance(error, KafkaError) and not error.retriable:
            raise RefusedError(f"Kafka at {where} refused: {error}") from error
        raise UnavailableError(f"Kafka at {where} cannot be reached: {error}") from error
    finally:
        await admin.close()


async def _existing(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Topic]:
    """Asks for all topics: to ask for one by name can create it."""
    found = {one["topic"]: one["partitions"] for one in await admin.describe_topics()}
    named = {name: found[name] for name in names if name in found}
    configs = await _own_configs(admin, list(named))
    return {
        name: Topic(name, len(partitions), len(partitions[0]["replicas"]), configs[name])
        for name, partitions in named.items()
    }


async def _own_configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = {}
    for response in await admin.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            _raise_for(code, message)
            configs[name] = {key: value for key, value, _, source, *_ in entries if source == _OWN}
    return configs


def _refuse_misfits(present: dict[str, Topic], wanted: dict[str, Topic]) -> None:
    """Raises ConfigError for the first topic that stands but cannot be used."""
    for name, topic in present.items():
        if misfit := _misfit(topic, wanted[name]):
            raise ConfigError(f"topic {name} {misfit}")


def _misfit(topic: Topic, wanted: Topic) -> str | None:
    has, wants = topic.configs.get("cleanup.policy"), wanted.configs["cleanup.policy"]
    if has is None:
        return (
            "was made by the broker itself (auto-creation), not by `foremend topics create`: "
            "delete it, and set auto.create.topics.enable=false on the brokers"
        )
    if has != wants:
        return f"has cleanup.policy={has} where it needs {wants}: delete it, or choose another kafka.prefix"
    if topic.partitions != wanted.partitions:
        return (
            f"has {topic.partitions} partitions and kafka.partitions is {wanted.partitions}: "
            f"set kafka.partitions: {topic.partitions}, or start anew under another kafka.prefix; "
            "blocks and state need the same count, and appliances would change places"
        )
    return None


async def _make(admin: AIOKafkaAdminClient, topics: list[Topic]) -> list[str]:
    """The names of those that we made; who was faster made the others."""
    if not topics:
        return []
    new = [NewTopic(one.name, one.partitions, one.replication, topic_configs=one.configs) for one in topics]
    created = []
    for name, code, message, *_ in (await admin.create_topics(new)).topic_errors:
        if code != TopicAlreadyExistsError.errno:
            _raise_for(code, f"topic {name}: {message}")
            created.append(name)
    return created


async def _appeared(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Topic]:
    """The topics, when the broker that is asked knows them all."""
    wanted = set(names)
    async with asyncio.timeout(_PROPAGATION_S):
        while (present := await _existing(admin, wanted)).keys() != wanted:
            await asyncio.sleep(0.1)
    return present


async def _adjust(
    admin: AIOKafkaAdminClient, present: dict[str, Topic], wanted: dict[str, Topic]
) -> list[str]:
    """The names of the topics whose retention or the like had to change; what others set on them stays."""
    changed = [
        name for name, topic in wanted.items() if not topic.configs.items() <= present[name].configs.items()
    ]
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, present[name].configs | wanted[name].configs)
        for name in changed
    ]
    if resources:
        for response in await admin.alter_configs(resources):
            for code, message, *_ in response.resources:
                _raise_for(code, message)
    return changed


def _raise_for(code: int, message: str | None) -> None:
    if code:
        raise for_code(code)(message or "")
