"""An evaluation as one HTML file that needs nothing else: a table a version, and figures as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment

from models.costs import LEAST_FAILURES

WIDTH, HEIGHT, MARGIN = 360.0, 240.0, 54.0
Drawing = tuple[str, str]
"""Its title, and its SVG: empty where there is nothing to draw."""

COLOURS = ("#0b6e4f", "#b5502f", "#3b5ba5", "#8a6d1a", "#7a3b8f", "#444444")

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ report.appliance_model }}: evaluation</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr { border-bottom: 1px solid #ddd }
figure { display: inline-block; margin: 0 1.5rem 1.5rem 0 } figcaption { font-weight: 600 }
</style></head><body>
<h1>{{ report.appliance_model }}: {{ report.judged }}{% if report.champion != report.judged and report.champion %}
 against the champion {{ report.champion }}{% endif %}</h1>
<p>Judged on {{ date(report.judged_at) }} by Foremend {{ report.foremend }}, on
 {{ report.data.appliances }} appliances of {{ report.data.history }}
 from {{ date(report.data.since) }} to {{ date(report.data.until) }}
 and the outcomes in {{ report.data.outcomes }}.
 {{ "%.1f"|format(report.appliance_years) }} appliance-years. A ticket is false when its fault was not under way.
 Failures that nobody could foresee (hidden, sudden, or of an appliance hardly used) are counted apart.</p>
{% for name, figures in report.versions.items() %}
<h2>{{ name }}</h2>
<p>Made on {{ date(figures.made_at) }}, recipe {{ figures.recipe }}, from
 {{ origin(figures.trained_on) }}.</p>
<p>Macro recall {{ number(figures.recall) }}, of all failures {{ number(figures.recall_of_all_failures) }};
 {{ number(figures.false_tickets_per_100_appliance_years) }} false tickets per 100 appliance-years;
 median lead {{ number(figures.median_lead_days) }} days where a fault shows 30 days before;
 {{ number(figures.interval_coverage) }} of failures inside their interval.</p>
<table><tr><th>fault</th><th>failures</th><th>unforeseeable</th><th>tickets</th><th>precision</th><th>recall</th>
<th>median lead, days</th><th>false alarms per appliance-year</th></tr>
{% for fault, row in figures.per_fault.items() %}
<tr><td>{{ fault }}</td><td>{{ row.failures }}</td><td>{{ row.unforeseeable }}</td><td>{{ row.tickets }}</td>
<td>{{ number(row.precision) }}</td><td>{{ number(row.recall) }}</td><td>{{ number(row.median_lead_days) }}</td>
<td>{{ number(row.false_alarms_per_appliance_year) }}</td></tr>
{% endfor %}
</table>
<h3>What it costs to be wrong</h3>
<p>{{ unit(figures.choice) }} an appliance-year: failures that nobody foresaw, and visits that found nothing.
 Now as the rules are, then with the probability above which a ticket would open at the least cost, of those tried.
 It is a rule's <code>above</code> in config.yaml; nothing is changed by this.
 Fewer than {{ least }} failures choose none.</p>
<table><tr><th></th><th>failures</th><th>cost now</th><th>cheapest above</th><th>cost then</th></tr>
{% for title, row in chosen(figures.choice) %}
<tr><td>{{ title }}</td><td>{{ row.failures }}</td><td>{{ number(row.now) }}</td><td>{{ number(row.above) }}</td>
<td>{{ number(row.then) }}</td></tr>
{% endfor %}
</table>
{% endfor %}
{% if drawings %}
<h2>Figures</h2>
{% endif %}
{% for title, drawing in drawings %}
<figure><figcaption>{{ title }}</figcaption>{{ drawing|safe }}</figure>
{% endfor %}
{% if drawings %}
<p>{% for name in report.versions %}
<span style="color: {{ colours[loop.index0] }}">&#9632; {{ name }}</span>
{% endfor %}</p>
{% endif %}
</body></html>
"""
)


def page(report: Mapping[str, Any]) -> str:
    """The report of `foremend.jobs.evaluate.evaluate` as HTML."""
    versions = report["versions"].values()
    failures = any(row["failures"] for figures in versions for row in figures["per_fault"].values())

    def drawn(title: str, curve: str, x: str, y: str, words: tuple[str, str]) -> Drawing:
        lines = [[(point[x], point[y]) for point in figures[curve]] for figures in versions]
        return title, chart(lines, *words, diagonal=curve == "calibration")

    drawings = [
        drawn(
            "Calibration", "calibration", "predicted", "observed",
            ("probability told", "share that failed"),
        ),
        drawn(
            "Cost, by the probability that opens a ticket", "cost_curve", "above", "cost_per_appliance_year",
            ("probability above which a ticket opens", f"{_unit(next(iter(versions))['choice'])} an appliance-year"),
        ),
    ]  # fmt: skip
    if failures:  # without one, a share of them would be a line at zero that nothing was measured for
        words = ("days before the failure", "share told by then")
        drawings.insert(1, drawn("Lead time", "lead_time_curve", "days", "share", words))
    shown = [(title, drawing) for title, drawing in drawings if drawing]
    return _PAGE.render(
        report=report, drawings=shown, colours=COLOURS, number=_number, date=_date, origin=_origin, unit=_unit,
        chosen=_chosen, least=LEAST_FAILURES,
    )  # fmt: skip


def chart(
    lines: Sequence[Sequence[tuple[float, float]]], across: str, up: str, *, diagonal: bool = False
) -> str:
    """Lines of (x, y) as an SVG, its axes from 0 to the greatest value with their names; empty without a point."""
    points = [point for line in lines for point in line]
    if not points:
        return ""
    most_x, most_y = (max(point[k] for point in points) or 1.0 for k in (0, 1))

    def place(x: float, y: float) -> str:
        right, above = x / most_x * (WIDTH - 2 * MARGIN), y / most_y * (HEIGHT - 2 * MARGIN)
        return f"{MARGIN + right:.1f},{HEIGHT - MARGIN - above:.1f}"

    drawn = [
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(place(*p) for p in line)}"/>'
        for colour, line in zip(COLOURS, lines, strict=False)
    ]
    if diagonal:
        end = min(most_x, most_y)
        drawn.append(
            f'<polyline stroke="#999" stroke-dasharray="4" points="{place(0, 0)} {place(end, end)}"/>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}" height="{HEIGHT:g}" role="img"'
        f' aria-label="{up} by {across}">'
        f'<polyline fill="none" stroke="#444" points="{place(0, most_y)} {place(0, 0)} {place(most_x, 0)}"/>'
        f"{''.join(drawn)}{_words(most_x, most_y, across, up)}</svg>"
    )


def _words(most_x: float, most_y: float, across: str, up: str) -> str:
    """What the axes are, and their ends."""
    left, right, bottom, middle = MARGIN - 6, WIDTH - MARGIN, HEIGHT - MARGIN, HEIGHT / 2
    placed = [
        (left, MARGIN + 4, "end", f"{most_y:.3g}", ""),
        (left, bottom + 4, "end", "0", ""),
        (right, bottom + 16, "end", f"{most_x:.3g}", ""),
        (WIDTH / 2, bottom + 34, "middle", across, ""),
        (14, middle, "middle", up, f' transform="rotate(-90 14 {middle:g})"'),
    ]
    return "".join(
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="11"{turned}>{word}</text>'
        for x, y, anchor, word, turned in placed
    )


def _origin(trained_on: Mapping[str, Any]) -> str:
    known = [name for name in ("source", "appliances", "days", "rows", "seed") if name in trained_on]
    return ", ".join(f"{name} {trained_on[name]}" for name in known) or "what its card does not say"


def _unit(choice: Mapping[str, Any]) -> str:
    return choice["currency"] or "Needless visits"


def _chosen(choice: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Rows of the table of costs: all, each fault of which there is something to say, each service area."""
    faults = [row for row in choice["faults"] if row["failures"] or row["now"]]
    return [
        ("all", choice),
        *((row["fault"], row) for row in faults),
        *((f"in {row['area']}", row) for row in choice["areas"]),
    ]


def _date(time: int | None) -> str:
    return "an unknown day" if not time else f"{datetime.fromtimestamp(time / 1_000, UTC):%Y-%m-%d}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
