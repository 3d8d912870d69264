"""deploy/compose.yaml and what it mounts: everything it names exists. Docker is not needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from foremend.config import Settings, load_settings
from tests.unit.commands.command_line import command_of

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"] == "foremend"}
MADE_BY_HAND = DEPLOY / "secrets"  # in the steps of deploy/README.md, never in the repository


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(DEPLOY / "config.yaml")


def secrets_of(service: str) -> set[str]:
    return {f"/run/secrets/{name}" for name in SERVICES[service].get("secrets", ())}


def mounts(service: str) -> Iterator[tuple[str, str]]:
    """(source, target) of each volume that has a source."""
    for volume in SERVICES[service].get("volumes", ()):
        source, _, target = volume.partition(":")
        if target:
            yield source, target.partition(":")[0]


@pytest.mark.parametrize("service", OURS)
def test_every_command_is_one_of_ours(service: str) -> None:
    """With options that it has, and nothing left over."""
    command, words = command_of(OURS[service]["command"])
    known = {name for parameter in command.params for name in parameter.opts}

    assert not getattr(command, "commands", {}), f"{command.name} is a group"
    assert {word for word in words if word.startswith("--")} <= known
    command.make_context(service, words)  # parses; raises for what is missing or left over


@pytest.mark.parametrize("service", SERVICES)
def test_everything_a_service_names_is_declared(service: str) -> None:
    """Secrets, volumes, networks, and the services that it waits for."""
    one = SERVICES[service]
    named = {source for source, _ in mounts(service) if not source.startswith((".", "/"))}

    assert set(one.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert named <= set(COMPOSE["volumes"])
    assert set(one["networks"]) <= set(COMPOSE["networks"])
    assert set(one.get("depends_on", {})) <= set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_mounted_files_exist(service: str) -> None:
    """All but the secrets, which the operator makes."""
    files = [DEPLOY / source for source, _ in mounts(service) if source.startswith(".")]

    assert [file for file in files if MADE_BY_HAND not in file.parents and not file.exists()] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_health_check(service: str) -> None:
    """Its own, or the image's; those that run once need none."""
    one = SERVICES[service]
    if one["restart"] == "no":
        assert one["healthcheck"] == {"disable": True}
    else:
        assert service in OURS or one["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("service", SERVICES)
def test_secret_files_are_given_to_who_reads_them(service: str) -> None:
    """Every path under /run/secrets in a service's environment is one of its secrets."""
    named = re.findall(r"/run/secrets/\w+", yaml.safe_dump(SERVICES[service].get("environment", {})))

    assert set(named) <= secrets_of(service)


def test_no_secret_stands_in_the_files() -> None:
    """A password, token or key is a file's name, never a value."""
    names = re.compile(r"(password|token|secret)\w*$", re.IGNORECASE)
    for one in SERVICES.values():
        for key, value in one.get("environment", {}).items():
            assert not names.search(key.removesuffix("__FILE").removesuffix("_FILE")) or str(
                value
            ).startswith("/run/secrets/"), key


@pytest.mark.parametrize("service", OURS)
def test_our_services_get_the_secrets_that_the_settings_name(service: str) -> None:
    """One config.yaml for all of them, so each has them all."""
    text = (DEPLOY / "config.yaml").read_text("utf-8")
    read = re.findall(r"/run/secrets/\w+", re.sub(r"#.*", "", text))

    assert set(read) == secrets_of(service)


def test_the_settings_name_services_that_are_there(settings: Settings) -> None:
    """Broker, Kafka, InfluxDB and database, by the names of the network."""
    assert settings.storage.influx is not None
    addresses = [settings.mqtt.url, settings.storage.influx.url, settings.alerts.database]
    hosts = {re.split(r"[@/:?]+", address.split("://")[1].rpartition("@")[2])[0] for address in addresses}

    assert hosts | {broker.partition(":")[0] for broker in settings.kafka.brokers} <= set(SERVICES)


def test_the_settings_keep_the_shipped_rules(settings: Settings) -> None:
    """`extends: shipped`: a file without rules would find nothing."""
    shipped = load_settings(ROOT / "config.yaml")

    assert settings.rules == shipped.rules
    assert settings.rules.book


def test_what_containers_share_is_on_a_volume(settings: Settings) -> None:
    """Models, key and messages; the rest of a container is its own and may go with it."""
    shared = dict(mounts("worker"))["shared"]
    sms = settings.alerts.sms
    assert sms is not None

    for path in (settings.models.registry, settings.alerts.key_file, sms.file):
        assert str(path).startswith(f"{shared}/")
    assert not str(settings.storage.folder).startswith(shared)


def test_every_health_port_is_where_the_image_and_prometheus_ask(settings: Settings) -> None:
    """One port for all, so that one HEALTHCHECK serves all."""
    image = (ROOT / "Dockerfile").read_text("utf-8")
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    (asked,) = set(re.findall(r"127\.0\.0\.1:(\d+)/livez", image))
    ports = [
        one["command"][one["command"].index("--health-port") + 1]
        for one in OURS.values()
        if "--health-port" in one["command"]
    ]
    scraped = [found for job in prometheus["scrape_configs"] for found in job["dns_sd_configs"]]

    assert {asked, str(settings.service.port), *ports, *(str(one["port"]) for one in scraped)} == {asked}
    assert {name for one in scraped for name in one["names"]} <= set(OURS)


def test_the_image_is_not_root_and_leaves_secrets_out() -> None:
    """A user of its own, by number; of the folder only what is listed goes into the build."""
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}

    assert users == ["10001:10001"]
    assert "*" in ignored
    assert "deploy" not in kept
    assert all((ROOT / name).exists() for name in kept)
