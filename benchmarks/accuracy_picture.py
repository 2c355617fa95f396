"""The picture of the accuracies: over training seconds, and over weights."""

import itertools

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

MARKERS = {"MAELRE": "o", "published": "s", "tool": "*"}


def draw(rows, path):
    """Draws mean test scores over seeds, one line of panels for each set.

    Args:
        rows: List of dictionaries, those of `accuracy.py`.
        path: Path of the picture.
    """
    names = list(dict.fromkeys(row["data"] for row in rows))
    colors = itertools.cycle(matplotlib.colormaps["tab20"].colors)
    models = {row["model"]: None for row in rows}
    models = dict(zip(models, colors, strict=False))
    kinds = {row["model"]: row["kind"] for row in rows}
    figure = Figure(figsize=(11, 0.5 + 3.2 * len(names)), dpi=120, layout="constrained")
    panels = figure.subplots(len(names), 2, squeeze=False, sharey="row")
    for name, (seconds, weights) in zip(names, panels, strict=True):
        for model, color in models.items():
            found = [r for r in rows if (r["data"], r["model"]) == (name, model)]
            if found:
                style = {"color": color, "marker": MARKERS[kinds[model]]}
                _draw_model(found, style, seconds, weights)
        seconds.set_ylabel(f"{name}: test score")
        seconds.set_xlabel("CPU seconds of training")
        seconds.set_xscale("log")
        # The ticks between powers of ten would write over each other.
        seconds.xaxis.set_major_formatter("{x:g}")
        seconds.xaxis.set_minor_formatter("")
        weights.set_xlabel("weights, millions")
        for panel in (seconds, weights):
            panel.grid(alpha=0.3)
    figure.legend(
        handles=[
            Line2D([], [], color=color, marker=MARKERS[kinds[model]], label=model)
            for model, color in models.items()
        ],
        loc="outside right upper",
        fontsize=8,
    )
    figure.savefig(path)


def _draw_model(rows, style, seconds, weights):
    budgets = dict.fromkeys(row["budget"] for row in rows)
    points = []
    for budget in budgets:
        found = [row for row in rows if row["budget"] == budget]
        points.append(
            [np.mean([r[key] for r in found]) for key in ("cpu_seconds", "test")]
            + [np.std([r["test"] for r in found])]
        )
    x, y, error = np.array(sorted(points)).T
    seconds.errorbar(x, y, error, **style)
    if "weights" in rows[0]:
        weights.errorbar(rows[0]["weights"] / 1e6, y[-1], error[-1], **style)
    else:
        weights.axhline(y[-1], color=style["color"], linestyle="--")
