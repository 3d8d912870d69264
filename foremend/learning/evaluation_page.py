"""An evaluation as one HTML file that needs nothing else: a table a version, and figures as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment

WIDTH, HEIGHT, MARGIN = 360.0, 220.0, 44.0
_COLOURS = ("#0b6e4f", "#b5502f")

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
<p>{{ "%.1f"|format(report.appliance_years) }} appliance-years. A ticket is false when its fault was not under way.
 Failures that nobody could foresee (hidden, sudden, or of an appliance hardly used) are counted apart.</p>
{% for name, figures in report.versions.items() %}
<h2>{{ name }}</h2>
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
{% endfor %}
<h2>Figures</h2>
{% for title, drawing in drawings %}
<figure><figcaption>{{ title }}</figcaption>{{ drawing|safe }}</figure>
{% endfor %}
<p>{% for name in report.versions %}
<span style="color: {{ colours[loop.index0] }}">&#9632; {{ name }}</span>
{% endfor %}</p></body></html>
"""
)


def page(report: Mapping[str, Any]) -> str:
    """The report of `foremend.jobs.evaluate.evaluate` as HTML."""
    versions = report["versions"].values()

    def lines(curve: str, x: str, y: str) -> list[list[tuple[float, float]]]:
        return [[(point[x], point[y]) for point in figures[curve]] for figures in versions]

    drawings = [
        (
            "Calibration: probability told, share that failed",
            chart(lines("calibration", "predicted", "observed"), diagonal=True),
        ),
        ("Lead time: share told so many days before", chart(lines("lead_time_curve", "days", "share"))),
        (
            "Cost an appliance-year, by the probability that opens a ticket",
            chart(lines("cost_curve", "above", "cost_per_appliance_year")),
        ),
    ]
    return _PAGE.render(report=report, drawings=drawings, colours=_COLOURS, number=_number)


def chart(lines: Sequence[Sequence[tuple[float, float]]], *, diagonal: bool = False) -> str:
    """Lines of (x, y) as an SVG with its axes from 0 to the greatest value."""
    points = [point for line in lines for point in line]
    most_x, most_y = (max((point[k] for point in points), default=1.0) or 1.0 for k in (0, 1))

    def place(x: float, y: float) -> str:
        across, up = x / most_x * (WIDTH - 2 * MARGIN), y / most_y * (HEIGHT - 2 * MARGIN)
        return f"{MARGIN + across:.1f},{HEIGHT - MARGIN - up:.1f}"

    drawn = [
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(place(*p) for p in line)}"/>'
        for colour, line in zip(_COLOURS, lines, strict=False)
    ]
    if diagonal:
        end = min(most_x, most_y)
        drawn.append(
            f'<polyline stroke="#999" stroke-dasharray="4" points="{place(0, 0)} {place(end, end)}"/>'
        )
    right, below = WIDTH - MARGIN, HEIGHT - MARGIN + 16
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}" role="img">'
        f'<polyline fill="none" stroke="#444" points="{place(0, most_y)} {place(0, 0)} {place(most_x, 0)}"/>'
        f"{''.join(drawn)}"
        f'<text x="{MARGIN - 6:g}" y="{MARGIN + 4:g}" text-anchor="end" font-size="11">{most_y:.3g}</text>'
        f'<text x="{right:g}" y="{below:g}" text-anchor="end" font-size="11">{most_x:.3g}</text>'
        "</svg>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
