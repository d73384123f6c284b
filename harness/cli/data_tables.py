"""The tables of `harness data stats`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from harness.data import Dataset, PromptSet
from harness.data.prompt_stats import describe_prompts
from harness.data.stats import Spread, Stats, describe
from harness.reports.text import plain
from harness.specs import AnyTask

if TYPE_CHECKING:
    from rich.table import Table

_PIPE_WIDTH = 100  # columns where nobody's terminal says
_NARROWEST = 80  # below this rich would cut the figures; a terminal folds whole lines instead
_SIZES_SHOWN = 12
_GAPS_SHOWN = 12


def show(spec: AnyTask, data: Dataset | PromptSet) -> None:
    """Print everything about one task's file on stdout."""
    from rich.console import Console

    columns = shutil.get_terminal_size().columns
    width = max(columns, _NARROWEST) if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(width=width, highlight=False)
    source = "replaced by --data" if data.replaced else "the task's own"
    head = f"{spec.name} ({spec.language}): {plain(data.file)}, {source}"
    console.print(head, style="bold", markup=False)
    console.print(f"sha256 {data.sha256}\n", markup=False)
    for table in _of_prompts(data) if isinstance(data, PromptSet) else _of_pairs(data):
        console.print(table)
        console.print()


def _of_pairs(data: Dataset) -> list[Table]:
    stats = describe(data.pairs)
    return [
        _counts(data, stats),
        _spreads(stats),
        _genres(data, stats.tags_by_genre, "pairs"),
        _models(stats),
    ]


def _of_prompts(data: PromptSet) -> list[Table]:
    stats = describe_prompts(data)
    rows = [
        ("prompts", f"{stats.prompts:,}",
         f"distinct; {data.rows:,} rows read as {data.reader}, {data.dropped_rows:,} left out"),
        ("prompts under 5 characters", f"{stats.short_prompts:,}", "left out"),
        ("further prompt ids", f"{stats.aliases:,}", "of prompts that stand under several"),
        ("tags", f"{stats.tags:,}", f"in {len(stats.tags_by_genre):,} genres of {data.genre_map}"),
    ]  # fmt: skip
    lengths = _table(
        "Characters", ("", *_SPREAD), [("prompt", *_numbers(stats.prompt_length, 0))], words=1
    )
    counts = _table("Counts", ("", "", ""), rows, words=2)
    return [counts, lengths, _genres(data, stats.tags_by_genre, "prompts")]


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> Table:
    """A table whose first and last `words` columns fold and whose numbers never do."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_header=any(heads),
    )
    for i, head in enumerate(heads):
        text = i == 0 or (words > 1 and i == len(heads) - 1)
        table.add_column(
            head, justify="left" if text else "right", overflow="fold", no_wrap=not text
        )
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table


def _counts(data: Dataset, stats: Stats) -> Table:
    quirks, texts, longer = stats.quirks, stats.texts, stats.longer
    pairs = stats.pairs

    def share(n: int, of: int) -> str:
        return f"{n / of:.1%}" if n else ""

    rows = [
        ("pairs", f"{pairs:,}", f"of {data.rows:,} rows, {data.dropped_rows:,} left out"),
        ("prompts", f"{stats.prompts:,}", f"distinct strings; {stats.prompt_ids:,} prompt ids"),
        ("clusters", f"{stats.clusters:,}", f"{_sizes(stats.cluster_sizes)}"),
        ("tags", f"{stats.tags:,}", f"in {len(stats.tags_by_genre):,} genres of {data.genre_map}"),
        ("gold ties", f"{quirks.gold_ties:,}", share(quirks.gold_ties, pairs)),
        ("scores against the label", f"{quirks.against_label:,}",
         share(quirks.against_label, pairs)),
        ("sides without a score", f"{stats.unknown_scores:,}",
         share(stats.unknown_scores, 2 * pairs)),
        ("score gaps", "", _gaps(stats)),
        ("duplicate pairs", f"{quirks.duplicates:,}", share(quirks.duplicates, pairs)),
        ("pairs labelled both ways round", f"{quirks.swapped:,}", share(quirks.swapped, pairs)),
        ("pairs apart by white space alone", f"{quirks.only_space_apart:,}",
         share(quirks.only_space_apart, pairs)),
        ("distinct texts", f"{texts.distinct:,}",
         f"on {texts.sides:,} sides; {texts.repeated:,} stand on more than one"),
        ("texts chosen here, rejected there", f"{texts.both_ways:,}",
         share(texts.both_ways, texts.distinct)),
        ("pairs with a prompt under 5 characters", f"{quirks.short_prompts:,}",
         share(quirks.short_prompts, pairs)),
        ("chosen is longer", f"{longer.chosen_longer:.1%}", "what always picking the longer gets"),
        ("chosen is shorter", f"{longer.chosen_shorter:.1%}", ""),
        ("equally long", f"{longer.equal:.1%}", ""),
        ("sides without a source model", f"{stats.unknown_models:,}",
         share(stats.unknown_models, 2 * pairs)),
    ]  # fmt: skip
    return _table("Counts", ("", "", ""), rows, words=2)


def _sizes(sizes: dict[int, int]) -> str:
    """{2: 6, 3: 94} as "6 of 2 pairs, 94 of 3"."""
    shown = list(sizes.items())
    parts = [f"{n:,} of {size:,}" for size, n in shown[:_SIZES_SHOWN]]
    if len(shown) > _SIZES_SHOWN:
        parts.append(f"... {shown[-1][1]:,} of {shown[-1][0]:,}")
    parts[0] += " pair" if shown[0][0] == 1 else " pairs"
    return ", ".join(parts)


def _gaps(stats: Stats) -> str:
    gaps = stats.gap_counts
    if not gaps:
        return "no scores"
    if len(gaps) > _GAPS_SHOWN:
        return f"{len(gaps):,} different ones, see below"
    return ", ".join(f"{gap:+g}: {n:,}" for gap, n in gaps.items())


_SPREAD = ("mean", "min", "5%", "25%", "median", "75%", "95%", "max")
_WHAT = (
    ("prompt", "prompt_length", 0),
    ("chosen", "chosen_length", 0),
    ("rejected", "rejected_length", 0),
    ("ratio", "ratio", 2),
    ("gap", "gaps", 2),
)


def _spreads(stats: Stats) -> Table:
    heads = ("", *_SPREAD)
    rows = [
        (what, *_numbers(getattr(stats, key), digits))
        for what, key, digits in _WHAT
        if getattr(stats, key).n
    ]
    return _table("Characters, their ratio (chosen / rejected), score gap", heads, rows, words=1)


def _numbers(spread: Spread, digits: int) -> list[str]:
    values = [getattr(spread, field.name) for field in fields(spread) if field.name != "n"]
    return [f"{value:,.{digits}f}" for value in values]


def _genres(
    data: Dataset | PromptSet, tags_by_genre: Mapping[str, Mapping[str, int]], what: str
) -> Table:
    total = sum(n for tags in tags_by_genre.values() for n in tags.values())
    rows = []
    for genre, tags in tags_by_genre.items():
        n = sum(tags.values())
        listed = "" if data.genre_map == "tag" else ", ".join(f"{t} {k:,}" for t, k in tags.items())
        rows.append((genre, f"{n:,}", f"{n / total:.1%}", listed))
    return _table("Genres", ("genre", what, "share", "tags"), rows, words=2)


def _models(stats: Stats) -> Table:
    rows = [
        (name, f"{sides.chosen:,}", f"{sides.rejected:,}",
         f"{sides.chosen / (sides.chosen + sides.rejected):.1%}")
        for name, sides in stats.models.items()
    ]  # fmt: skip
    heads = ("model", "chosen", "rejected", "chosen share")
    return _table("Sides per source model", heads, rows, words=1)
