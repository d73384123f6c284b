"""Lines of a run folder become tables, or one clear error."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from metric_tables import pair_line, verdict_line

from harness.errors import DataError
from harness.metrics.table import OUTCOMES, pair_table, verdict_table


def test_names_become_codes_in_sorted_order():
    pairs = pair_table(
        [pair_line(0, genre="Poetry", tag="b"), pair_line(1, genre="Fiction", tag="a")]
    )
    assert pairs.genres == ("Fiction", "Poetry") and pairs.genre.tolist() == [1, 0]
    assert pairs.tags == ("a", "b") and pairs.tag.tolist() == [1, 0]


def test_both_sides_share_one_list_of_models_and_an_unknown_one_is_minus_one():
    pairs = pair_table(
        [
            pair_line(0, chosen_model="z", rejected_model=None),
            pair_line(1, chosen_model=None, rejected_model="a"),
        ]
    )
    assert pairs.models == ("a", "z")
    assert pairs.chosen_model.tolist() == [1, -1] and pairs.rejected_model.tolist() == [-1, 0]


def test_the_gap_is_nan_where_a_human_score_is_unknown():
    pairs = pair_table(
        [pair_line(0, chosen_score=2.5, rejected_score=1), pair_line(1, chosen_score=None)]
    )
    assert pairs.gap[0] == 1.5 and math.isnan(pairs.gap[1])


def test_cluster_numbers_of_any_size_become_0_to_c_minus_1():
    pairs = pair_table(
        [pair_line(0, cluster=10**15), pair_line(1, cluster=4), pair_line(2, cluster=4)]
    )
    assert pairs.cluster.tolist() == [1, 0, 0]


def test_no_lines_are_tables_without_rows():
    pairs = pair_table([])
    verdicts = verdict_table(pairs, [])
    assert pairs.pair_id == [] and pairs.gap.shape == (0,) and verdicts.pair.shape == (0,)
    assert verdicts.truncated.dtype == np.bool_


def test_the_last_line_of_a_pair_order_and_repeat_counts():
    pairs = pair_table([pair_line(0), pair_line(1)])
    verdicts = verdict_table(
        pairs,
        [
            verdict_line("p1", "error", "chosen_first"),
            verdict_line("p0", "rejected", "rejected_first"),
            verdict_line("p0", "tie", "chosen_first", repeat=1),
            verdict_line("p0", "chosen", "chosen_first", truncated=True),
            verdict_line("p1", "chosen", "chosen_first", attempt=2),
        ],
    )
    assert verdicts.pair.tolist() == [0, 0, 0, 1]
    assert verdicts.order.tolist() == [0, 0, 1, 0]
    assert [OUTCOMES[code] for code in verdicts.outcome] == ["chosen", "tie", "rejected", "chosen"]
    assert verdicts.truncated.tolist() == [True, False, False, False]


def test_a_verdict_for_an_unknown_pair_names_its_line():
    pairs = pair_table(pair_line(i) for i in range(600))
    lines = [verdict_line(f"p{i}", "tie") for i in range(600)] + [verdict_line("zz", "tie")]
    with pytest.raises(DataError, match=r"verdicts.jsonl line 601: pair_id 'zz' is not in"):
        verdict_table(pairs, lines)


def test_a_pair_id_that_stands_twice_names_both_lines():
    with pytest.raises(DataError, match=r"pairs.jsonl line 3: pair_id 'p0' stands on line 1"):
        pair_table([pair_line(0), pair_line(1), pair_line(0)])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"pair_id": "p0", "outc', "not a JSON object"),
        (b"\n", "not a JSON object"),
        (b'{"pair_id": "\xff"}\n', "not a JSON object"),
        (b"[1]\n", "Expected `object`"),
        (b'{"pair_id": "p0"}\n', "field `order`"),
        (verdict_line("p0", "win"), "field outcome"),
        (verdict_line("p0", "tie", "backwards"), "field order"),
        (verdict_line("p0", "tie", repeat=-1), "field repeat"),
        (verdict_line("p0", "tie", truncated=0), "field truncated"),
        (verdict_line("p0", "tie", margin=float("nan")), "NaN is not JSON"),
        (verdict_line("p0", "tie", margin="0.5"), "field margin"),
    ],
)
def test_a_bad_line_is_an_error_naming_line_and_field(line, message):
    pairs = pair_table([pair_line(0)])
    with pytest.raises(DataError, match=rf"verdicts.jsonl line 2: .*{message}"):
        verdict_table(pairs, [verdict_line("p0", "tie"), line])


@pytest.mark.parametrize(
    "change",
    [{"cluster": True}, {"chosen_chars": -1}, {"genre": None}, {"chosen_score": "3"}, {"tag": 7}],
)
def test_a_pair_of_a_wrong_type_is_an_error_naming_the_field(change):
    field = next(iter(change))
    with pytest.raises(DataError, match=rf"pairs.jsonl line 2: field {field}: "):
        pair_table([pair_line(0), pair_line(1, **change)])


def test_a_lone_surrogate_in_an_answer_does_not_lose_the_verdict():
    pairs = pair_table([pair_line(0)])
    line = json.dumps(json.loads(verdict_line("p0", "tie")) | {"raw": "\ud800"}).encode()
    assert verdict_table(pairs, [line]).outcome.tolist() == [OUTCOMES.index("tie")]
