"""Runs that write: what is asked, what is stored, what a second command asks again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, says
from written import jsonl, prompts, stored, texts, write_runs

from harness import executors, runner
from harness.errors import DataError, HarnessError, UsageError
from harness.models.base import ChatRequest, Completion
from harness.records import Measures, Prompt, Text
from harness.request import RunRequest


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A run of coig_writer_zh over eight made-up prompts by a scripted model."""
    data = jsonl(tmp_path / "prompts.jsonl", prompts(8))

    def call(model: Any, *, tasks: tuple[str, ...] = ("coig_writer_zh",), **changes: Any) -> Any:
        monkeypatch.setattr(executors, "open_model", lambda *_: model)
        [result] = runner.run(
            RunRequest(
                tasks=tasks,
                model="openai:scripted",
                data={"coig_writer_zh": data},
                output_path=tmp_path / "out",
                **changes,
            )
        )
        return result

    return call


def story(request: ChatRequest) -> Completion:
    """A text that prompt and seed decide."""
    words = f"雨夜{request.messages[-1].content}的桥上，灯亮着{request.seed}。"
    return Completion(words * 3, finish_reason="stop", tokens_in=9, tokens_out=30)


def test_every_prompt_is_the_users_message_as_it_stands_and_is_asked_once(write: Any) -> None:
    model = Scripted(story)
    write(model)
    asked = [[(m.role, m.content) for m in request.messages] for request in model.asked]
    assert asked == [[("user", row["prompt"])] for row in prompts(8)]
    assert model.sampling is not None and model.sampling.stop == ()
    assert model.sampling.temperature == 0.8


def test_a_run_folder_holds_what_the_contract_names(write: Any) -> None:
    folder = write(Scripted(story)).folder
    assert {path.name for path in folder.iterdir()} - {".lock"} == {
        "manifest.json", "prompts.jsonl", "texts.jsonl", "measures.jsonl", "results.json", "report.md",
    }  # fmt: skip
    assert folder.parent.name == "coig_writer_zh"
    line = stored(folder, "texts.jsonl")[0]
    assert set(line) == set(Text.__slots__)
    assert {"prompt_id", "genre", "language", "text", "reasoning", "finish_reason", "n_tokens"} <= set(line)  # fmt: skip
    assert set(stored(folder, "prompts.jsonl")[0]) == set(Prompt.__slots__)
    assert set(stored(folder, "measures.jsonl")[0]) == set(Measures.__slots__)


def test_no_time_path_or_device_stands_in_the_results(write: Any, tmp_path: Path) -> None:
    result = write(Scripted(story))
    said = (result.folder / "results.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in said
    assert "wall" not in said and "device" not in said
    assert json.loads(said) == result.results
    assert result.results["kind"] == "writing"
    assert result.results["data"]["n"] == result.results["data"]["prompts"] == 8


def test_the_thought_is_split_off_and_its_tokens_are_not_the_texts(write: Any) -> None:
    def think(_: ChatRequest) -> Completion:
        return Completion(
            "桥上有灯。", reasoning="先想一想。", finish_reason="stop", tokens_in=5, tokens_out=20,
            tokens_reasoning=12,
        )  # fmt: skip

    line = stored(write(Scripted(think)).folder, "texts.jsonl")[0]
    assert (line["text"], line["reasoning"], line["n_tokens"]) == ("桥上有灯。", "先想一想。", 8)


def test_tokens_of_the_text_are_unknown_where_the_thought_was_not_counted(write: Any) -> None:
    thought = says("桥上有灯。", reasoning="先想一想。")
    assert stored(write(Scripted(thought)).folder, "texts.jsonl")[0]["n_tokens"] is None


def test_several_texts_a_prompt_have_seeds_of_their_own(tmp_path: Path, write: Any) -> None:
    spec = """kind: writing
name: coig_writer_zh
language: zh
source: {reader: prompts, file: none.jsonl}
genres: wpb_appendix_b
metrics: [length, diversity, language, failures, repetition]
system: 你是一位作家。
sampling: {temperature: 0.5, max_tokens: 64}
repeats: 3
"""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "coig_writer_zh.yaml").write_text(spec, encoding="utf-8")
    model = Scripted(story)
    result = write(model, include=(tmp_path / "own",))
    assert len({request.seed for request in model.asked}) == len(model.asked) == 24
    assert model.asked[0].messages[0].role == "system"
    found = stored(result.folder, "texts.jsonl")
    assert {(line["prompt_id"], line["repeat"]) for line in found} == {
        (f"p{number}", repeat) for number in range(8) for repeat in range(3)
    }
    assert result.results["data"]["n"] == 24 and result.results["data"]["prompts"] == 8
    assert result.results["asked"]["repeats"] == 3


def test_stored_texts_are_never_written_again(write: Any) -> None:
    def break_off(request: ChatRequest) -> Completion:
        if "第5" in request.messages[-1].content:
            raise KeyboardInterrupt
        return story(request)

    with pytest.raises(KeyboardInterrupt):
        write(Scripted(break_off))
    model = Scripted(story)
    resumed = write(model)
    assert [request.key for request in model.asked] == ["p5/0", "p6/0", "p7/0"]
    assert not resumed.reused
    whole = write(Scripted(story), fresh=True)
    assert whole.results == resumed.results
    again = Scripted(story)
    assert write(again).reused and again.asked == []


def test_errors_alone_are_written_again_and_counted_as_missing(write: Any) -> None:
    def fail(request: ChatRequest) -> Completion:
        if "第3" in request.messages[-1].content:
            return Completion(error="the server is tired", tokens_in=9)
        return story(request)

    result = write(Scripted(fail))
    metrics = result.results["metrics"]
    assert (metrics["errors"], metrics["coverage"]) == (1, 7 / 8)
    assert len(stored(result.folder, "measures.jsonl")) == 7, "no number for a failure"
    model = Scripted(story)
    mended = write(model)
    assert [request.key for request in model.asked] == ["p3/0"]
    assert mended.results["metrics"]["errors"] == 0
    lines = [line for line in stored(mended.folder, "texts.jsonl") if line["prompt_id"] == "p3"]
    assert [line["attempt"] for line in lines] == [1, 2]


def test_max_errors_stops_the_run_and_keeps_what_came_back(write: Any) -> None:
    model = Scripted(lambda _: Completion(error="no"))
    with pytest.raises(HarnessError, match="--max_errors 2"):
        write(model, max_errors=2)


def test_the_order_of_the_answers_moves_no_number(write: Any) -> None:
    class Backwards(Scripted):
        def answer(self, requests: Any, sampling: Any, done: Any, notice: Any) -> None:
            super().answer(reversed(list(requests)), sampling, done, notice)

    forwards = write(Scripted(story)).results
    assert write(Backwards(story), fresh=True).results == forwards


def test_a_limit_takes_a_sample_by_seed(write: Any) -> None:
    model = Scripted(story)
    result = write(model, limit=3)
    assert len(model.asked) == 3 and result.results["data"]["left_out"] == 5


def test_a_genre_is_taken_alone(write: Any) -> None:
    model = Scripted(story)
    write(model, genres=("Poetry",))
    assert [request.key for request in model.asked] == ["p0/0", "p4/0"]


@pytest.mark.parametrize("model", ["baseline:length", "likelihood:x"])
def test_a_model_that_does_not_write_is_refused(model: str, tmp_path: Path, request: Any) -> None:
    if model.startswith("likelihood"):
        model = f"likelihood:{request.getfixturevalue('tmp_path') / 'none'}"
    with pytest.raises(HarnessError):
        runner.run(
            RunRequest(tasks=("demo_writing_zh",), model=model, output_path=tmp_path / "out")
        )


def test_each_model_of_a_file_of_texts_is_a_run_of_its_own(tmp_path: Path) -> None:
    results = write_runs(tmp_path, texts(["甲", "乙"], 6), 6)
    assert [result.results["model"]["name"] for result in results] == ["甲", "乙"]
    assert {result.results["model"]["backend"] for result in results} == {"texts"}
    assert len({result.folder for result in results}) == 2
    assert results[0].results["asked"] is None


def test_a_models_folder_does_not_move_when_another_joins_the_file(tmp_path: Path) -> None:
    rows = texts(["甲", "乙"], 6)
    [alone] = write_runs(tmp_path, [row for row in rows if row["model"] == "甲"], 6)
    both = {one.results["model"]["name"]: one for one in write_runs(tmp_path, rows[::-1], 6)}
    assert both["甲"].folder == alone.folder and both["甲"].reused


def test_a_prompt_without_a_text_is_an_error_and_no_zero(tmp_path: Path) -> None:
    rows = [row for row in texts(["甲"], 6) if row["prompt_id"] != "p2"]
    [result] = write_runs(tmp_path, rows, 6)
    metrics = result.results["metrics"]
    assert (metrics["n"], metrics["texts"], metrics["errors"]) == (6, 5, 1)
    [again] = write_runs(tmp_path, rows, 6)
    assert again.reused, "nobody can mend it"


def test_texts_for_other_prompts_alone_are_refused(tmp_path: Path) -> None:
    rows = [row | {"prompt_id": "elsewhere"} for row in texts(["甲"], 1)]
    with pytest.raises(DataError, match="prompt_id"):
        write_runs(tmp_path, rows, 4)


def test_scores_of_texts_reach_the_measures(tmp_path: Path) -> None:
    rows = [row | {"score": place} for place, row in enumerate(texts(["甲"], 4))]
    [result] = write_runs(tmp_path, rows, 4)
    assert [line["score"] for line in stored(result.folder, "measures.jsonl")] == [0, 1, 2, 3]


def test_texts_judge_no_pairs(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "t.jsonl", texts(["甲"], 1))
    with pytest.raises(UsageError, match="only writes"):
        runner.run(RunRequest(tasks=("demo_zh",), model=f"texts:{file}", output_path=tmp_path))


def test_the_tokenizer_is_part_of_the_identity_and_of_the_result(tmp_path: Path) -> None:
    from harness.models.base import ModelSettings

    pytest.importorskip("rjieba", reason="needs the fast extra")
    [one] = write_runs(tmp_path, texts(["甲"], 3), 3)
    [other] = write_runs(tmp_path, texts(["甲"], 3), 3, settings=ModelSettings(segmenter="rjieba"))
    assert one.folder != other.folder
    assert one.results["tokenizer"]["zh"].startswith("jieba ")
    assert other.results["tokenizer"]["zh"].startswith("rjieba ")


def test_odd_texts_are_measured_and_none_ends_the_run(tmp_path: Path) -> None:
    odd = ["", "雨", "……！？——", "😂🎉👍🏽", "Rain 下雨 дождь", "這是一個傳統的漢字文本，語言豐富。",
           "春" * 100_000, "a\0b\0", "雨 " * 3000, " \n\t ", "```python\nprint(1)\n```"]  # fmt: skip
    rows = [{"prompt_id": f"p{place}", "response": text} for place, text in enumerate(odd)]
    [result] = write_runs(tmp_path, rows, len(odd))
    measured = {line["prompt_id"]: line for line in stored(result.folder, "measures.jsonl")}
    assert len(measured) == len(odd)
    assert measured["p0"]["empty"] and measured["p9"]["empty"]
    assert measured["p0"]["ttr"] is None and measured["p2"]["ttr"] is None
    assert measured["p5"]["written_in"] == "zh"
    assert measured["p6"]["runaway"] and measured["p8"]["runaway"]
    assert measured["p6"]["chars"] == 100_000
    assert [line["text"] for line in stored(result.folder, "texts.jsonl")] == odd
    assert "NaN" not in (result.folder / "results.json").read_text(encoding="utf-8")
