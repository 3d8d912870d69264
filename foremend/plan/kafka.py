"""What gateways and workers need to speak to Kafka."""

from __future__ import annotations

from collections.abc import Iterator

from foremend.plan.problem import Check, require_extra
from foremend.runtimes.kafka.settings import KafkaSettings


def cluster(kafka: KafkaSettings) -> Iterator[Check]:
    """The extra, the password and the authority."""
    security = kafka.security
    yield Check("kafka", "install the extra", _extra)
    if security.sasl:
        password = "export the variable, or write the file that kafka.security names"
        yield Check("kafka.security.password", password, security.password)
    yield Check("kafka.security.ca", "name a PEM file of an authority", security.tls_context)


def _extra() -> None:
    for module in ("faust", "aiokafka"):
        require_extra(module, "the pipeline on Kafka", "kafka")
