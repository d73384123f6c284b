"""What an arena's lines become: units, orders, failures."""

from __future__ import annotations

import pytest
from arena_tables import arena_line, random_lines

from harness.errors import DataError
from harness.metrics.arena import read_arena, read_units


def both_orders(prompt_id, a_first, b_first, **changes):
    return [
        arena_line("m0", "m1", prompt_id, a_first, order="a_first", **changes),
        arena_line("m0", "m1", prompt_id, b_first, order="b_first", **changes),
    ]


def rows(units):
    """Units spelled out: runs, prompt, annotator -> value, None where failed."""
    return {
        (units.runs[a], units.runs[b], units.prompts[prompt], units.annotators[person]): (
            None if failed else value
        )
        for a, b, prompt, person, value, failed in zip(
            units.first.tolist(),
            units.second.tolist(),
            units.prompt.tolist(),
            units.annotator.tolist(),
            units.value.tolist(),
            units.failed.tolist(),
            strict=True,
        )
    }


@pytest.mark.parametrize(
    ("a_first", "b_first", "value"),
    [
        ("a", "a", 1),
        ("b", "b", -1),
        ("a", "b", 0),
        ("a", "tie", 1),
        ("tie", "b", -1),
        ("tie", "tie", 0),
        ("a", "unparsed", None),
        ("error", "b", None),
    ],
)
def test_both_orders_make_one_value_and_a_failure_in_either_makes_none(a_first, b_first, value):
    assert rows(read_units(both_orders("q", a_first, b_first))) == {("m0", "m1", "q", ""): value}


def test_a_value_is_the_sign_over_samples_and_repeats():
    lines = [
        *both_orders("q", "a", "a", sample=0),
        *both_orders("q", "b", "b", sample=1),
        *both_orders("q", "b", "tie", sample=1, repeat=1),
    ]
    assert rows(read_units(lines)) == {("m0", "m1", "q", ""): -1}


def test_the_last_line_of_a_verdict_counts():
    lines = [*both_orders("q", "error", "a"), arena_line("m0", "m1", "q", "a", order="a_first")]
    units, stats = read_arena(lines)
    assert rows(units) == {("m0", "m1", "q", ""): 1}
    assert (stats.verdicts, stats.errors) == (2, 0)


def test_a_unit_that_lacks_one_of_two_orders_is_failed_and_counted():
    lines = [*both_orders("q1", "a", "a"), arena_line("m0", "m1", "q2", "a", order="a_first")]
    units, stats = read_arena(lines)
    assert rows(units) == {("m0", "m1", "q1", ""): 1, ("m0", "m1", "q2", ""): None}
    assert stats.one_order == 1


def test_an_arena_judged_in_one_order_by_design_has_no_failures():
    lines = [
        arena_line("m0", "m1", "q1", "a", order="a_first"),
        arena_line("m0", "m1", "q2", "b", order="b_first"),
    ]
    units, stats = read_arena(lines)
    assert rows(units) == {("m0", "m1", "q1", ""): 1, ("m0", "m1", "q2", ""): -1}
    assert (stats.one_order, stats.consistency, stats.first_pick_rate) == (0, None, None)


def test_each_annotator_has_a_unit_of_their_own():
    lines = [
        arena_line("m0", "m1", "q", outcome, annotator=name)
        for name, outcome in [("ann", "a"), ("bob", "b"), (None, "tie")]
    ]
    assert rows(read_units(lines)) == {
        ("m0", "m1", "q", ""): 0,
        ("m0", "m1", "q", "ann"): 1,
        ("m0", "m1", "q", "bob"): -1,
    }


def test_the_same_id_in_two_languages_is_two_prompts():
    lines = [
        arena_line("m0", "m1", "1", "a", language="zh"),
        arena_line("m0", "m1", "1", "b", language="en"),
    ]
    units = read_units(lines)
    assert units.prompts == ("1", "1") and units.prompt.tolist() == [0, 1]
    assert [units.languages[code] for code in units.language] == ["en", "zh"]
    assert units.value.tolist() == [-1, 1]


def test_the_order_of_the_lines_does_not_matter():
    lines = random_lines(0, annotators=("x", "y"))
    there, back = read_units(lines), read_units(lines[::-1])
    assert rows(there) == rows(back) and list(rows(there)) == list(rows(back))


def test_order_statistics_of_a_worked_case():
    lines = [
        *both_orders("q1", "a", "a"),  # alike
        *both_orders("q2", "a", "b"),  # first shown both times
        *both_orders("q3", "b", "a"),  # second shown both times
        *both_orders("q4", "tie", "tie"),  # alike
        *both_orders("q5", "a", "unparsed"),
    ]
    stats = read_arena(lines)[1]
    assert (stats.verdicts, stats.ties, stats.unparsed, stats.errors) == (10, 2, 1, 0)
    assert stats.coverage == 9 / 10
    assert stats.consistency == 2 / 4
    # decided verdicts: q1 yes no, q2 yes yes, q3 no no, q5 yes
    assert stats.first_pick_rate == 4 / 7


@pytest.mark.parametrize("names", [("m1", "m0"), ("m0", "m0")])
def test_runs_out_of_the_order_of_their_names_are_refused_by_line(names):
    lines = [arena_line("m0", "m1", "q", "a")] * 300 + [arena_line(*names, "q", "a")]
    with pytest.raises(DataError, match=r"line 301: run_a 'm\d' does not come before run_b 'm0'"):
        read_units(lines)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b'{"run_a":"a","run_b":"b","prompt_id":"q","genre":"G","language":"fr","order":null,"outcome":"a"}', "language"),
        (arena_line("a", "b", "q", "chosen"), "outcome"),
        (arena_line("a", "b", "q", "a", order="chosen_first"), "order"),
        (arena_line("a", "b", "q", "a", repeat=-1), "repeat"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_verdict_is_refused_by_field(line, field):
    with pytest.raises(DataError, match=f"verdicts.jsonl line 1: .*{field}"):
        read_units([line])


def test_a_mask_keeps_the_names():
    units = read_units(random_lines(1))
    own = units.where(units.genre == 1)
    assert own.runs == units.runs and own.genres == units.genres
    assert set(own.genre.tolist()) == {1} and own.value.size == own.failed.size < units.value.size


def test_no_lines_are_no_units():
    units, stats = read_arena([])
    assert units.runs == () and units.value.size == 0 and stats.coverage is None
