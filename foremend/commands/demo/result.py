"""What happened, held against the truth: the one place where the two meet, after the pipeline has spoken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from sqlalchemy import Engine

from alerts import queries
from alerts.held_back import OF_CONSENT
from alerts.queries import Opened
from foremend.vocabulary.topics import Progress
from foremend.vocabulary.types import MS_PER_DAY
from simulators.fleet.faults import FaultCourse
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import appliance_id

AFTERGLOW_MS = 7 * MS_PER_DAY
"""A repaired appliance still looks odd while its averages forget: a ticket this soon after is about the fault."""


def result_of(fleet: Fleet, database: Engine, progress: Progress) -> dict[str, Any]:
    """The demo's result, JSON-ready. Findings count as caught, tickets as false: consent only decides who is told."""
    courses = [
        (appliance_id(model, course.row), course)
        for model, several in fleet.courses.items()
        for course in several
    ]
    findings, tickets = queries.opened(database)
    faults = [figures_of(name, course, findings, fleet.scenario.end_ms) for name, course in courses]
    caught = [fault for fault in faults if fault["caught"]]
    leads = [fault["lead_days"] for fault in caught if fault["lead_days"] is not None]
    counts = queries.counts(database)
    return {
        "appliances": len(fleet.members),
        "days": fleet.scenario.days,
        "readings": progress.readings,
        "faults_injected": len(courses),
        "faults_observable": sum(fault["observable"] for fault in faults),
        "faults_caught": len(caught),
        "false_tickets": sum(not explained(ticket, courses) for ticket in tickets),
        "misnamed_tickets": sum(explained(t, courses) and not named(t, courses) for t in tickets),
        "median_lead_days": round(median(leads), 1) if leads else None,
        "tickets_opened": counts.tickets_opened,
        "webhooks_delivered": counts.webhooks_delivered,
        "notifications_sent": counts.notifications_sent,
        "held_back_by_consent": sum(
            one.number for one in queries.held_back_since(database, 0) if one.cause in OF_CONSENT
        ),
        "dead_letters": counts.dead_letters,
        "faults": sorted(faults, key=lambda fault: (fault["fault"], fault["appliance"])),
    }


def figures_of(name: str, course: FaultCourse, findings: Iterable[Opened], until: int) -> dict[str, Any]:
    """One injected fault and when, if ever, it was found before it failed; lead is until the failure.

    It is observable when it shows before the scenario ends, at `until` ms UTC.
    """
    end = course.failure if course.failure is not None else course.repaired
    times = [
        alarm.time
        for alarm in findings
        if (alarm.appliance_id, alarm.fault) == (name, course.fault)
        and course.onset <= alarm.time
        and (end is None or alarm.time <= end)
    ]
    lead = (course.failure - min(times)) / MS_PER_DAY if times and course.failure is not None else None
    return {
        "appliance": name,
        "fault": course.fault,
        "growth": course.growth,
        "observable": course.first_sign is not None and course.first_sign < until,
        "caught": bool(times),
        "lead_days": None if lead is None else round(lead, 1),
    }


def explained(alarm: Opened, courses: Sequence[tuple[str, FaultCourse]]) -> bool:
    """Whether any fault was under way on that appliance."""
    return any(under_way(course, alarm.time) for name, course in courses if name == alarm.appliance_id)


def named(alarm: Opened, courses: Sequence[tuple[str, FaultCourse]]) -> bool:
    """Whether the very fault that the ticket names was under way, or the ticket names a symptom, not a cause."""
    causes = {
        course.fault
        for name, course in courses
        if name == alarm.appliance_id and under_way(course, alarm.time)
    }
    return alarm.fault in causes or alarm.fault not in {course.fault for _, course in courses}


def under_way(course: FaultCourse, time: int) -> bool:
    """From the onset to a little after the repair."""
    return course.onset <= time and (course.repaired is None or time <= course.repaired + AFTERGLOW_MS)
