"""Tables of papers: what is read, and how a bad file is told."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from harness.bundled import bundled_dir
from harness.errors import UsageError
from harness.leaderboard.published import PublishedRow, parse_published, read_published

SHIPPED = bundled_dir("leaderboards")

TABLE: dict[str, Any] = {
    "source": "a paper",
    "genres": ["Fiction", "Poetry"],
    "pairs_per_genre": {"table1_reward_models": {"zh": [20, 10], "en": [40, 10]}},
    "table1_reward_models": [
        {"model": "one", "kind": "reward", "language": "zh",
         "accuracy_by_genre": [55.0, 70], "avg": 60.0, "std": 7.5},
        {"model": "two", "kind": "reward", "language": "en",
         "accuracy_by_genre": [50.0, None]},
    ],
}  # fmt: skip
WRITERS: dict[str, Any] = {
    "source": "a paper",
    "models": ["a", "b"],
    "win_rate_percent_row_beats_column": {"en": {"n": 8, "matrix": [[None, 25.0], [75.0, None]]}},
    "ttr": {"en": {"unit": "words", "mean": [0.5, 0.6], "median": [0.4, 0.7]}},
    "english_prompts_answered_in_chinese_percent": [12.5, None],
}
PATH = Path("paper.json")


def changed(document: dict[str, Any], *keys: Any, to: Any) -> dict[str, Any]:
    """A copy in which one value is another."""
    found = copy.deepcopy(document)
    inside: Any = found
    for key in keys[:-1]:
        inside = inside[key]
    inside[keys[-1]] = to
    return found


def refusal(document: Any) -> str:
    with pytest.raises(UsageError) as error:
        parse_published(document, PATH)
    return str(error.value)


def test_each_table_is_read_one_language_at_a_time() -> None:
    chinese, english = parse_published(TABLE, PATH).tables
    assert (chinese.language, chinese.counts, chinese.n) == ("zh", (20, 10), 30)
    assert chinese.rows == (PublishedRow("one", "reward", (55.0, 70.0), 60.0, 7.5),)
    assert english.rows == (PublishedRow("two", "reward", (50.0, None), None, None),)


def test_win_rates_and_measures_are_read_in_the_order_of_the_models() -> None:
    [arena] = parse_published(WRITERS, PATH).arenas
    assert (arena.n, arena.wins[1][0], arena.ttr_median) == (8, 75.0, (0.4, 0.7))
    assert arena.wrong_language == (12.5, None) and arena.chars == (None, None)


def test_the_shipped_tables_hold_every_row_of_the_papers() -> None:
    for language, pairs in (("zh", 600), ("en", 1200)):
        published = read_published(SHIPPED / f"wpb_{language}" / "published.json")
        assert [len(table.rows) for table in published.tables] == [7, 14]
        assert [table.n for table in published.tables] == [pairs, pairs]
        assert all(len(row.cells) == 8 for table in published.tables for row in table.rows)


def test_the_shipped_win_rates_are_those_of_five_models() -> None:
    for language, n, best in (("zh", 204, 62.75), ("en", 353, 46.46)):
        path = SHIPPED / f"coig_writer_{language}" / "published.json"
        [arena] = read_published(path).arenas
        assert (arena.language, arena.n, arena.models[-2:]) == (language, n, ("CW+10k", "G"))
        assert arena.wins[3][4] == best


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("table1_reward_models", 0, "avg"), "60", "row 1 (one zh): field avg"),
        (("table1_reward_models", 1, "std"), True, "row 2 (two en): field std"),
        (("table1_reward_models", 0, "accuracy_by_genre"), [1.0], "1 values for 2 genres"),
        (("table1_reward_models", 0, "avrg"), 1.0, "did you mean 'avg'"),
        (("table1_reward_models", 0, "language"), "fr", "field language"),
        (("table1_reward_models", 0, "model"), "x" * 201, "field model"),
        (("table1_reward_models", 0, "accuracy_by_genre", 1), float("inf"), "accuracy_by_genre.1"),
        (("table1_reward_models", 0), 3, "table1_reward_models.0"),
        (("pairs_per_genre", "table1_reward_models", "zh"), [1], "1 numbers for 2 genres"),
        (("pairs_per_genre", "table1_reward_models"), {"en": [1, 1]}, "has no 'zh'"),
        (("genres",), ["Fiction", "Fiction"], "stands there twice"),
        (("source",), None, "field source"),
    ],
)  # fmt: skip
def test_a_bad_field_is_told_with_file_and_row(keys: Any, value: Any, said: str) -> None:
    message = refusal(changed(TABLE, *keys, to=value))
    assert message.startswith("paper.json") and said in message


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("models",), ["a", "a"], "stands there twice"),
        (("ttr", "en", "mean"), [0.5], "ttr.en.mean: 1 values for 2 models"),
        (("win_rate_percent_row_beats_column", "en", "matrix", 0, 0), 50.0, "diagonal"),
        (("win_rate_percent_row_beats_column", "en", "matrix", 0), [None], "row 1: 1 values"),
        (("win_rate_percent_row_beats_column", "en", "n"), 0, "en.n"),
    ],
)
def test_a_bad_matrix_is_told_with_its_place(keys: Any, value: Any, said: str) -> None:
    assert said in refusal(changed(WRITERS, *keys, to=value))


def test_every_bad_row_is_told_at_once() -> None:
    both = changed(TABLE, "table1_reward_models", 0, "avg", to="x")
    both["table1_reward_models"][1]["kind"] = 7
    assert len(refusal(both).splitlines()) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"source": NaN}', "{", "[" * 100_000, "\ud800"])
def test_a_file_that_is_no_such_json_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "paper.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match=r"paper\.json"):
        read_published(path)


def test_a_missing_file_and_one_too_large_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "paper.json"
    with pytest.raises(UsageError, match="No such file"):
        read_published(path)
    path.write_text(json.dumps(TABLE) + " " * (1 << 22))
    with pytest.raises(UsageError, match="more than"):
        read_published(path)
