"""Submissions of runs over pairs, honest ones and spoiled ones, their checksums mended or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from submitted import (
    Line,
    Members,
    checks,
    demo_run,
    each_line,
    in_json,
    make_board,
    members_of,
    mend_sums,
    one_line,
    packed,
    spoiled,
    verified,
    write_zip,
)

from harness.leaderboard.boards import Board
from harness.leaderboard.verify import verify_board

RUNS: dict[str, dict[str, Any]] = {
    "length": {"model": "baseline:length"},
    "shorter": {"model": "baseline:shorter"},
    "random": {"model": "baseline:random"},
    "ttr": {"model": "baseline:ttr"},
    "first": {"model": "baseline:first"},
    "judge": {"model": "fake:hash", "args": "errors=0.1,unparsed=0.1"},
    "rules": {"model": "fake:hash", "judge": "rm_r1"},
    "ratings": {"model": "fake:hash", "judge": "rubric", "args": "errors=0.1,unparsed=0.1"},
}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return make_board(tmp_path_factory.mktemp("boards"), "demo_zh")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("runs")
    return {name: demo_run(out, **how) for name, how in RUNS.items()}


@pytest.fixture
def submission(board: Board, folders: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    def one(name: str, **about: Any) -> Path:
        return packed(folders[name], board, tmp_path / f"{name}.zip", **about)

    return one


@pytest.fixture
def length(submission: Callable[..., Path]) -> Path:
    return submission("length")


@pytest.fixture
def judge(submission: Callable[..., Path]) -> Path:
    return submission("judge")


def flipped(place: int, line: Line) -> Line:
    other = {"chosen": "rejected", "rejected": "chosen"}
    return line | {"outcome": other[line["outcome"]]} if place == 3 else line


flip = each_line("verdicts.jsonl", flipped)


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_an_honest_run_verifies(
    submission: Callable[..., Path], board: Board, name: str, raw: bool
) -> None:
    found = verified(submission(name, raw=raw), board)
    assert found.findings == ()
    assert any("cannot be told from verdicts alone" in str(note) for note in found.notes)


def test_answers_left_out_are_said_to_be_unread(
    submission: Callable[..., Path], board: Board
) -> None:
    notes = [str(note) for note in verified(submission("rules", raw=False), board).notes]
    assert any("no verdict was read again" in note for note in notes)
    assert any("rules: not computed again" in note for note in notes)


def test_errors_tried_again_verify(board: Board, tmp_path: Path) -> None:
    for _ in range(2):
        folder = demo_run(tmp_path, "fake:hash", args="errors=0.2")
    lines = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]
    assert {line["attempt"] for line in lines} == {1, 2}
    assert verified(packed(folder, board, tmp_path / "one.zip"), board).findings == ()


@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize("numbers", [False, True])
def test_a_verdict_flipped_is_found_by_its_margin(
    length: Path, board: Board, mend: bool, numbers: bool
) -> None:
    found = checks(spoiled(length, flip, mend=mend, numbers=numbers), board)
    assert found == {"margin"} | (set() if mend else {"checksum"}) | (
        set() if numbers else {"numbers"}
    )


def test_a_verdict_and_its_margin_flipped_are_found_by_the_scores(
    length: Path, board: Board
) -> None:
    def turn(place: int, line: Line) -> Line:
        return flipped(place, line) | ({"margin": -line["margin"]} if place == 3 else {})

    spoilt = spoiled(length, each_line("verdicts.jsonl", turn), numbers=True)
    assert checks(spoilt, board) == {"scores"}


def test_scores_changed_along_are_found_in_a_null_row(length: Path, board: Board) -> None:
    def forge(members: Members) -> None:
        """Scores 1000 more for every text that people chose, and all that follows from it."""
        pairs = [json.loads(line) for line in members["pairs.jsonl"].splitlines()]
        chosen = {pair["chosen_id"] for pair in pairs}
        better: dict[str, float] = {}

        def raised(_: int, line: Line) -> Line:
            better[line["id"]] = line["score"] + (1000.0 if line["id"] in chosen else 0.0)
            return line | {"score": better[line["id"]]}

        each_line("scores.jsonl", raised)(members)

        def told(place: int, line: Line) -> Line:
            margin = better[pairs[place]["chosen_id"]] - better[pairs[place]["rejected_id"]]
            outcome = "chosen" if margin > 0 else "rejected" if margin < 0 else "tie"
            return line | {"margin": margin, "outcome": outcome}

        each_line("verdicts.jsonl", told)(members)

    assert checks(spoiled(length, forge, numbers=True), board) == {"null"}


@pytest.mark.parametrize("name", ["random", "ttr"])
def test_null_rows_that_need_the_texts_are_scored_again(
    submission: Callable[..., Path], board: Board, name: str
) -> None:
    changed = one_line("scores.jsonl", 0, score=0.9375)
    assert "null" in checks(spoiled(submission(name), changed), board)


@pytest.mark.parametrize("mend", [False, True])
def test_a_verdict_flipped_is_found_by_its_answer(
    submission: Callable[..., Path], board: Board, mend: bool
) -> None:
    found = checks(spoiled(submission("rules"), flip, mend=mend), board)
    assert {"raw", "numbers"} <= found
    assert ("checksum" in found) != mend


def test_a_rating_changed_is_found_by_its_answer(
    submission: Callable[..., Path], board: Board
) -> None:
    def raised(_: int, line: Line) -> Line:
        return line | {"score": 3.0} if line["score"] == 0 else line

    spoilt = spoiled(submission("ratings"), each_line("scores.jsonl", raised))
    assert {"raw", "scores"} <= checks(spoilt, board)


def test_the_first_shown_is_checked_by_the_order(
    submission: Callable[..., Path], board: Board
) -> None:
    assert checks(spoiled(submission("first"), flip, numbers=True), board) == {"null"}


@pytest.mark.parametrize("mend", [False, True])
def test_a_pair_that_is_missing_is_found(length: Path, board: Board, mend: bool) -> None:
    def without(members: Members) -> None:
        for part in ("pairs.jsonl", "verdicts.jsonl"):
            each_line(part, lambda place, line: None if place == 5 else line)(members)

    found = verified(spoiled(length, without, mend=mend, numbers=True), board)
    assert {"data", "identity"} <= {one.check for one in found.findings}
    assert any("1 of the file's 64 pairs are not there" in str(one) for one in found.findings)


def test_a_verdict_that_is_missing_is_found(length: Path, board: Board) -> None:
    without = each_line("verdicts.jsonl", lambda place, line: None if place == 5 else line)
    found = verified(spoiled(length, without), board)
    assert any("no verdict on pair" in str(one) for one in found.findings)


@pytest.mark.parametrize("part", ["pairs.jsonl", "verdicts.jsonl", "scores.jsonl"])
def test_a_line_that_stands_twice_is_found(length: Path, board: Board, part: str) -> None:
    def twice(members: Members) -> None:
        members[part] += members[part].splitlines(keepends=True)[0]

    assert checks(spoiled(length, twice), board) & {"data", "verdicts", "scores"}


def test_a_later_line_that_changes_an_answer_is_found(judge: Path, board: Board) -> None:
    def again(members: Members) -> None:
        lines = [json.loads(line) for line in members["verdicts.jsonl"].splitlines()]
        answered = next(line for line in lines if line["outcome"] == "rejected")
        more = answered | {"outcome": "chosen", "attempt": 2, "raw": "[[A]]"}
        members["verdicts.jsonl"] += (json.dumps(more) + "\n").encode()

    found = verified(spoiled(judge, again), board)
    assert any("was answered before, and is answered anew" in str(one) for one in found.findings)


def test_a_pair_of_another_run_is_found(length: Path, board: Board) -> None:
    found = checks(spoiled(length, one_line("verdicts.jsonl", 0, pair_id="0" * 16)), board)
    assert "verdicts" in found


@pytest.mark.parametrize("mend", [False, True])
def test_pairs_of_another_file_are_found(
    length: Path, board: Board, tmp_path: Path, mend: bool
) -> None:
    from rows import rows, write_rows

    from harness.request import RunRequest
    from harness.runner import run

    data = {"demo_zh": write_rows(tmp_path / "demo_zh.json", rows(64))}
    request = RunRequest(
        tasks=("demo_zh",), model="baseline:length", data=data, output_path=tmp_path
    )
    other = members_of(packed(run(request)[0].folder, board, tmp_path / "other.zip"))
    honest = members_of(length)

    def swapped(members: Members) -> None:
        members.update(other)
        results = json.loads(other["results.json"])
        results["data"] = json.loads(honest["results.json"])["data"]
        members["results.json"] = json.dumps(results).encode()

    assert {"data", "identity"} <= checks(spoiled(length, swapped, mend=mend), board)


@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metrics", "accuracy"), 0.99),
        (("metrics", "ci95"), [0.9, 0.99]),
        (("genres", "Poetry", "n"), 9),
        (("tags", "会议纪要", "accuracy"), 1.0),
        (("metrics", "<script>"), 1),
        (("data", "n"), 640),
        (("rank",), 1),
    ],
)
def test_a_number_edited_is_found_by_its_path(
    length: Path, board: Board, path: tuple[str, ...], value: Any, mend: bool
) -> None:
    found = verified(spoiled(length, in_json("results.json", *path, value=value), mend=mend), board)
    told = [one for one in found.findings if one.check == "numbers"]
    assert len(told) == 1
    assert path[0] in str(told[0])
    assert ("checksum" in {one.check for one in found.findings}) != mend


def test_two_settings_in_one_file_are_found(judge: Path, board: Board) -> None:
    assert "mixture" in checks(spoiled(judge, one_line("verdicts.jsonl", 0, order=None)), board)
    assert "mixture" in checks(spoiled(judge, one_line("verdicts.jsonl", 0, repeat=1)), board)


def test_pairs_of_both_orders_beside_pairs_of_one_are_found(judge: Path, board: Board) -> None:
    one = each_line("verdicts.jsonl", lambda place, line: None if place % 8 == 0 else line)
    assert "verdicts" in checks(spoiled(judge, one), board)


def test_tokens_of_another_model_are_found(length: Path, board: Board) -> None:
    assert "scores" in checks(spoiled(length, one_line("scores.jsonl", 0, n_tokens=7)), board)


def test_a_score_that_no_float32_is_is_found(length: Path, board: Board) -> None:
    assert "scores" in checks(spoiled(length, one_line("scores.jsonl", 0, score=0.1)), board)


@pytest.mark.parametrize(
    "change",
    [
        in_json("manifest.json", "identity", "seed", value=7),
        in_json("manifest.json", "identity", value=[]),
        in_json("manifest.json", "identity_sha256", value="0" * 64),
        in_json("manifest.json", "model", "name", value="another"),
        in_json("manifest.json", "task", value="demo_en"),
        in_json("results.json", "model", "name", value="<img src=x onerror=alert(1)>"),
        in_json("results.json", "judge", value={"name": "pairwise"}),
        in_json("results.json", "seed", value=-1),
    ],
)
def test_manifest_and_results_have_to_agree(
    length: Path, board: Board, change: Callable[[Members], None]
) -> None:
    assert "identity" in checks(spoiled(length, change), board)


def test_a_number_of_repeats_beyond_reason_costs_no_memory(judge: Path, board: Board) -> None:
    change = in_json("manifest.json", "judge", "spec", "repeats", value=2**52)
    assert "identity" in checks(spoiled(judge, change), board)


def test_a_judge_file_edited_is_found(judge: Path, board: Board) -> None:
    change = in_json("manifest.json", "judge", "spec", "verdict", "a", value="[[X]]")
    assert "identity" in checks(spoiled(judge, change), board)


def test_the_name_of_a_null_row_is_its_own(judge: Path, board: Board) -> None:
    def renamed(members: Members) -> None:
        for part in ("manifest.json", "results.json"):
            in_json(part, "model", "name", value="Baseline:length")(members)

    assert checks(spoiled(judge, renamed), board) == {"null"}


@pytest.mark.parametrize(
    "line",
    [
        b'{"pair_id": NaN}',
        b"[" * 100_000,
        b'{"margin": 1e999}',
        b'{"margin": ' + b"9" * 5000 + b"}",
        b'{"raw": "\\ud800"}',
        b'{"raw": 1, "raw": 2}',
        b"\xff\xfe",
        b"[]",
        b'"text"',
    ],
)
def test_a_line_that_breaks_parsers_is_a_finding(length: Path, board: Board, line: bytes) -> None:
    def broken(members: Members) -> None:
        members["verdicts.jsonl"] += line + b"\n"

    assert checks(spoiled(length, broken), board) == {"schema"}


@pytest.mark.parametrize(
    "changes",
    [
        {"margin": float("nan")},
        {"margin": "high"},
        {"margin": 10**400},
        {"attempt": 2**60},
        {"outcome": "won"},
        {"repeat": 1.5},
        {"tag": "x" * 2000},
        {"extra": "<script>alert(1)</script>"},
    ],
)
def test_a_value_of_the_wrong_kind_is_a_finding(length: Path, board: Board, changes: Line) -> None:
    assert "schema" in checks(spoiled(length, one_line("verdicts.jsonl", 0, **changes)), board)


@pytest.mark.parametrize("part", ["manifest.json", "results.json", "submission.json"])
@pytest.mark.parametrize(
    "content", [b"[]", b"{", b'{"a": NaN}', b'{"a":' * 50_000, b'{"a":"\\ud800"}']
)
def test_a_json_member_that_is_none_is_a_finding(
    length: Path, board: Board, part: str, content: bytes
) -> None:
    broken = spoiled(length, lambda members: members.update({part: content}), mend=False)
    assert checks(broken, board) == {"archive"}


@pytest.mark.parametrize("value", [None, 1, "x", [], {"a": 1}, [[1]]])
@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("manifest.json", ("identity", "model")),
        ("manifest.json", ("judge",)),
        ("manifest.json", ("judge", "spec")),
        ("manifest.json", ("settings",)),
        ("manifest.json", ("model",)),
        ("results.json", ("data",)),
        ("results.json", ("judge",)),
        ("results.json", ("model",)),
        ("results.json", ("metrics",)),
        ("results.json", ("task",)),
    ],
)
def test_no_value_of_the_wrong_kind_ends_a_check(
    judge: Path, board: Board, part: str, path: tuple[str, ...], value: Any
) -> None:
    assert checks(spoiled(judge, in_json(part, *path, value=value)), board) or value is None


@pytest.mark.parametrize("field", ["contact", "license", "harness", "created", "board"])
def test_markup_in_the_metadata_is_text_or_refused(length: Path, board: Board, field: str) -> None:
    markup = in_json("submission.json", field, value="<script>alert(1)</script>")
    found = verified(spoiled(length, markup), board)
    assert found.ok == (field in ("contact", "license", "harness"))


@pytest.mark.parametrize("field", ["tag", "genre", "prompt_id"])
def test_markup_in_a_pair_is_not_what_the_file_has(length: Path, board: Board, field: str) -> None:
    marked = one_line("pairs.jsonl", 0, **{field: "<script>alert(1)</script>"})
    assert {"data", "verdicts"} <= checks(spoiled(length, marked, numbers=True), board)


def test_a_member_too_few_or_too_many_is_told(length: Path, board: Board) -> None:
    def without(members: Members) -> None:
        del members["verdicts.jsonl"]

    found = verified(spoiled(length, without), board)
    assert "without verdicts.jsonl" in str(found.findings[0])
    more = spoiled(length, lambda members: members.update({"texts.jsonl": b""}))
    assert "has no texts.jsonl" in str(verified(more, board).findings[0])


def test_text_in_the_scores_of_a_scoring_model_is_found(length: Path, board: Board) -> None:
    marked = one_line("scores.jsonl", 0, raw="<script>alert(1)</script>")
    assert checks(spoiled(length, marked), board) == {"scores"}


def test_a_judge_that_is_not_the_one_of_its_name_is_noted(
    submission: Callable[..., Path], board: Board
) -> None:
    def another(members: Members) -> None:
        for part in ("manifest.json", "results.json"):
            in_json(part, "judge", "sha256", value="0" * 64)(members)

    notes = verified(spoiled(submission("judge"), another), board).notes
    assert any("not the file that ships under this name" in str(note) for note in notes)


def test_scores_of_a_scoring_model_are_not_left_out(length: Path, board: Board) -> None:
    def without(members: Members) -> None:
        del members["scores.jsonl"]

    assert "scores" in checks(spoiled(length, without), board)


def test_a_hundred_thousand_bad_lines_are_told_in_a_few(length: Path, board: Board) -> None:
    lines = "".join(f"[{number}]\n" for number in range(100_000)).encode()
    bad = spoiled(length, lambda members: members.update({"verdicts.jsonl": lines}))
    found = verified(bad, board).findings
    assert len(found) < 30
    assert any("99,980 more" in str(one) for one in found)


def test_the_same_run_twice_on_a_board_is_found(folders: dict[str, Path], tmp_path: Path) -> None:
    own = make_board(tmp_path, "demo_zh")
    for name in ("a", "b"):
        packed(folders["length"], own, own.folder / "submissions" / f"{name}.zip")
    packed(folders["shorter"], own, own.folder / "submissions" / "c.zip")
    found = {one.path.name: {f.check for f in one.findings} for one in verify_board(own)}
    assert found == {"a.zip": set(), "b.zip": {"duplicate"}, "c.zip": set()}


def test_the_same_verdicts_under_another_name_are_found(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    own = make_board(tmp_path, "demo_zh")
    one = packed(folders["judge"], own, own.folder / "submissions" / "a.zip")
    members = members_of(one)
    identity = json.loads(members["manifest.json"])["identity"]
    from harness.store import identity_sha256

    for part in ("manifest.json", "results.json"):
        in_json(part, "model", "name", value="mine")(members)
    identity["model"]["what"] = "mine"
    in_json("manifest.json", "identity", value=identity)(members)
    in_json("manifest.json", "identity_sha256", value=identity_sha256(identity))(members)
    mend_sums(members)
    write_zip(own.folder / "submissions" / "b.zip", members)
    found = verify_board(own)
    assert [one.ok for one in found] == [True, False]
    assert "the same verdicts or texts" in str(found[1].findings[0])


def test_a_broken_file_does_not_hide_the_others(folders: dict[str, Path], tmp_path: Path) -> None:
    own = make_board(tmp_path, "demo_zh")
    packed(folders["length"], own, own.folder / "submissions" / "b.zip")
    (own.folder / "submissions" / "a.zip").write_bytes(b"nothing")
    assert [one.ok for one in verify_board(own)] == [False, True]
