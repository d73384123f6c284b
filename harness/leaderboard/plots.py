"""The plots of a board, by matplotlib: PNG and SVG for papers, the same SVG for the pages."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.leaderboard.gather import BoardRows
from harness.leaderboard.rows import Row, shown
from harness.leaderboard.tables import genre_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The pages' own colours (templates/site.css), so that a page can put its variables in their place.
INK, DIM, LINE = "#23211d", "#6b675f", "#dedad1"
COLOURS = {"submission": "#2f5d8a", "null": "#7a6a1f", "reported": "#8a4a8f"}
_MARKS = {"submission": "o", "null": "D", "reported": "s"}
_WORD = 34  # characters of a name beside an axis
_FONTS = (
    "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC",
    "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei",
)  # fmt: skip
_DPI = 150


def draw(found: BoardRows) -> dict[str, bytes]:
    """Name -> file: `NAME.svg` and `NAME.png` of the board, `model/PAGE.svg` of each model.

    Nothing where no row has an accuracy. The same rows and fonts give the same bytes.
    """
    rows = [row for row in found.rows if row.numbers.get("accuracy") is not None]
    if not rows:
        return {}
    images: dict[str, bytes] = {}
    with _style():
        makers: dict[str, Callable[[Sequence[Row]], Figure | None]] = {
            "forest": forest,
            "heatmap": heatmap,
            "length": lambda rows: scatter(rows, "longer_agreement", "picks the longer text, %"),
            "order": lambda rows: scatter(rows, "first_pick_rate", "picks the first shown, %"),
        }
        for name, make in makers.items():
            figure = make(rows)
            if figure is not None:
                images |= {
                    f"{name}.svg": _saved(figure, "svg"),
                    f"{name}.png": _saved(figure, "png"),
                }
        for row in rows:
            figure = genres(row)
            if figure is not None:
                images[f"model/{row.page}.svg"] = _saved(figure, "svg")
    return images


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "harness",
        "text.parse_math": False,  # a name with two dollars in it is no formula
        "font.family": [name for name in _FONTS if name in there] or ["sans-serif"],
        "font.size": 9,
        "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": LINE,
        "xtick.color": DIM, "ytick.color": LINE, "xtick.labelcolor": DIM, "ytick.labelcolor": INK,
        "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
        "grid.color": LINE, "grid.linewidth": 0.8, "legend.frameon": False,
    }  # fmt: skip
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # the SVG has the text itself; a PNG shows a box for what no font here can draw
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _saved(figure: Figure, form: str) -> bytes:
    """The figure as a file without a date."""
    stream = io.BytesIO()
    facts: dict[str, Any] = {"Software": None} if form == "png" else {"Date": None, "Creator": None}
    figure.savefig(
        stream,
        format=form,
        dpi=_DPI if form == "png" else 72,
        bbox_inches="tight",
        transparent=form == "svg",
        metadata=facts,
    )
    return stream.getvalue()


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.add_subplot()


def forest(rows: Sequence[Row]) -> Figure:
    """Accuracy of every row with its interval: bootstrap where there is one, else Wilson's."""
    figure, axes = _figure(7.2, 0.9 + 0.24 * len(rows))
    _intervals(
        axes,
        [
            (shown(row.name, _WORD), row.numbers, COLOURS[row.kind], _MARKS[row.kind])
            for row in rows
        ],
    )
    _legend(axes, rows)
    return figure


def genres(row: Row) -> Figure | None:
    """A model's genres with Wilson's intervals, the weakest first; few pairs are drawn pale."""
    known = weakest_first(row)
    if not known:
        return None
    figure, axes = _figure(6.4, 0.8 + 0.28 * len(known))
    colour = COLOURS[row.kind]
    _intervals(
        axes,
        [
            (f"{shown(name, _WORD)}, n {numbers['n']:,}", {"wilson95": numbers["wilson95"],
              "accuracy": numbers["accuracy"]}, DIM if numbers["underpowered"] else colour, "o")
            for name, numbers in known
        ],
    )  # fmt: skip
    return figure


def weakest_first(row: Row) -> list[tuple[str, Mapping[str, Any]]]:
    """The genres with an accuracy, the lowest first."""
    known = [(name, one) for name, one in row.genres.items() if one.get("accuracy") is not None]
    return sorted(known, key=lambda item: (item[1]["accuracy"], item[0]))


def _intervals(axes: Axes, lines: Sequence[tuple[str, Mapping[str, Any], str, str]]) -> None:
    """A point and its interval a line, the first at the top, chance marked."""
    axes.axvline(50, color=DIM, linewidth=0.8, linestyle=(0, (3, 3)))
    for place, (_, numbers, colour, mark) in enumerate(lines):
        ends = numbers.get("ci95") or numbers.get("wilson95")
        if ends:
            axes.plot([100 * end for end in ends], [place, place], color=colour, linewidth=1.4)
        axes.plot([100 * numbers["accuracy"]], [place], mark, color=colour, markersize=4.5)
    axes.set_yticks(range(len(lines)), labels=[line[0] for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xlabel("accuracy, %")
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def heatmap(rows: Sequence[Row]) -> Figure | None:
    """Genre x model: accuracy around chance; in brackets where pairs are too few."""
    names = genre_names(rows)
    lines = [row for row in rows if row.genres]
    if not names or not lines:
        return None
    import numpy as np

    cells = [[(row.genres.get(name) or {}).get("accuracy") for name in names] for row in lines]
    values = np.array([[np.nan if v is None else 100 * v for v in row] for row in cells])
    figure, axes = _figure(2.6 + 0.62 * len(names), 1.5 + 0.24 * len(lines))
    axes.pcolormesh(values, cmap="RdYlBu", vmin=10, vmax=90, edgecolors="face", linewidth=0)
    for y, row in enumerate(lines):
        for x, name in enumerate(names):
            if cells[y][x] is not None:
                few = row.genres[name].get("underpowered")
                said = f"({values[y][x]:.0f})" if few else f"{values[y][x]:.0f}"
                dark = abs(values[y][x] - 50) > 28
                colour = "#ffffff" if dark else "#222222"
                axes.text(x + 0.5, y + 0.5, said, ha="center", va="center", color=colour, size=7.5)
    axes.set_yticks(np.arange(len(lines)) + 0.5, labels=[shown(row.name, _WORD) for row in lines])
    axes.set_xticks(np.arange(len(names)) + 0.5, labels=[shown(name, 26) for name in names])
    axes.tick_params(length=0, labelbottom=False, labeltop=True)
    for label in axes.get_xticklabels():
        label.set(rotation=35, ha="left", rotation_mode="anchor")
    axes.set_ylim(len(lines), 0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def scatter(rows: Sequence[Row], key: str, said: str) -> Figure | None:
    """Accuracy against a habit that has nothing to do with quality; 50 % is no habit."""
    known = [row for row in rows if row.numbers.get(key) is not None]
    if not known:
        return None
    figure, axes = _figure(7.2, 4.8)
    axes.axvline(50, color=DIM, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.axhline(50, color=DIM, linewidth=0.8, linestyle=(0, (3, 3)))
    for place, row in enumerate(known):
        x, y = 100 * row.numbers[key], 100 * row.numbers["accuracy"]
        axes.plot([x], [y], _MARKS[row.kind], color=COLOURS[row.kind], markersize=5)
        if place < 5 or row.kind == "null":  # more names would lie over each other
            axes.annotate(
                shown(row.name, 20), (x, y), xytext=(5, 4), textcoords="offset points", size=7.5,
                color=DIM,
            )  # fmt: skip
    axes.set_xlabel(said)
    axes.set_ylabel("accuracy, %")
    axes.grid()
    axes.tick_params(length=0, labelcolor=DIM)
    _legend(axes, known)
    return figure


def _legend(axes: Axes, rows: Sequence[Row]) -> None:
    from matplotlib.lines import Line2D

    kinds = [kind for kind in COLOURS if any(row.kind == kind for row in rows)]
    if len(kinds) > 1:
        marks = [
            Line2D([], [], marker=_MARKS[kind], color=COLOURS[kind], linestyle="", markersize=5)
            for kind in kinds
        ]
        axes.legend(
            marks, kinds, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(kinds),
            handletextpad=0.2,
        )  # fmt: skip
