"""Boards of made-up models with every kind of name, made for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.leaderboard.boards import Board
from harness.leaderboard.gather import BoardRows
from harness.leaderboard.rows import LeftOut, Row, page_name
from harness.leaderboard.rows_rank import rank_values
from harness.metrics.preference import METRICS, preference_results
from harness.metrics.table import PairTable, pair_table, verdict_table
from harness.records import PairFacts, Verdict, json_line
from harness.specs import BoardSpec

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</td></table></script></style><h1>out</h1>",
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    '" onmouseover="document.title=\'owned\'" x="',
    "' onfocus='document.title=1' autofocus='",
    "safe\u202egnitceles\u202c\u200f model",
    "通义千问 写作评审 72B",
    "x" * 200,
    "{{ 7 * 7 }} {% raw %}",
    "$\\frac{1}{2}$ and $broken",
    "https://example.org/model",
    '=HYPERLINK("https://example.org")',
    "a|b `c` **d**",
    "&lt;b&gt; &amp; ]]> <!-- -->",
)
GENRES = ("Functional Documents", "Promotional & Communication", "Non-Fiction", "Fiction", "Funny",
          "Poetry", "Scriptwriting", "<b>Role</b>-Playing")  # fmt: skip
_SHARE = (0.2, 0.17, 0.1, 0.28, 0.17, 0.04, 0.02, 0.02)


def names(count: int) -> list[str]:
    """The hostile names, then plain ones."""
    return [*HOSTILE, *(f"org/Reward-Model-{place}B" for place in range(count))][:count]


def made_up(models: int = 30, pairs: int = 300, *, root: Path | None = None) -> BoardRows:
    """A board of judges of random skill over random pairs in eight genres, ranked."""
    rng = np.random.default_rng(0)
    facts = [
        PairFacts(
            f"p{i}", f"q{i // 2}", "tag", GENRES[rng.choice(8, p=_SHARE)], "zh", i // 2, f"c{i}",
            f"r{i}", int(rng.integers(50, 900)), int(rng.integers(50, 900)), None, None, None, None,
        )
        for i in range(pairs)
    ]  # fmt: skip
    table = pair_table(json_line(one).encode() for one in facts)
    rows, values = [], []
    for place, name in enumerate(names(models)):
        skill, first = 0.42 + 0.4 * place / models, rng.uniform(0, 0.3)
        results = _judged(table, facts, skill, first, rng)
        rows.append(
            Row(
                "submission", name, page_name("submission", name, str(place)),
                results["metrics"] | {"n": pairs}, results["genres"], (("contact", name),),
            )
        )  # fmt: skip
        values.append(results["values"])
    ranks = rank_values(values, table.cluster)
    placed = [
        Row(row.kind, row.name, row.page, row.numbers, row.genres, row.facts, *place)
        for row, place in zip(rows, ranks, strict=True)
    ]
    placed.sort(key=lambda row: -row.numbers["accuracy"])
    null = Row("null", "baseline:random", "null.html", {"accuracy": 0.5, "n": pairs}, {})
    reported = Row(
        "reported", HOSTILE[0], "reported.html",
        {"accuracy": 0.61, "wilson95": [0.55, 0.66], "n": pairs, "source": "Table 1"},
        {GENRES[0]: {"n": 20, "accuracy": 0.7, "wilson95": [0.4, 0.9], "underpowered": True}},
    )  # fmt: skip
    spec = BoardSpec(
        kind="board", name="demo_zh", about=HOSTILE[1], task="demo_zh", note=HOSTILE[2]
    )
    board = Board(spec, (root or Path()) / "demo_zh")
    gone = LeftOut(HOSTILE[0] + ".zip", 2, HOSTILE[2])
    return BoardRows(board, "zh", False, (*placed, null, reported), left_out=(gone,))


def _judged(
    table: PairTable, facts: list[PairFacts], skill: float, first: float, rng: np.random.Generator
) -> dict[str, Any]:
    verdicts = []
    for one in facts:
        for order in ("chosen_first", "rejected_first"):
            right = rng.random() < skill
            if rng.random() < first:
                right = order == "chosen_first"
            head = (one.pair_id, one.prompt_id, one.tag, one.genre, one.language)
            verdicts.append(Verdict(*head, order, "chosen" if right else "rejected"))
    found = verdict_table(table, (json_line(verdict).encode() for verdict in verdicts))
    from harness.metrics.accuracy import pair_values

    results = preference_results(table, found, metrics=tuple(METRICS), seed=0)
    return results | {"values": pair_values(table, found)}
