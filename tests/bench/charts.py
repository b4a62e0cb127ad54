"""Charts as PNG: one colour for who, in all of them; told apart without colours, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib

from tests.bench.results import OUTPUT

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

Point = tuple[str, int, float]
"""Who, how many are followed, the value."""

# Okabe and Ito's colours, which the colour-blind can tell apart; the beginning of a name says who it is.
_STYLES = {
    "ours": ("#0072B2", "o", ""),
    "amazon": ("#E69F00", "s", "//"),
    "SparkKubernetes": ("#009E73", "^", ".."),
    "cncf": ("#009E73", "^", ".."),
    "empty": ("#999999", "D", "xx"),
    "bare": ("#CC79A7", "v", "\\\\"),
}
_WIDTH, _DPI = 8.0, 150


def _style(who: str) -> tuple[str, str, str]:
    """Colour, marker and hatching."""
    return next(style for beginning, style in _STYLES.items() if who.startswith(beginning))


def _plain(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _draw(name: str, height: float, draw: Callable[[Any], None], rows: int = 1) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with pyplot.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = pyplot.subplots(rows, 1, figsize=(_WIDTH, height), layout="constrained")
        draw(axes)
        figure.savefig(OUTPUT / f"bench-{name}.png", dpi=_DPI, metadata={"Software": None})
        pyplot.close(figure)


def ranges(name: str, bars: Sequence[tuple[str, int, float, float, float]], *, title: str, axis: str) -> None:
    """Low, middle and high value of each, the first on top."""

    def draw(axes: Any) -> None:
        ordered = list(reversed(bars))
        for at, (who, _, low, middle, high) in enumerate(ordered):
            colour, marker, _ = _style(who)
            axes.plot([low, high], [at, at], color=colour, linewidth=3, alpha=0.5, solid_capstyle="butt")
            axes.plot([middle], [at], color=colour, marker=marker, linestyle="none", markersize=8)
            axes.annotate(
                f"{_time(middle)}, p99 {_time(high)}", (high, at), (6, -3), textcoords="offset points", fontsize=8
            )
        axes.set_yticks(range(len(ordered)), [f"{who}, {count:,} followed" for who, count, *_ in ordered])
        axes.set_xscale("log")
        axes.set_xlim(right=max(bar[4] for bar in bars) * 12)
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
        axes.set_xlabel(f"{axis} (log scale)")
        axes.set_title(title, fontsize=10, loc="right")
        axes.grid(axis="x", alpha=0.3)

    _draw(name, 0.9 + 0.36 * len(bars), draw)


def _time(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.0f} s"


def lines(name: str, points: Sequence[Point], *, title: str, axis: str, across: str) -> None:
    """A line for each, both scales logarithmic."""

    def draw(axes: Any) -> None:
        for who in dict.fromkeys(who for who, *_ in points):
            mine = sorted((count, value) for name, count, value in points if name == who)
            colour, marker, _ = _style(who)
            axes.plot(*zip(*mine, strict=True), color=colour, marker=marker, label=who)
            for count, value in mine:
                axes.annotate(
                    _plain(value), (count, value), (0, 8), textcoords="offset points", ha="center", fontsize=9
                )
        counts = sorted({count for _, count, _ in points})
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.minorticks_off()
        axes.set_ylim(min(value for *_, value in points) / 2, max(value for *_, value in points) * 3)
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.set_xlabel(f"{across} (log scale)")
        axes.set_ylabel(f"{axis} (log scale)")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9, frameon=False)

    _draw(name, 3.8, draw)


def panels(name: str, given: Sequence[tuple[str, str, Sequence[Point]]]) -> None:
    """Bars on logarithmic scales, one panel above the other: for each its title, its unit and its points."""

    def draw(axes: Any) -> None:
        for panel, (title, unit, points) in zip(axes, given, strict=True):
            values = [(f"{who}, {count:,} followed", value) for who, count, value in points]
            _bars(panel, values)
            panel.set_xscale("log")
            panel.set_xlim(min(value for *_, value in points) / 2, max(value for *_, value in points) * 2)
            panel.xaxis.set_major_formatter(FuncFormatter(_plain))
            panel.set_xlabel(f"{unit} (log scale)")
            panel.set_title(title, fontsize=10)

    _draw(name, 1.6 + sum(0.32 * len(points) + 0.3 for *_, points in given), draw, rows=len(given))


def _bars(panel: Any, values: Sequence[tuple[str, float]]) -> None:
    for at, (label, value) in enumerate(reversed(values)):
        colour, _, hatch = _style(label)
        panel.barh(at, value, color=colour, hatch=hatch, edgecolor="white")
        text = f"{value:,.3g}" if value < 100 else f"{value:,.0f}"
        panel.annotate(text, (value, at), (4, -3), textcoords="offset points", fontsize=9)
    panel.set_yticks(range(len(values)), [label for label, _ in reversed(values)])
    panel.grid(axis="x", alpha=0.3)
    panel.set_axisbelow(True)


def rates(name: str, values: Sequence[tuple[str, float]], *, title: str, axis: str) -> None:
    """Horizontal bars on a linear scale, the first on top."""

    def draw(axes: Any) -> None:
        _bars(axes, values)
        axes.set_xlim(right=max(value for _, value in values) * 1.12)
        axes.set_xlabel(axis)
        axes.set_title(title, fontsize=10)

    _draw(name, 0.9 + 0.42 * len(values), draw)
