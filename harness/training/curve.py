"""The loss of a training as a picture."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_MANY = 50  # from so many points on, a smoothed line is drawn over them


def write_curve(log: Sequence[Mapping[str, Any]], path: Path, *, title: str) -> bool:
    """Draw the rows of log.jsonl as a PNG; False where matplotlib is not installed.

    Above the loss by step and the evaluations as points, below the learning rate. The same log
    gives the same bytes.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        return False
    steps = [row for row in log if "loss" in row]
    judged = [row for row in log if "eval_loss" in row]
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    at, losses = [row["step"] for row in steps], [row["loss"] for row in steps]
    smooth = len(losses) > _MANY
    alone = "o" if len(losses) == 1 else ""  # a line of one point is nothing
    color = "#8fb3d9" if smooth else "#2b6cb0"
    upper.plot(at, losses, color=color, lw=1, marker=alone, ms=5, label="loss")
    if smooth:
        upper.plot(at, _smoothed(losses), color="#2b6cb0", lw=2, label="smoothed")
    if judged:
        upper.plot(
            [row["step"] for row in judged],
            [row["eval_loss"] for row in judged],
            "o--",
            color="#c05621",
            ms=5,
            lw=1,
            label="rows held out",
        )
    upper.set_title(title, parse_math=False)  # two dollars make no formula
    upper.set_ylabel("loss")
    upper.grid(alpha=0.3)
    upper.legend(frameon=False)
    rates = [row.get("learning_rate") for row in steps]
    lower.plot(at, rates, color="#4a5568", lw=1, marker=alone, ms=3)
    lower.set(xlabel="step", ylabel="lr")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    lower.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    lower.grid(alpha=0.3)
    FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # a box stands for what no font here can draw
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, format="png", metadata={"Software": None})
    return True


def _smoothed(values: Sequence[float]) -> list[float]:
    """The exponential mean over about a twentieth of the values, without its bias at the start."""
    keep = 1 - 20 / max(40, len(values))
    found, mean = [], 0.0
    for i, value in enumerate(values, 1):
        mean = keep * mean + (1 - keep) * value
        found.append(mean / (1 - keep**i))
    return found
