"""The draw of one source: its order, its rules, and what it counts."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError
from harness.progress import Silent
from harness.records import Triplet, triplet_id
from harness.training.mixture.contamination import Hit
from harness.training.mixture.draw import Drawn, TooFew, draw

Texts = tuple[str, str | None, str]


def triplets(texts: Sequence[Texts]) -> list[Triplet]:
    return [
        Triplet(triplet_id(query, thought, answer), query, thought, answer, row)
        for row, (query, thought, answer) in enumerate(texts, 1)
    ]


def unlike(n: int = 40) -> list[Triplet]:
    """Rows that share no run of words."""
    words = [f"{number:x}" for number in range(100, 100 + 20 * n)]
    parts = [words[20 * i : 20 * i + 20] for i in range(n)]
    return triplets(
        [(" ".join(p[:8]), f"thought {i}", " ".join(p[8:])) for i, p in enumerate(parts)]
    )


def by_hand(rows: Sequence[Triplet], seed: int, eval_n: int = 0) -> tuple[list[str], list[str]]:
    """The ids to train on in the order of the draw, and those kept back, from their definition."""
    ids = {row.id for row in rows}

    def order(head: bytes) -> list[str]:
        return sorted(ids, key=lambda i: hashlib.sha256(head + i.encode()).digest())

    held = order(str(seed).encode() + b"\0eval\0")[:eval_n]
    return [i for i in order(str(seed).encode() + b"\0") if i not in held], held


def drawn(rows: Sequence[Triplet], **changes: Any) -> Drawn:
    rules: dict[str, Any] = {
        "n": None, "eval_n": 0, "seed": 0, "tokens": lambda row: 1, "max_length": 10,
        "over_long": "truncate", "near_duplicates": None, "hit": None, "contaminated": "refuse",
        "name": "creative", "progress": Silent(),
    }  # fmt: skip
    return draw(rows, **{**rules, **changes})


def ids(rows: Sequence[Triplet]) -> list[str]:
    return [row.id for row in rows]


@pytest.mark.parametrize("seed", [0, 7])
def test_rows_come_by_the_hash_of_seed_and_id(seed: int) -> None:
    rows = unlike()
    found = drawn(rows, n=12, eval_n=5, seed=seed)
    order, held = by_hand(rows, seed, 5)
    assert (ids(found.train), ids(found.eval)) == (order[:12], held)


def test_the_draw_does_not_see_the_order_of_the_file() -> None:
    rows = unlike()
    shuffled = random.Random(1).sample(rows, len(rows))
    for rules in ({"n": 9, "eval_n": 3}, {"n": None, "eval_n": 3}, {"near_duplicates": 0.8}):
        one, other = drawn(rows, **rules), drawn(shuffled, **rules)
        assert ids(one.train) == ids(other.train) and ids(one.eval) == ids(other.eval)
        assert one.counts == other.counts


def test_other_rows_do_not_change_whether_a_row_comes_before_another() -> None:
    rows = unlike()
    without = ids(drawn(rows[:30]).train)
    assert [one for one in ids(drawn(rows).train) if one in set(without)] == without


def test_a_small_draw_is_the_beginning_of_a_large_one() -> None:
    rows = [
        *unlike(),
        *triplets([(f"a b c d e f g {i}", None, "h i j k l m n o p") for i in "xyz"]),
    ]
    rules: dict[str, Any] = {
        "near_duplicates": 0.5,
        "over_long": "drop",
        "tokens": lambda row: 5 + 6 * (row.row % 4 == 0),
        "hit": lambda row: HIT if row.row % 7 == 0 else None,
        "contaminated": "drop",
    }
    longest = drawn(rows, n=20, eval_n=2, **rules)
    for n in (0, 1, 5, 19):
        shorter = drawn(rows, n=n, eval_n=2, **rules)
        assert ids(shorter.train) == ids(longest.train)[:n] and shorter.eval == longest.eval


def test_no_row_to_train_on_is_like_one_to_evaluate_on() -> None:
    near = triplets([(f"a b c d e f g {i}", None, "h i j k l m n o p") for i in "uvwxyz"])
    found = drawn([*unlike(6), *near], eval_n=3, near_duplicates=0.4)
    texts = {row.query[:13] for row in (*found.train, *found.eval) if row.query.startswith("a b c")}
    assert len(texts) == 1 and found.counts.near_duplicates == 5


def test_without_a_number_all_but_those_kept_back_are_drawn() -> None:
    rows = unlike(10)
    found = drawn(rows, eval_n=3)
    assert (ids(found.train), ids(found.eval)) == by_hand(rows, 0, 3)


def test_nothing_asked_is_nothing_looked_at() -> None:
    found = drawn(unlike(), n=0, tokens=_never, hit=_never)
    assert (found.train, found.eval, found.counts.visited, found.counts.rows) == ((), (), 0, 40)


def test_repeated_rows_are_drawn_once_and_counted_over_the_whole_file() -> None:
    rows = unlike(10)
    again = [Triplet(one.id, one.query, one.thought, one.answer, 10 + one.row) for one in rows[:4]]
    found = drawn([*rows, *again, *again], n=3)
    assert found.counts.duplicates == 8 and found.counts.rows == 18
    assert found.counts.visited == 3 and max(one.row for one in found.train) <= 10


NEAR = [
    ("write of rain", "a thought", "one two three four five six seven eight nine ten"),
    ("write of rain", "another thought", "one two three four five six seven eight nine ten"),
    ("write of rain", "a thought", "one two three four five six seven eight nine eleven"),
    ("write in rain", "a thought", "one two three four five six seven eight nine ten"),
    ("a poem, please", "a thought", "the sea was never there and the gulls knew all of it"),
]


@pytest.mark.parametrize(("threshold", "left"), [(None, 5), (1.0, 4), (0.8, 3), (0.5, 2)])
def test_near_duplicates_are_judged_on_query_and_answer_together(
    threshold: float | None, left: int
) -> None:
    """Runs of 5 words of query and answer: 1 and 2 share all 9 (thoughts are not looked at), 1
    and 3 share 8 of 10, which is 0.8; 4, whose second word differs, shares 6 of 12 with 3."""
    found = drawn(triplets(NEAR), near_duplicates=threshold)
    assert (len(found.train), found.counts.near_duplicates) == (left, 5 - left)
    assert triplets(NEAR)[4].id in ids(found.train)


def test_over_long_rows_are_taken_and_counted_as_cut() -> None:
    rows = unlike(10)
    found = drawn(rows, tokens=lambda row: row.row, max_length=7)
    assert (len(found.train), found.counts.truncated, found.counts.over_long) == (10, 3, 0)


def test_over_long_rows_can_be_left_out_and_others_come_in_their_place() -> None:
    rows = unlike(10)
    found = drawn(rows, n=5, tokens=lambda row: row.row, max_length=7, over_long="drop")
    order = [one for one in by_hand(rows, 0)[0] if one in {row.id for row in rows[:7]}]
    assert ids(found.train) == order[:5]
    assert found.counts.over_long == found.counts.visited - 5 and found.counts.truncated == 0


def test_an_over_long_row_can_be_refused_by_its_place() -> None:
    def tokens(row: Triplet) -> int:
        return 9_500 if row.row == 3 else 8_192

    rules: dict[str, Any] = {"tokens": tokens, "max_length": 8192, "over_long": "refuse"}
    with pytest.raises(DataError) as caught:
        drawn(unlike(5), **rules)
    for part in (
        "creative: row 3 has 9,500 tokens, max_length is 8,192", "--set over_long=truncate",
        "--set over_long=drop", "--set max_length=",
    ):  # fmt: skip
        assert part in str(caught.value)


def test_tokens_are_counted_once_and_only_for_rows_that_come_so_far() -> None:
    asked: list[int] = []

    def tokens(row: Triplet) -> int:
        asked.append(row.row)
        return 1

    for over_long in ("truncate", "drop"):
        asked.clear()
        found = drawn(triplets(NEAR), tokens=tokens, near_duplicates=1.0, over_long=over_long)
        assert sorted(asked) == sorted(row.row for row in found.train)
    asked.clear()
    drawn(unlike(), n=4, eval_n=1, tokens=tokens)
    assert len(asked) == 5


HIT = Hit(task="wpb_zh", prompt_id="p", how="exact", text="prompt", share=1.0)


def test_contaminated_rows_are_drawn_and_told_or_left_out_and_counted() -> None:
    def hit(row: Triplet) -> Hit | None:
        return HIT if row.row in (2, 5) else None

    rows = unlike(10)
    told = drawn(rows, n=10, hit=hit)
    assert [row.row for row, _ in told.hits] == [row.row for row in told.train if row.row in (2, 5)]
    assert (len(told.train), told.counts.contaminated) == (10, 2)
    dropped = drawn(rows, hit=hit, contaminated="drop")
    assert {row.row for row in dropped.train} == set(range(1, 11)) - {2, 5}
    assert dropped.counts.contaminated == len(dropped.hits) == 2


def test_every_row_looked_at_is_taken_or_counted_by_one_rule() -> None:
    rows = [*unlike(30), *triplets(NEAR), *unlike(3)]
    found = drawn(
        rows, n=12, eval_n=4, near_duplicates=0.5, over_long="drop",
        tokens=lambda row: 11 if row.row % 5 == 0 else 1,
        hit=lambda row: HIT if row.row % 3 == 0 else None, contaminated="drop",
    )  # fmt: skip
    counts = found.counts
    left_out = counts.near_duplicates + counts.over_long + counts.contaminated
    assert counts.visited == 12 + 4 + left_out and counts.over_long and counts.contaminated
    assert (counts.rows, counts.duplicates) == (38, 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"n": 20_000},
            "creative: 20,000 asked, 9 rows, 4 can be drawn (2 duplicates, 3 near-duplicates); "
            "--set data.creative.n=4",
        ),
        (
            {"n": 4, "eval_n": 1},
            "creative: 4 asked and 1 to evaluate on, 9 rows, 4 can be drawn (2 duplicates, 3 "
            "near-duplicates); --set data.creative.n=3",
        ),
        (
            {"n": None, "eval_n": 6},
            "creative: at least one asked and 6 to evaluate on, 9 rows, 4 can be drawn (2 "
            "duplicates, 3 near-duplicates); --set data.creative.eval_n=3",
        ),
        (
            {"n": 3, "eval_n": 7, "near_duplicates": None},
            "creative: 3 asked and 7 to evaluate on, 9 rows, 7 can be drawn (2 duplicates); "
            "--set data.creative.n=3 --set data.creative.eval_n=4",
        ),
        (
            {"n": 2, "over_long": "drop", "tokens": lambda row: 11},
            "creative: 2 asked, 9 rows, 0 can be drawn (2 duplicates, 7 over-long); "
            "--set data.creative.n=0",
        ),
        (
            {"n": 9, "hit": lambda row: HIT, "contaminated": "drop", "near_duplicates": None},
            "creative: 9 asked, 9 rows, 0 can be drawn (2 duplicates, 7 contaminated); "
            "--set data.creative.n=0",
        ),
    ],
)
def test_fewer_rows_than_asked_are_refused_with_their_count_and_the_way_out(
    changes: dict[str, Any], said: str
) -> None:
    """Of the nine rows two repeat others, and three are like others."""
    rows = triplets([*NEAR, *[(t[0], t[1], t[2]) for t in NEAR[3:]], *FOUR])
    with pytest.raises(TooFew) as caught:
        drawn(rows, **{"near_duplicates": 0.5, **changes})
    assert str(caught.value) == said


FOUR = [
    ("write of fog", "x", "completely other words stand in this answer than in all the others"),
    ("sing to me", "y", "nobody hears it twice because the song is over before it has begun"),
]


@pytest.mark.parametrize(
    "changes",
    [{"n": 4}, {"n": 3, "eval_n": 1}, {"n": 1, "eval_n": 3}, {"eval_n": 2}, {"n": 0, "eval_n": 9}],
)
def test_the_way_out_of_too_few_rows_is_one(changes: dict[str, Any]) -> None:
    rows = triplets(NEAR[:2])
    with pytest.raises(TooFew) as caught:
        drawn(rows, **changes)
    settings = dict(word.split("=") for word in str(caught.value).split() if "=" in word)
    mended = {key.removeprefix("data.creative."): int(value) for key, value in settings.items()}
    found = drawn(rows, **{**changes, **mended})
    assert found.train or found.eval


def _never(row: Triplet) -> Any:
    raise AssertionError(row)


@pytest.mark.parametrize("name", ["general_zh", "general_en"])
def test_real_rows_are_those_of_an_independent_count(shared_data: Path, name: str) -> None:
    lines = (shared_data / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    theirs = [json.loads(line) for line in lines]
    sums = [
        hashlib.sha256(f"{one['query']}\0\0{one['answer']}".encode()).hexdigest() for one in theirs
    ]
    key = {one: hashlib.sha256(f"3\0eval\0{one}".encode()).hexdigest() for one in sums}
    held = sorted(set(sums), key=lambda one: key[one])[:50]
    rest = set(sums) - set(held)
    order = sorted(rest, key=lambda one: hashlib.sha256(f"3\0{one}".encode()).hexdigest())
    rows = triplets([(one["query"], None, one["answer"]) for one in theirs])
    found = drawn(rows, n=1000, eval_n=50, seed=3)
    assert (ids(found.train), ids(found.eval)) == (order[:1000], held)
    assert found.counts.duplicates == len(sums) - len(set(sums))


def test_near_duplicates_of_real_rows_are_those_of_plain_sets(shared_data: Path) -> None:
    """Every pair of 400 rows compared with Python's own sets of runs of five words."""
    lines = (shared_data / "general_en.jsonl").read_text(encoding="utf-8").split("\n")[:400]
    theirs = [json.loads(line) for line in lines]
    rows = triplets([(one["query"], None, one["answer"]) for one in theirs])
    found = drawn(rows, near_duplicates=0.2)
    kept: list[tuple[str, set[tuple[str, ...]]]] = []
    by_id = {row.id: row for row in rows}
    for one in by_hand(rows, 0)[0]:
        own = _runs(f"{by_id[one].query}\n{by_id[one].answer}")
        if all(len(own & other) / len(own | other) < 0.2 for _, other in kept if own | other):
            kept.append((one, own))
    assert ids(found.train) == [one for one, _ in kept]
    assert found.counts.near_duplicates > 0


def _runs(text: str) -> set[tuple[str, ...]]:
    import re
    import unicodedata

    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).lower())
    size = max(1, min(5, len(words)))
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def test_progress_reaches_its_end() -> None:
    heard: list[tuple[str, Any]] = []

    class Heard(Silent):
        def start(self, what: str, total: int, unit: str) -> None:
            heard.append((what, total))

        def advance(self, n: int, *, tokens: int = 0) -> None:
            heard.append(("", n))

    for n, total in ((3, 4), (None, 5)):
        heard.clear()
        drawn(triplets(NEAR) if n is None else unlike(), n=n, eval_n=1, progress=Heard())
        assert heard[0] == ("drawing creative", total)
        assert sum(amount for _, amount in heard[1:]) == total


def test_a_row_of_which_nothing_could_be_learnt_is_left_out_where_others_are_cut() -> None:
    rows = unlike(8)
    found = drawn(rows, tokens=lambda row: 11, learns=lambda row: row.row % 2 == 0)
    assert (found.counts.over_long, found.counts.truncated) == (4, 4)
    assert all(row.row % 2 == 0 for row in found.train)
