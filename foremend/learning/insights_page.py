"""What goes with failures, as one HTML file that needs nothing else: ratios with their intervals, and lives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from jinja2 import Environment

from foremend.learning.evaluation_page import COLOURS, chart

_WIDTH, _ROW, _LEFT = 640.0, 30.0, 260.0

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ report.appliance_model }}: what goes with failures</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr { border-bottom: 1px solid #ddd }
svg { max-width: 100%; height: auto } .key { margin-right: 1rem }
</style></head><body>
<h1>{{ report.appliance_model }}: what goes with {{ report.fault or "failures" }}</h1>
<p>{{ report.failures }} failures in {{ report.spells }} months of {{ report.appliances }} appliances were compared,
 at the same age, in the same month and region. What a month knows of an appliance was measured at least
 {{ report.lead_days }} days before it. What goes with failures need not be their cause: a trial tells that.</p>
{% if report.named %}
<h2>Named</h2>
{{ forest|safe }}
<table><tr><th>feature</th><th>those with</th><th>fail so many times as often</th><th>95 in 100</th>
<th>or as well</th></tr>
{% for one in report.named %}
<tr><td>{{ one.title.en }}</td><td>{{ one.for }}</td><td>{{ one.ratio }}</td>
<td>{{ one.ratio_95[0] }} to {{ one.ratio_95[1] }}</td><td>{{ one.along|join(", ") }}</td></tr>
{% endfor %}
</table>
<p>Features that hardly move apart stand as one: nobody can say from this which of them it is.</p>
{% else %}
<p><strong>Nothing is named:</strong> no feature goes with failures more than chance may among
 {{ report.alone|length }} that were tried.</p>
{% endif %}
{% if report.what_if %}
<h2>What if</h2>
<ul>
{% for one in report.what_if %}
<li>{{ one.feature }} by {{ "%+g"|format(one.change) }}:
{% if one.failures is none %} not named, so nobody can say{% if one.along %}; ask of {{ one.along }}, from which it
 hardly moves apart{% endif %}{% else %} {{ one.failures }} times as many failures
 ({{ one.failures_95[0] }} to {{ one.failures_95[1] }}){% endif %}</li>
{% endfor %}
</ul>
{% endif %}
{% if lives %}
<h2>Lives</h2>
{% for title, drawing, names in lives %}
<figure><figcaption>{{ title }}: failures an appliance would have had by its age</figcaption>{{ drawing|safe }}
<p>{% for name in names %}
<span class="key" style="color: {{ colours[loop.index0] }}">&#9632; {{ name }}</span>
{% endfor %}</p></figure>
{% endfor %}
<table><tr><th></th><th>appliances</th><th>failures</th><th>Weibull shape</th><th>95 in 100</th></tr>
{% for name, one in report.lives.items() %}
<tr><td>{{ name }}</td><td>{{ one.appliances }}</td><td>{{ one.failures }}</td>
{% if one.weibull %}<td>{{ one.weibull.shape }}</td><td>{{ one.weibull.low }} to {{ one.weibull.high }}</td>
{% else %}<td colspan="2">too few failures, or ages too much alike</td>{% endif %}</tr>
{% endfor %}
</table>
<p>A shape below 1 is early failures, about 1 chance, above 1 wear.</p>
{% endif %}
<h2>Each feature alone</h2>
<table><tr><th>feature</th><th>z</th><th>p</th></tr>
{% for one in report.alone %}
<tr><td>{{ one.feature }}</td><td>{{ one.z }}</td><td>{{ "%.2g"|format(one.p) }}</td></tr>
{% endfor %}
</table>
{% if report.unusable %}
<p>Hardly known, or the same everywhere: {{ report.unusable|join(", ") }}.</p>
{% endif %}
</body></html>
"""
)


def page(report: Mapping[str, Any]) -> str:
    """The report of `foremend.jobs.insights.insights` as HTML."""
    lives = [drawn for kind in ("batch", "firmware") if (drawn := _lives(kind, report["lives"])) is not None]
    return _PAGE.render(report=report, forest=forest(report["named"]), lives=lives, colours=COLOURS)


def forest(named: Sequence[Mapping[str, Any]]) -> str:
    """Each ratio as a dot on its interval, on a logarithmic axis that holds 1."""
    if not named:
        return ""
    low = min(0.9, *(one["ratio_95"][0] for one in named))
    high = max(1.1, *(one["ratio_95"][1] for one in named))

    def at(ratio: float) -> float:
        share = math.log(max(ratio, 0.01) / low) / math.log(high / low)
        return _LEFT + share * (_WIDTH - _LEFT - 20)

    height = _ROW * (len(named) + 1)
    drawn = [f'<line x1="{at(1):.1f}" x2="{at(1):.1f}" y1="0" y2="{height - _ROW + 6:g}" stroke="#999"/>']
    for k, one in enumerate(named):
        y, (low_end, high_end) = _ROW * (k + 0.5), one["ratio_95"]
        title, colour = escape(one["title"]["en"]), COLOURS[0]
        drawn += [
            f'<text x="{_LEFT - 10:g}" y="{y + 4:g}" text-anchor="end" font-size="12">{title}</text>',
            f'<line x1="{at(low_end):.1f}" x2="{at(high_end):.1f}" y1="{y:g}" y2="{y:g}" stroke="{colour}"/>',
            f'<circle cx="{at(one["ratio"]):.1f}" cy="{y:g}" r="5" fill="{colour}"/>',
        ]
    words = f'<text x="{at(1):.1f}" y="{height - 4:g}" text-anchor="middle" font-size="11">as often</text>'
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" width="{_WIDTH:g}" role="img" '
        f'aria-label="times as often, with intervals">{"".join(drawn)}{words}</svg>'
    )


def _lives(kind: str, lives: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, list[str]] | None:
    """Those of the most failures of a kind, as one chart; None without any."""
    mine = [name for name in lives if name.startswith(f"{kind} ")]
    names = sorted(mine, key=lambda name: -lives[name]["failures"])[: len(COLOURS)]
    if not names:
        return None
    lines = [
        list(zip(lives[name]["curve"]["age"], lives[name]["curve"]["hazard"], strict=True)) for name in names
    ]
    return kind, chart(lines, "age, days", "failures an appliance"), names
