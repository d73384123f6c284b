"""Judging as a job: what is asked, what an answer comes to, what a second command asks again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rows import rows, write_rows
from scripted import Scripted, says

from harness import executors, runner
from harness.errors import HarnessError, UsageError
from harness.models.base import ChatRequest, Completion, ModelSettings
from harness.request import RunRequest

PAIRS = rows(12)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "pairs.json", PAIRS)


@pytest.fixture
def go(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def call(model: Scripted, *, judge: str | None = None, **changes: Any) -> Any:
        monkeypatch.setattr(executors, "open_model", lambda *_: model)
        request = RunRequest(
            tasks=("wpb_zh",),
            model="openai:scripted",
            settings=ModelSettings(judge=judge),
            data={"wpb_zh": data},
            output_path=tmp_path / "out",
            **changes,
        )
        [result] = runner.run(request)
        return result

    return call


def verdicts(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "verdicts.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_both_orders_of_every_pair_are_asked_once(go: Any) -> None:
    model = Scripted(says("[[A]]"))
    found = verdicts(go(model).folder)
    assert len(found) == len(model.asked) == 2 * len(PAIRS)
    assert len({(v["pair_id"], v["order"], v["repeat"]) for v in found}) == 2 * len(PAIRS)
    assert len({request.key for request in model.asked}) == 2 * len(PAIRS)


def test_a_judge_that_always_says_a_is_half_right_and_never_consistent(go: Any) -> None:
    metrics = go(Scripted(says("Both are fine. [[A]]"))).results["metrics"]
    assert metrics["first_pick_rate"] == 1.0
    assert metrics["consistency"] == 0.0
    assert metrics["accuracy"] == metrics["accuracy_half"] == 0.5
    assert metrics["accuracy_both"] == 0.0


def test_the_text_shown_first_is_the_chosen_one_in_one_order_and_not_in_the_other(go: Any) -> None:
    model = Scripted(says("[[A]]"))
    by_key = {f"{v['pair_id']}/{v['order']}/0": v["outcome"] for v in verdicts(go(model).folder)}
    chosen = {row["chosen"]["response"] for row in PAIRS}
    for request in model.asked:
        shown = request.messages[-1].content
        places = {text: shown.find(text) for text in chosen if text in shown}
        [text] = places
        rejected = next(r["rejected"]["response"] for r in PAIRS if r["chosen"]["response"] == text)
        first = shown.find(text) < shown.find(rejected)
        assert by_key[request.key] == ("chosen" if first else "rejected")


def test_one_seeded_order_leaves_the_order_numbers_null(go: Any) -> None:
    result = go(Scripted(says("[[A]]")), orders="seeded")
    assert len(verdicts(result.folder)) == len(PAIRS)
    metrics = result.results["metrics"]
    assert metrics["first_pick_rate"] is metrics["consistency"] is metrics["accuracy_both"] is None


def test_what_cannot_be_read_is_unparsed_and_what_failed_is_an_error(go: Any) -> None:
    def reply(request: ChatRequest) -> Completion:
        if request.seed % 3 == 0:
            return Completion(error="503 and 5 retries")
        return Completion(
            "I like both." if request.seed % 3 == 1 else "[[B]]", finish_reason="stop"
        )

    result = go(Scripted(reply))
    found = verdicts(result.folder)
    errors = [v for v in found if v["outcome"] == "error"]
    unparsed = [v for v in found if v["outcome"] == "unparsed"]
    assert errors and unparsed
    assert all(v["raw"] is None and v["reason"] == "503 and 5 retries" for v in errors)
    assert all(v["raw"] == "I like both." and v["reason"] for v in unparsed)
    metrics = result.results["metrics"]
    assert (metrics["errors"], metrics["unparsed"]) == (len(errors), len(unparsed))
    assert metrics["coverage"] == pytest.approx(1 - (len(errors) + len(unparsed)) / len(found))
    low, high = metrics["bounds"]
    assert low == metrics["accuracy"]
    assert high == pytest.approx(low + (len(errors) + len(unparsed)) / len(found))


def test_only_errors_are_asked_again_and_the_last_line_counts(go: Any) -> None:
    failing = go(
        Scripted(
            lambda request: (
                Completion(error="down")
                if request.seed % 4 == 0
                else Completion("[[A]]", finish_reason="stop")
            )
        )
    )
    errors = {
        (v["pair_id"], v["order"]) for v in verdicts(failing.folder) if v["outcome"] == "error"
    }
    healed = Scripted(says("[[A]]"))
    again = go(healed)
    assert {tuple(request.key.split("/")[:2]) for request in healed.asked} == errors
    lines = verdicts(again.folder)
    assert len(lines) == 2 * len(PAIRS) + len(errors)
    assert all(line["attempt"] == 2 for line in lines[2 * len(PAIRS) :])
    assert again.results["metrics"]["errors"] == 0
    untouched = Scripted(says("[[B]]"))
    assert go(untouched).reused and untouched.asked == []


def test_an_interrupted_run_asks_for_what_is_missing_alone(go: Any) -> None:
    answered = 0

    def reply(request: ChatRequest) -> Completion:
        nonlocal answered
        if answered == 5:
            raise KeyboardInterrupt
        answered += 1
        return Completion("[[A]]", finish_reason="stop")

    with pytest.raises(KeyboardInterrupt):
        go(Scripted(reply))
    rest = Scripted(says("[[A]]"))
    result = go(rest)
    assert len(rest.asked) == 2 * len(PAIRS) - 5
    assert result.results == go(Scripted(says("[[A]]")), fresh=True).results


def test_max_errors_stops_the_run_and_keeps_what_there_is(go: Any) -> None:
    model = Scripted(lambda _: Completion(error="no such route"))
    with pytest.raises(HarnessError, match=r"3 calls failed for good \(the last: no such route\)"):
        go(model, max_errors=3)
    assert len(model.asked) == 3


def test_thoughts_are_kept_apart_and_never_read(go: Any) -> None:
    result = go(Scripted(says("", reasoning="surely [[A]]", tokens_reasoning=2)))
    found = verdicts(result.folder)
    assert {v["outcome"] for v in found} == {"unparsed"}
    assert {v["reasoning"] for v in found} == {"surely [[A]]"}
    assert result.manifest["counts"]["tokens_reasoning"] == 2 * 2 * len(PAIRS)


def test_tokens_of_failed_and_repeated_calls_are_all_counted(go: Any) -> None:
    go(
        Scripted(
            lambda r: Completion(error="down", tokens_in=5) if r.seed % 2 else says("[[A]]")(r)
        )
    )
    result = go(Scripted(says("[[A]]")))
    lines = verdicts(result.folder)
    counts = result.manifest["counts"]
    assert counts["tokens_in"] == sum(v["tokens_in"] for v in lines)
    assert counts["tokens_out"] == sum(v["tokens_out"] or 0 for v in lines)
    assert counts["calls"] == len(lines)


def test_gen_kwargs_overrule_the_file_and_name_another_folder(go: Any) -> None:
    model = Scripted(says("[[A]]"))
    warm = go(model, gen_kwargs="temperature=0.5,max_gen_toks=64")
    assert model.sampling is not None
    assert (model.sampling.temperature, model.sampling.max_tokens) == (0.5, 64)
    assert warm.folder != go(Scripted(says("[[A]]"))).folder
    with pytest.raises(UsageError, match="did you mean 'temperature'"):
        go(model, gen_kwargs="temprature=1")


def test_a_rubric_rates_every_text_once_and_equal_ratings_tie(go: Any) -> None:
    lengths = {
        r[s]["response"]: len(r[s]["response"]) for r in PAIRS for s in ("chosen", "rejected")
    }

    def reply(request: ChatRequest) -> Completion:
        shown = request.messages[-1].content
        [text] = [text for text in lengths if text in shown]
        return Completion(f"Score: {min(3, lengths[text] // 60)}", finish_reason="stop")

    model = Scripted(reply)
    result = go(model, judge="rubric")
    assert len(model.asked) == len(lengths)
    expected = []
    for row in PAIRS:
        a, b = (min(3, lengths[row[s]["response"]] // 60) for s in ("chosen", "rejected"))
        expected.append("chosen" if a > b else "rejected" if a < b else "tie")
    found = verdicts(result.folder)
    assert [v["outcome"] for v in found] == expected
    assert "tie" in expected and {v["order"] for v in found} == {None}
    assert result.results["metrics"]["ties"] == expected.count("tie")


def test_a_rating_that_cannot_be_read_spoils_its_pairs_alone(go: Any) -> None:
    target = PAIRS[0]["chosen"]["response"]

    def reply(request: ChatRequest) -> Completion:
        if target in request.messages[-1].content:
            return Completion("Seven out of ten: 7", finish_reason="stop")
        return Completion("2", finish_reason="stop")

    found = verdicts(go(Scripted(reply), judge="rubric").folder)
    assert [v["outcome"] for v in found] == ["unparsed"] + ["tie"] * (len(PAIRS) - 1)
    assert "7" in found[0]["reason"]


def test_repeats_have_seeds_of_their_own(go: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "kind: pairwise\nname: mine\n"
        "prompts: {zh: {user: '{{ prompt }} | {{ text_a }} | {{ text_b }}'}}\n"
        "verdict: {parser: last_label, a: '[[A]]', b: '[[B]]'}\n"
        "sampling: {temperature: 1}\nrepeats: 3\n",
        encoding="utf-8",
    )
    model = Scripted(says("[[A]]"))
    result = go(model, judge=str(file))
    assert len(model.asked) == len({r.seed for r in model.asked}) == 6 * len(PAIRS)
    assert {v["repeat"] for v in verdicts(result.folder)} == {0, 1, 2}


def test_a_judge_without_the_language_of_the_task_is_refused(go: Any, tmp_path: Path) -> None:
    file = tmp_path / "english.yaml"
    file.write_text(
        "kind: pairwise\nname: english\n"
        "prompts: {en: {user: '{{ prompt }} | {{ text_a }} | {{ text_b }}'}}\n"
        "verdict: {parser: last_label, a: '[[A]]', b: '[[B]]'}\n",
        encoding="utf-8",
    )
    model = Scripted(says("[[A]]"))
    with pytest.raises(UsageError, match=r"no prompt in 'zh' \(it has: en\)"):
        go(model, judge=str(file))
    assert model.asked == []


def test_further_rules_are_reported_beside_the_files_own(go: Any) -> None:
    answer = "<answer>[[A]]</answer> no: <answer>[[B]]</answer>"
    results = go(Scripted(says(answer)), judge="rm_r1").results
    assert results["metrics"]["coverage"] == 1.0
    assert results["metrics"]["first_pick_rate"] == 0.0
    assert set(results["rules"]) == {"only_label", "tail_label"}
    assert results["rules"]["only_label"]["coverage"] == 0.0


def test_the_dry_run_counts_calls_and_asks_nobody(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scripted(says("[[A]]"))
    monkeypatch.setattr(executors, "open_model", lambda *_: model)
    prices = tmp_path / "prices.yaml"
    prices.write_text("kind: prices\nmodels: {scripted: {input: 1000000, output: 0}}\n")
    request = RunRequest(
        tasks=("wpb_zh",),
        model="openai:scripted",
        data={"wpb_zh": data},
        price_file=prices,
        output_path=tmp_path / "out",
    )
    [line] = runner.dry_run(request)
    assert f"{2 * len(PAIRS)} calls by pairwise" in line
    tokens = int(line.partition("about ")[2].split(" ")[0].replace(",", ""))
    assert f"USD {tokens:,.2f}" in line
    assert model.asked == [] and not (tmp_path / "out").exists()
