"""Arenas as users make them: who meets, what is asked, what joins later, what the numbers hang on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rows import rows as pair_rows
from rows import write_rows
from scripted import Scripted, says
from written import jsonl, stored, texts, write_runs

from harness import executors, runner
from harness.arena import ArenaRequest, dry_arena, judged_arena
from harness.errors import DataError, HarnessError, UsageError
from harness.models import open_model
from harness.models.base import ChatRequest, Completion, ModelSettings
from harness.request import RunRequest

PROMPTS = 6
Arena = Callable[..., Any]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Finished runs of three models over the same prompts."""
    return [
        result.folder
        for result in write_runs(tmp_path, texts(["甲", "乙", "丙"], PROMPTS), PROMPTS)
    ]


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arena:
    """An arena of runs, judged by a scripted model or by what `model` names."""

    def call(runs: list[Path], model: Any = None, judge: str | None = None, **changes: Any) -> Any:
        more = {key: changes.pop(key) for key in ("baseline", "calibration") if key in changes}
        scripted = model if isinstance(model, Scripted) else None
        opened = open_model if scripted is None else lambda *_: scripted
        monkeypatch.setattr(executors, "open_model", opened)
        model = "openai:scripted" if scripted else model
        asked = RunRequest(
            tasks=(),
            model=model or "baseline:length",
            settings=ModelSettings(judge=judge),
            output_path=tmp_path / "out",
            **changes,
        )
        return judged_arena(ArenaRequest(runs=tuple(runs), asked=asked, **more))

    return call


def longer(request: ChatRequest) -> Completion:
    """A judge that picks the longer text, whichever stands first."""
    shown = request.messages[-1].content
    a = shown[shown.index("【文本A开始】") : shown.index("【文本A结束】")]
    b = shown[shown.index("【文本B开始】") : shown.index("【文本B结束】")]
    return Completion("[[A]]" if len(a) > len(b) else "[[B]]", finish_reason="stop")


def lengths(folder: Path) -> dict[str, int]:
    return {line["prompt_id"]: len(line["text"]) for line in stored(folder, "texts.jsonl")}


def test_every_two_runs_meet_on_every_prompt_in_both_orders(
    folders: list[Path], arena: Arena
) -> None:
    model = Scripted(longer)
    found = stored(arena(folders, model).folder, "verdicts.jsonl")
    assert len(found) == len(model.asked) == 3 * PROMPTS * 2
    keys = {(v["run_a"], v["run_b"], v["prompt_id"], v["order"]) for v in found}
    assert len(keys) == len(found)
    assert {(v["run_a"], v["run_b"]) for v in found} == {("丙", "乙"), ("丙", "甲"), ("乙", "甲")}


def test_the_matrix_counts_what_the_judge_preferred(folders: list[Path], arena: Arena) -> None:
    results = arena(folders, Scripted(longer)).results
    sizes = dict(zip(["甲", "乙", "丙"], map(lengths, folders), strict=True))
    for i, row in enumerate(results["runs"]):
        for j, column in enumerate(results["runs"]):
            if i == j:
                assert results["win_rate"][i][j] is None
                continue
            won = sum(sizes[row][p] > sizes[column][p] for p in sizes[row])
            tied = sum(sizes[row][p] == sizes[column][p] for p in sizes[row])
            assert results["wins"][i][j] == won
            assert results["win_rate"][i][j] == pytest.approx((won + tied / 2) / PROMPTS)


def test_a_judge_that_always_takes_the_first_makes_ties_and_no_winner(
    folders: list[Path], arena: Arena
) -> None:
    results = arena(folders, Scripted(says("[[A]]"))).results
    assert results["order"]["first_pick_rate"] == 1.0
    assert results["order"]["consistency"] == 0.0
    assert all(rate in (None, 0.5) for row in results["win_rate"] for rate in row)


def test_a_run_that_joins_later_meets_the_others_and_nobody_else_is_asked_again(
    folders: list[Path], arena: Arena
) -> None:
    first = arena(folders[:2], Scripted(longer))
    model = Scripted(longer)
    joined = arena(folders, model)
    assert joined.folder != first.folder
    assert len(model.asked) == 2 * PROMPTS * 2
    assert joined.results == arena(folders, Scripted(longer), fresh=True).results


def test_the_order_in_which_runs_are_named_moves_nothing(folders: list[Path], arena: Arena) -> None:
    first = arena(folders, Scripted(longer))
    model = Scripted(longer)
    again = arena(folders[::-1], model)
    assert again.folder == first.folder and again.reused and model.asked == []
    assert again.results == first.results


def test_a_verdict_is_told_of_the_right_run_when_names_change_places(
    tmp_path: Path, arena: Arena
) -> None:
    rows = texts(["a", "b"], PROMPTS)
    plain = [one.folder for one in write_runs(tmp_path / "plain", rows, PROMPTS)]
    names = {"a": "z", "b": "b"}
    renamed = [row | {"model": names[row["model"]]} for row in rows]
    turned = [one.folder for one in write_runs(tmp_path / "turned", renamed, PROMPTS)]
    before = arena(plain, Scripted(longer)).results
    model = Scripted(longer)
    after = arena(turned, model).results
    assert model.asked == [], "the same texts before the same judge"
    assert (before["runs"], after["runs"]) == (["a", "b"], ["b", "z"])
    assert after["win_rate"][1][0] == before["win_rate"][0][1]
    assert after["order"] == before["order"]


def test_an_interrupted_arena_goes_on_without_a_lost_or_repeated_call(
    folders: list[Path], arena: Arena
) -> None:
    asked = 0

    def break_off(request: ChatRequest) -> Completion:
        nonlocal asked
        asked += 1
        if asked == 10:
            raise KeyboardInterrupt
        return longer(request)

    with pytest.raises(KeyboardInterrupt):
        arena(folders, Scripted(break_off))
    model = Scripted(longer)
    result = arena(folders, model)
    assert len(model.asked) == 3 * PROMPTS * 2 - 9
    assert len(stored(result.folder, "verdicts.jsonl")) == 3 * PROMPTS * 2


def test_a_failed_order_makes_no_winner_and_is_asked_again(
    folders: list[Path], arena: Arena
) -> None:
    def once(request: ChatRequest) -> Completion:
        failed = request.key.endswith("chosen_first/0") and model.asked[0].key == request.key
        return Completion(error="busy") if failed else longer(request)

    model = Scripted(once)
    results = arena(folders[:2], model).results
    assert results["order"]["errors"] == 1
    assert results["n"][0][1] == PROMPTS - 1 and results["failed"][0][1] == 1
    mended = Scripted(longer)
    results = arena(folders[:2], mended).results
    assert [request.key for request in mended.asked] == [model.asked[0].key]
    assert results["n"][0][1] == PROMPTS and results["order"]["errors"] == 0


def test_equal_texts_tie_and_nobody_is_asked(tmp_path: Path, arena: Arena) -> None:
    rows = [
        {"prompt_id": f"p{n}", "model": model, "response": f"同样的故事{n}"}
        for model in ("甲", "乙")
        for n in range(PROMPTS)
    ]
    model = Scripted(longer)
    result = arena([one.folder for one in write_runs(tmp_path, rows, PROMPTS)], model)
    assert model.asked == []
    assert result.results["ties"][0][1] == PROMPTS
    assert {line["reason"] for line in stored(result.folder, "verdicts.jsonl")} == {"the same text"}


def test_a_scorer_judges_without_order(folders: list[Path], arena: Arena) -> None:
    by_judge = arena(folders, Scripted(longer)).results
    result = arena(folders, "baseline:length")
    assert result.results["win_rate"] == by_judge["win_rate"]
    assert {line["order"] for line in stored(result.folder, "verdicts.jsonl")} == {None}
    assert result.results["order"]["first_pick_rate"] is None


def test_scores_of_texts_are_taken_over_when_a_run_joins(folders: list[Path], arena: Arena) -> None:
    arena(folders[:2], "baseline:length")
    joined = arena(folders, "baseline:length")
    assert joined.manifest["counts"]["scored_now"] == PROMPTS
    assert joined.results == arena(folders, "baseline:length", fresh=True).results


def test_a_pointwise_judge_rates_each_text_once(folders: list[Path], arena: Arena) -> None:
    def rate(request: ChatRequest) -> Completion:
        return Completion(f"{len(request.messages[-1].content) % 4}", finish_reason="stop")

    model = Scripted(rate)
    arena(folders[:2], model, judge="rubric")
    assert len(model.asked) == 2 * PROMPTS
    third = Scripted(rate)
    arena(folders, third, judge="rubric")
    assert len(third.asked) == PROMPTS


def test_against_a_baseline_only_its_matches_are_judged(folders: list[Path], arena: Arena) -> None:
    result = arena(folders, Scripted(longer), baseline=folders[1])
    found = stored(result.folder, "verdicts.jsonl")
    assert all("乙" in (line["run_a"], line["run_b"]) for line in found)
    assert len(found) == 2 * PROMPTS * 2
    i, j = (result.results["runs"].index(name) for name in ("甲", "丙"))
    assert result.results["n"][i][j] == 0 and result.results["win_rate"][i][j] is None
    assert result.results["bradley_terry"]["甲"]["strength"] is not None


def test_prompts_that_one_run_has_no_text_for_are_left_out(tmp_path: Path, arena: Arena) -> None:
    rows = [
        row
        for row in texts(["甲", "乙"], PROMPTS)
        if (row["model"], row["prompt_id"]) != ("甲", "p1")
    ]
    folders = [one.folder for one in write_runs(tmp_path, rows, PROMPTS)]
    result = arena(folders, Scripted(longer))
    assert result.results["n"][0][1] == PROMPTS - 1
    assert result.manifest["unshared"] == 1


def test_runs_of_one_name_are_told_apart(tmp_path: Path, arena: Arena) -> None:
    one = write_runs(tmp_path / "1", texts(["甲"], PROMPTS), PROMPTS)
    other = write_runs(tmp_path / "2", texts(["甲"], PROMPTS, seed=5), PROMPTS)
    folders = [result.folder for result in (*one, *other)]
    names = [f"甲 ({folder.name[-8:]})" for folder in folders]
    assert arena(folders, Scripted(longer)).results["runs"] == sorted(names)


def test_both_languages_of_a_model_are_one_player_with_a_gap_between(
    tmp_path: Path, arena: Arena
) -> None:
    def fair(request: ChatRequest) -> Completion:
        return Completion(["[[A]]", "[[B]]"][request.seed % 2], finish_reason="stop")

    folders = [
        one.folder
        for language in ("zh", "en")
        for one in write_runs(tmp_path, texts(["m", "n"], 12, language), 12, language)
    ]
    results = arena(folders, Scripted(fair)).results
    assert results["runs"] == ["m", "n"]
    assert set(results["languages"]) == {"zh", "en"}
    rates = {name: part["win_rate"][0][1] for name, part in results["languages"].items()}
    [gap] = results["language_gap"]
    assert gap["gap"] == pytest.approx(rates["zh"] - rates["en"])
    assert gap["gap_ci95"][0] <= gap["gap"] <= gap["gap_ci95"][1]


def test_a_judges_measured_accuracy_stands_beside_the_raw_rate(
    tmp_path: Path, folders: list[Path], arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_rows(tmp_path / "pairs.json", pair_rows(60))

    def mostly(request: ChatRequest) -> Completion:
        # a judge of the longer text that errs in the same way wherever it judges
        return longer(request)

    model = Scripted(mostly)
    monkeypatch.setattr(executors, "open_model", lambda *_: model)
    [known] = runner.run(
        RunRequest(
            tasks=("wpb_zh",), model="openai:scripted", data={"wpb_zh": data},
            output_path=tmp_path / "out",
        )
    )  # fmt: skip
    plain = arena(folders, Scripted(longer)).results
    beside = arena(folders, Scripted(longer), calibration=(known.folder,)).results
    assert beside["win_rate"] == plain["win_rate"]
    assert plain["corrected"] == {}
    corrected = beside["corrected"]["zh"]
    accuracy = known.results["metrics"]["accuracy_half"]
    assert corrected["judge_accuracy"] == pytest.approx(accuracy)
    if corrected["reason"] is None:
        p = plain["win_rate"][0][1]
        assert corrected["corrected"][0][1] == pytest.approx(
            (p + accuracy - 1) / (2 * accuracy - 1)
        )
    else:
        assert corrected["corrected"][0][1] is None


def test_a_calibration_of_another_judge_is_refused(
    tmp_path: Path, folders: list[Path], arena: Arena
) -> None:
    data = write_rows(tmp_path / "pairs.json", pair_rows(12))
    [known] = runner.run(
        RunRequest(
            tasks=("wpb_zh",), model="baseline:shorter", data={"wpb_zh": data},
            output_path=tmp_path / "out",
        )
    )  # fmt: skip
    with pytest.raises(UsageError, match="another judge"):
        arena(folders, "baseline:length", calibration=(known.folder,))


def test_diversity_is_held_against_the_verdicts(folders: list[Path], arena: Arena) -> None:
    result = arena(folders, "baseline:length")
    found = result.results["diversity"]["measures"]
    assert found["chars"]["higher_wins"] == 1.0, "the judge of this arena takes the longer text"
    assert found["ttr"]["n"] > 0
    lines = stored(result.folder, "measures.jsonl")
    assert {line["run"] for line in lines} == {"甲", "乙", "丙"}


def test_a_dry_run_asks_nothing_and_leaves_nothing(folders: list[Path], tmp_path: Path) -> None:
    asked = RunRequest(tasks=(), model="fake:first", output_path=tmp_path / "dry")
    line = dry_arena(ArenaRequest(runs=tuple(folders), asked=asked))
    assert "18 matches, 36 calls by pairwise" in line
    assert not (tmp_path / "dry").exists()


def test_two_runs_of_different_prompts_have_nothing_to_judge(tmp_path: Path, arena: Arena) -> None:
    one = write_runs(tmp_path / "1", texts(["甲"], 3), 3)
    moved = [row | {"prompt_id": f"q{row['prompt_id']}"} for row in texts(["乙"], 3)]
    prompts = [
        {"prompt_id": f"qp{n}", "prompt": f"写一写第{n}座山上的雪。", "tag": "诗歌"}
        for n in range(3)
    ]
    (tmp_path / "2").mkdir()
    other = runner.run(
        RunRequest(
            tasks=("coig_writer_zh",),
            model=f"texts:{jsonl(tmp_path / '2' / 't.jsonl', moved)}",
            data={"coig_writer_zh": jsonl(tmp_path / "2" / "p.jsonl", prompts)},
            output_path=tmp_path / "2",
        )
    )
    with pytest.raises(DataError, match="nothing to judge"):
        arena([one[0].folder, other[0].folder])


def test_a_preference_run_is_no_player(tmp_path: Path, arena: Arena) -> None:
    data = write_rows(tmp_path / "pairs.json", pair_rows(4))
    [run] = runner.run(
        RunRequest(
            tasks=("wpb_zh",), model="baseline:length", data={"wpb_zh": data},
            output_path=tmp_path / "out",
        )
    )  # fmt: skip
    with pytest.raises(HarnessError, match="no texts"):
        arena([run.folder, run.folder])


def test_a_folder_stands_for_the_runs_below_it_that_wrote(
    folders: list[Path], arena: Arena, tmp_path: Path
) -> None:
    first = arena(folders, Scripted(longer))  # its folder is now below, too
    assert arena([tmp_path / "out"], Scripted(longer)).folder == first.folder


def test_texts_cannot_judge(folders: list[Path], arena: Arena, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "t.jsonl", texts(["甲"], 1))
    with pytest.raises(UsageError, match="only writes"):
        arena(folders, f"texts:{file}")
