"""Two models' figures in one table: unit, direction, limits, difference and who is ahead."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from dashboard.comparison import Comparison, MetricRow, Setting, level_of, limits
from dashboard.page.pieces import facts, side_letter
from dashboard.page.sides import Side, Sides
from dashboard.quality import Metric, Quality
from dashboard.wording import quality_look

# How much of its width the longest bar takes: its tick's label needs the rest.
BAR_SHARE = 0.9


def show_verdict(comparison: Comparison, sides: Sides) -> None:
    """Say in one line who is ahead."""
    st.html(f'<p class="verdict">{escape(_verdict(comparison, sides))}</p>')


def _verdict(comparison: Comparison, sides: Sides) -> str:
    count = comparison.compared
    if not count:
        return "No figure can be compared: no metric is given on both sides."
    if comparison.differing:
        return "Nobody is ahead: the sides were measured under different settings."
    told = f"{count} metric{'s' if count != 1 else ''}"
    if comparison.ahead is not None:
        first = f"{sides[comparison.ahead].name} is ahead in {max(comparison.wins)} of {told}"
    elif any(comparison.wins):
        first = f"Each side is ahead in {comparison.wins[0]} of {told}"
    else:
        first = f"The sides are level in {told}"
    return f"{first}{_psnr(comparison, sides)}."


def _psnr(comparison: Comparison, sides: Sides) -> str:
    if comparison.lead is None:
        return ""
    leader, lead_db = comparison.lead
    if lead_db == 0:
        return "; level in PSNR" if any(comparison.wins) else ""
    if leader == comparison.ahead:
        return f"; +{lead_db:.1f} dB PSNR"
    return f"; {sides[leader].name} has +{lead_db:.1f} dB PSNR"


def show_versus(comparison: Comparison, sides: Sides) -> None:
    """Show every metric of both sides, and under which settings they were measured."""
    st.subheader("Figures", anchor=False)
    heads = "".join(
        f'<th scope="col">{side_letter(side.letter)} <span>{escape(side.name)}</span></th>'
        for side in sides
    )
    rows = [line for row in comparison.rows for line in _metric_rows(row, sides)]
    rows += [_setting_row(setting) for setting in comparison.settings]
    st.html(
        '<table class="versus"><thead><tr><th scope="col">Metric</th>'
        f'{heads}<th scope="col">A &minus; B</th><th scope="col">Ahead</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
    for line in _notes(comparison, sides):
        facts(line, quiet=True)


def _metric_rows(row: MetricRow, sides: Sides) -> Iterable[str]:
    metric = row.metric
    unit = f"{metric.unit}, " if metric.unit else ""
    way = "↑ higher" if metric.higher_is_better else "↓ lower"
    cells = "".join(
        _value_cell(metric, side.quality, is_ahead=row.winner == position)
        for position, side in enumerate(sides)
    )
    difference = "–" if row.difference is None else metric.text(row.difference, sign="+")
    yield (
        f'<tr><th scope="row">{escape(metric.name)}<small>{unit}{way} is better</small></th>'
        f"{cells}<td>{escape(difference)}</td><td>{_ahead(row, sides)}</td></tr>"
    )
    if any(value is not None for value in row.values):
        yield f'<tr class="bars"><td colspan="5">{_bars(row, sides)}</td></tr>'


def _value_cell(metric: Metric, quality: Quality | None, *, is_ahead: bool) -> str:
    value = quality.metrics[metric.key] if quality else None
    if value is None:
        return '<td class="none">not given</td>'
    level = level_of(metric, quality)
    judged = f'<small class="{level}">{quality_look(level).label}</small>' if level else ""
    text = escape(f"{value:.{metric.decimals}f}")
    return f"<td{' class=ahead' if is_ahead else ''}>{text}{judged}</td>"


def _ahead(row: MetricRow, sides: Sides) -> str:
    if row.winner is not None:
        return side_letter(sides[row.winner].letter)
    return "level" if row.difference == 0 else "–"


def _bars(row: MetricRow, sides: Sides) -> str:
    """Draw both figures from zero on, to one scale, each with the limits of its own file."""
    metric = row.metric
    given = [limits(metric, side.quality) for side in sides]
    found = [value for value in row.values if value is not None]
    end = max([*found, *(limit for each in given for limit in each.values())])
    marks = [[(f"{limit:g}", _share(limit, end)) for limit in each.values()] for each in given]
    lines = []
    for side, value, ticks in zip(sides, row.values, marks, strict=True):
        lines.append(_bar(side, _share(value or 0.0, end), ticks))
        if ticks and (marks[0] != marks[1] or side is sides[1]):
            labels = "".join(f'<b style="left:{at:.1f}%">{escape(t)}</b>' for t, at in ticks)
            lines.append(f'<span class="ticks">{labels}</span>')
    return f'<div aria-hidden="true">{"".join(lines)}</div>'


def _bar(side: Side, length: float, ticks: list[tuple[str, float]]) -> str:
    marks = "".join(f'<b style="left:{at:.1f}%"></b>' for _, at in ticks)
    style = side.letter.lower()
    return f'<span class="bar {style}"><i style="width:{length:.1f}%"></i>{marks}</span>'


def _share(value: float, end: float) -> float:
    """Where a value lies on its bar, in percent of the width."""
    return max(value / end, 0.0) * BAR_SHARE * 100 if end > 0 else 0.0


def _setting_row(setting: Setting) -> str:
    cells = "".join(f"<td>{escape(value or 'not given')}</td>" for value in setting.values)
    said = "–" if None in setting.values else "same"
    mark = '<strong class="differs">differs</strong>' if setting.differs else said
    return (
        f'<tr class="setting"><th scope="row">{escape(setting.name)}</th>{cells}'
        f'<td colspan="2">{mark}</td></tr>'
    )


def _notes(comparison: Comparison, sides: Sides) -> Iterable[str]:
    """Say in words what the bars' ticks mean, and why figures are missing."""
    yield "Ticks: from which value on a figure counts as warning, and then as normal."
    for side in sides:
        if side.model and side.quality is None:
            yield f"{side.name}: quality unavailable, {side.model.quality_problem}."
    unknown = [s.name.lower() for s in comparison.settings if None in s.values]
    if unknown and comparison.compared:
        yield f"Whether both were measured alike is not known: {' and '.join(unknown)} not given."
