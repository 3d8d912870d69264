"""What goes with failures as figures, and as one HTML file that needs nothing else, in English and Chinese."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

from jinja2 import Environment

from foremend.learning.evaluation_page import COLOURS, HEIGHT, WIDTH, chart
from foremend.learning.insights_words import WORDS, in_words

Language = Literal["en", "zh"]
KINDS = ("batch", "firmware")

_ROW, _EDGE, _LINE = 46.0, 24.0, 18.0
_LONGEST_NAME = 40
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    ' role="img" font-family="sans-serif" aria-label="{label}">'
    '<rect width="{width:g}" height="{height:g}" fill="#fff"/>'
)

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!doctype html>
<html lang="{{ language }}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ report.appliance_model }}: {{ w.title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
td, th { padding: .2rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr { border-bottom: 1px solid #ddd }
svg { max-width: 100%; height: auto } figure { margin: 1rem 0 }
</style></head><body>
<h1>{{ report.appliance_model }}: {{ w.title }}{% if report.fault %} ({{ report.fault }}){% endif %}</h1>
<p>{{ w.about.format(failures=report.failures, spells=report.spells, appliances=report.appliances,
 left_out=report.left_out, lead_days=report.lead_days) }}</p>
<p>{{ w.not_cause }}</p>
{% if report.named %}
<h2>{{ w.named }}</h2>
<figure>{{ forest|safe }}</figure>
<table><tr><th>{{ w.feature }}</th><th>{{ w.those_with }}</th><th>{{ w.times }}</th><th>{{ w.interval }}</th>
<th>{{ w.along }}</th></tr>
{% for one in report.named %}
<tr><td>{{ one.title[language] }}</td><td>{{ more(one) }}</td><td>{{ one.ratio }}</td>
<td>{{ one.ratio_95[0] }}–{{ one.ratio_95[1] }}</td><td>{{ one.along|join(", ") }}</td></tr>
{% endfor %}
</table>
<p>{{ w.along_hint }}</p>
{% else %}
<p><strong>{{ w.none.format(tried=report.alone|length) }}</strong></p>
{% endif %}
{% if report.what_if %}
<h2>{{ w.what_if }}</h2>
<ul>
{% for one in report.what_if %}
<li>{{ otherwise(one) }}</li>
{% endfor %}
</ul>
{% endif %}
{% if report.lives %}
<h2>{{ w.lives }}</h2>
{% for kind, drawing in lives %}
<figure><figcaption>{{ w[kind] }}: {{ w.lives_hint }}</figcaption>{{ drawing|safe }}</figure>
{% endfor %}
<table><tr><th></th><th>{{ w.appliances }}</th><th>{{ w.failures }}</th><th>{{ w.shape }}</th>
<th>{{ w.interval }}</th></tr>
{% for name, one in report.lives.items() %}
<tr><td>{{ w[name.split(" ", 1)[0]] }} {{ name.split(" ", 1)[1] or "–" }}</td><td>{{ one.appliances }}</td>
<td>{{ one.failures }}</td>
{% if one.weibull %}<td>{{ one.weibull.shape }}</td><td>{{ one.weibull.low }}–{{ one.weibull.high }}</td>
{% else %}<td colspan="2">{{ w.no_shape }}</td>{% endif %}</tr>
{% endfor %}
</table>
<p>{{ w.shape_hint }}</p>
{% endif %}
<h2>{{ w.alone }}</h2>
<table><tr><th>{{ w.feature }}</th><th>z</th><th>p</th></tr>
{% for one in report.alone %}
<tr><td>{{ one.feature }}</td><td>{{ one.z }}</td><td>{{ "%.2g"|format(one.p) }}</td></tr>
{% endfor %}
</table>
{% if report.unusable %}
<p>{{ w.unusable }} {{ report.unusable|join(", ") }}.</p>
{% endif %}
</body></html>
"""
)


def page(report: Mapping[str, Any], language: Language = "en") -> str:
    """The report of `foremend.jobs.insights` as HTML."""
    words = WORDS[language]

    def otherwise(one: Mapping[str, Any]) -> str:
        if one["failures"] is not None:
            low, high = one["failures_95"]
            return words["otherwise"].format(**{**one, "low": low, "high": high})
        return words["otherwise_along" if one["along"] else "otherwise_nobody"].format(**one)

    lives = [(kind, drawn) for kind in KINDS if (drawn := lives_figure(report["lives"], kind, language))]
    return _PAGE.render(
        report=report,
        language=language,
        w=words,
        more=lambda one: in_words(one["more"], language),
        otherwise=otherwise,
        forest=forest(report["named"], language),
        lives=lives,
    )


def forest(named: Sequence[Mapping[str, Any]], language: Language = "en") -> str:
    """Each ratio as a dot on its interval, on a logarithmic axis that holds 1, as an SVG; empty without any."""
    if not named:
        return ""
    low = min(0.9, *(one["ratio_95"][0] for one in named))
    high = max(1.1, *(one["ratio_95"][1] for one in named))

    def at(ratio: float) -> float:
        share = math.log(max(ratio, 0.01) / low) / math.log(high / low)
        return _EDGE + share * (WIDTH - 2 * _EDGE)

    height, words = _ROW * len(named) + 2 * _LINE, WORDS[language]
    drawn = [f'<line x1="{at(1):.1f}" x2="{at(1):.1f}" y1="0" y2="{height - _LINE:g}" stroke="#666"/>']
    for k, one in enumerate(named):
        y, (low_end, high_end) = _ROW * k + 34, one["ratio_95"]
        title = f"{one['title'][language]}: {one['ratio']:g} ({low_end:g}–{high_end:g})"
        drawn += [
            f'<text x="6" y="{y - 16:g}" font-size="12" fill="#222">{escape(title)}</text>',
            f'<line x1="{at(low_end):.1f}" x2="{at(high_end):.1f}" y1="{y:g}" y2="{y:g}" stroke="{COLOURS[0]}"'
            ' stroke-width="3"/>',
            f'<circle cx="{at(one["ratio"]):.1f}" cy="{y:g}" r="6" fill="{COLOURS[0]}"/>',
        ]
    side = "start" if at(1) < WIDTH / 2 else "end"
    drawn.append(
        f'<text x="{at(1):.1f}" y="{height - 4:g}" text-anchor="{side}" font-size="11" fill="#222">'
        f"1 = {words['as_often']}</text>"
    )
    return _SVG.format(width=WIDTH, height=height, label=escape(words["forest"])) + "".join(drawn) + "</svg>"


def lives_figure(lives: Mapping[str, Mapping[str, Any]], kind: str, language: Language = "en") -> str:
    """Cumulative hazards by age of those of a kind with the most failures, as an SVG; empty without any."""
    mine = [name for name in lives if name.startswith(f"{kind} ")]
    names = sorted(mine, key=lambda name: -lives[name]["failures"])[: len(COLOURS)]
    if not names:
        return ""
    words = WORDS[language]
    lines = [
        list(zip(lives[name]["curve"]["age"], lives[name]["curve"]["hazard"], strict=True)) for name in names
    ]
    drawn = [chart(lines, words["age"], words["failures_each"])]
    for k, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        y, called = HEIGHT + _LINE * k + 12, name.removeprefix(f"{kind} ")[:_LONGEST_NAME] or "–"
        drawn.append(f'<rect x="12" y="{y - 9:g}" width="10" height="10" fill="{colour}"/>')
        drawn.append(f'<text x="28" y="{y:g}" font-size="12" fill="#222">{escape(called)}</text>')
    label = escape(f"{words[kind]}: {words['lives_hint']}")
    return (
        _SVG.format(width=WIDTH, height=HEIGHT + _LINE * len(names) + 6, label=label)
        + "".join(drawn)
        + "</svg>"
    )
