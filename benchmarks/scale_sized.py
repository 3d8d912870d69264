"""The arithmetic of docs/scale.md: from a fleet, assumptions and measured costs to machines, disks and money."""

from __future__ import annotations

from math import ceil

from benchmarks.scale_inputs import Assumptions, Fleet, Measured

_DAY_S, _MONTH_H = 86_400, 730


class Sized:
    """What one fleet needs; `benchmarks.scale` prints each property with its arithmetic in words."""

    def __init__(self, fleet: Fleet, assumed: Assumptions, costs: Measured) -> None:
        self.f, self.a, self.m = fleet, assumed, costs

    @property
    def readings_s(self) -> float:
        return self.f.appliances * self.f.readings_a_day / _DAY_S

    @property
    def messages_s(self) -> float:
        return self.readings_s / self.f.readings_a_message

    @property
    def mqtt_nodes(self) -> int:
        return max(3, ceil(self.f.appliances / self.a.connections_a_node))

    @property
    def gateway_cores(self) -> int:
        spent = self.readings_s * self.m.gateway_us + self.messages_s * self.a.client_us
        return ceil(self.a.peak / self.a.busy * spent / 1e6)

    @property
    def state_gb(self) -> float:
        return self.f.appliances * self.m.state_bytes * self.a.memory_over_state / 1e9

    @property
    def engine_cores(self) -> float:
        blocks = self.messages_s * self.m.record_us + self.readings_s * self.m.reading_us
        checkpoints = self.m.state_bytes / self.m.checkpoint_mb_s / self.a.checkpoint_s
        each = checkpoints + self.m.scoring_us / _DAY_S
        return (self.a.peak / self.a.busy * blocks + self.f.appliances * each) / 1e6

    @property
    def workers(self) -> int:
        return ceil(max(self.state_gb / self.a.worker_gb, self.engine_cores))

    @property
    def partitions(self) -> int:
        return self.workers * self.a.partitions_a_worker

    @property
    def groups_a_million(self) -> int:
        return ceil(1_000_000 / self.a.appliances_an_engine)

    @property
    def blocks_mb_s(self) -> float:
        return self.readings_s * self.m.record_bytes / 1e6

    @property
    def state_mb_s(self) -> float:
        return self.f.appliances * self.m.state_compressed / self.a.checkpoint_s / 1e6

    @property
    def kafka_brokers(self) -> int:
        written = self.a.peak * (self.blocks_mb_s + self.state_mb_s) * self.a.replication
        return max(3, ceil(written / self.a.kafka_mb_s))

    @property
    def kafka_tb(self) -> float:
        blocks = self.blocks_mb_s * _DAY_S * self.a.kafka_retention_days / 1e6
        state = 2 * self.f.appliances * self.m.state_compressed / 1e12
        return self.a.replication * (blocks + state)

    @property
    def takeover_s(self) -> float:
        state = self.f.appliances / self.workers * self.m.recovery_s_a_million / 1e6
        each_us = self.m.reading_us + self.m.record_us / self.f.readings_a_message
        replay = self.a.checkpoint_s / 2 * self.readings_s / self.workers * each_us / 1e6
        return self.m.takeover_s + state + replay

    @property
    def database_rows_day(self) -> float:
        return self.f.appliances * self.a.episodes_a_year / 365 * self.a.rows_an_episode

    @property
    def seen_rows_s(self) -> float:
        return self.partitions * self.a.seen_rows / self.a.checkpoint_s

    @property
    def parquet_gb_day(self) -> float:
        return self.readings_s * _DAY_S * self.m.parquet_bytes / 1e9

    @property
    def parquet_tb(self) -> float:
        return self.parquet_gb_day * self.a.history_days / 1e3

    @property
    def compaction_cores(self) -> int:
        return ceil(self.readings_s * self.m.compact_us / 1e6 / self.a.busy)

    @property
    def traffic_tb_day(self) -> float:
        copies = (self.blocks_mb_s + self.state_mb_s) * (self.a.replication - 1)
        return (copies + self.blocks_mb_s) * _DAY_S / 1e6

    @property
    def mqtt_dollars(self) -> float:
        return self.mqtt_nodes * self._machine(self.a.mqtt_node_cores, self.a.mqtt_node_gb)

    @property
    def gateway_dollars(self) -> float:
        return self.gateway_cores * self._machine(1, 2)

    @property
    def kafka_dollars(self) -> float:
        return (
            self.kafka_brokers * self._machine(self.a.kafka_cores, self.a.kafka_gb)
            + self.kafka_tb * 1e3 * self.a.disk_gb_month
        )

    @property
    def worker_dollars(self) -> float:
        workers = self.workers * self._machine(self.a.worker_cores, self.a.worker_gb)
        return workers + self.compaction_cores * self._machine(1, 4)

    @property
    def database_dollars(self) -> float:
        return self._machine(self.a.database_cores, self.a.database_gb)

    @property
    def history_dollars(self) -> float:
        return self.parquet_tb * 1e3 * self.a.object_gb_month

    @property
    def traffic_dollars(self) -> float:
        return self.traffic_tb_day * 1e3 * 30 * self.a.traffic_gb

    @property
    def dollars(self) -> float:
        return sum(
            (
                self.mqtt_dollars,
                self.gateway_dollars,
                self.kafka_dollars,
                self.worker_dollars,
                self.database_dollars,
                self.history_dollars,
                self.traffic_dollars,
            )
        )

    @property
    def cents_an_appliance(self) -> float:
        return 100 * self.dollars / self.f.appliances

    def _machine(self, cores: float, gigabytes: float) -> float:
        """$ a month."""
        return (cores * self.a.core_h + gigabytes * self.a.gb_h) * _MONTH_H
