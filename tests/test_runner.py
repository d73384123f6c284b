"""Runs as users make them: reuse, resume after SIGKILL, two at once, settings that matter or not."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rows import rows, write_rows

from harness.errors import DataError, HarnessError, RunBusy, UsageError
from harness.models.base import ModelSettings
from harness.progress import Silent
from harness.request import RunRequest
from harness.runner import run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "pairs.json", rows(40))


def go(data: Path, out: Path, model: str = "baseline:length", **changes: Any) -> Any:
    request = RunRequest(
        tasks=("wpb_zh",), model=model, data={"wpb_zh": data}, output_path=out, **changes
    )
    [result] = run(request)
    return result


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(folder, name).splitlines()]


def test_a_run_folder_holds_what_the_contract_names(data: Path, tmp_path: Path) -> None:
    folder = go(data, tmp_path / "out").folder
    names = {path.name for path in folder.iterdir()} - {".lock"}
    assert names == {
        "manifest.json",
        "pairs.jsonl",
        "scores.jsonl",
        "verdicts.jsonl",
        "results.json",
        "report.md",
    }
    assert folder.parent.name == "wpb_zh"
    assert folder.name.startswith("baseline-length-")
    assert set(lines(folder, "scores.jsonl")[0]) == {"id", "score", "n_tokens", "truncated", "raw"}
    assert set(lines(folder, "verdicts.jsonl")[0]) == {
        "pair_id", "prompt_id", "tag", "genre", "language", "order", "outcome", "margin", "raw",
        "reason", "repeat", "attempt", "finish_reason", "tokens_in", "tokens_out", "truncated",
        "reasoning", "tokens_reasoning",
    }  # fmt: skip
    results = json.loads(read(folder, "results.json"))
    assert {
        "schema",
        "task",
        "kind",
        "language",
        "model",
        "judge",
        "data",
        "metrics",
        "genres",
        "tags",
    } <= set(results)
    assert str(tmp_path) not in read(folder, "results.json") + read(folder, "report.md")
    assert results["data"]["replaced"] is True
    assert "NaN" not in read(folder, "results.json")


def test_the_same_command_reuses_a_finished_run(data: Path, tmp_path: Path) -> None:
    first = go(data, tmp_path / "out")
    before = read(first.folder, "scores.jsonl")
    second = go(data, tmp_path / "out")
    assert second.reused and not first.reused
    assert second.folder == first.folder
    assert second.results == first.results
    assert read(first.folder, "scores.jsonl") == before


def test_fresh_starts_over(data: Path, tmp_path: Path) -> None:
    first = go(data, tmp_path / "out")
    assert not go(data, tmp_path / "out", fresh=True).reused
    assert len(lines(first.folder, "verdicts.jsonl")) == 40


@pytest.mark.parametrize(
    "changes",
    [
        {"limit": 10},
        {"genres": ("Poetry",)},
        {"genre_map": "tag"},
        {"settings": ModelSettings(seed=5), "model": "baseline:random"},
    ],
)
def test_what_changes_a_number_changes_the_folder(data: Path, tmp_path: Path, changes: Any) -> None:
    model = changes.get("model", "baseline:length")
    plain = go(data, tmp_path / "out", model=model)
    assert go(data, tmp_path / "out", **{"model": model, **changes}).folder != plain.folder


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": ModelSettings(batch_size=3)},
        {"settings": ModelSettings(max_batch_tokens=7, num_concurrent=2)},
        {"max_errors": 9},
    ],
)
def test_what_changes_no_number_keeps_the_folder(data: Path, tmp_path: Path, changes: Any) -> None:
    plain = go(data, tmp_path / "out")
    assert go(data, tmp_path / "out", **changes).folder == plain.folder


def test_the_file_of_another_name_with_the_same_rows_is_the_same_run(
    data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "copy.json"
    other.write_bytes(data.read_bytes())
    assert go(other, tmp_path / "out").folder == go(data, tmp_path / "out").folder


def test_a_limit_is_a_sample_that_does_not_follow_the_order_of_the_file(tmp_path: Path) -> None:
    records = rows(40)
    straight = go(write_rows(tmp_path / "a.json", records), tmp_path / "out", limit=8)
    reverse = go(write_rows(tmp_path / "b.json", records[::-1]), tmp_path / "out", limit=0.2)
    ids = [
        {line["pair_id"] for line in lines(r.folder, "verdicts.jsonl")} for r in (straight, reverse)
    ]
    assert ids[0] == ids[1]
    assert straight.results["metrics"] == reverse.results["metrics"]


def test_results_do_not_depend_on_the_order_of_the_rows(tmp_path: Path) -> None:
    records = rows(60)
    one = go(write_rows(tmp_path / "a.json", records), tmp_path / "out", model="baseline:random")
    two = go(
        write_rows(tmp_path / "b.json", records[::-1]), tmp_path / "out", model="baseline:random"
    )
    for key in ("accuracy", "wilson95", "macro_accuracy", "genre_std", "ties"):
        assert one.results["metrics"][key] == two.results["metrics"][key]


def test_a_torn_last_line_is_dropped_and_done_again(data: Path, tmp_path: Path) -> None:
    whole = go(data, tmp_path / "out")
    expected = read(whole.folder, "results.json")
    manifest = json.loads(read(whole.folder, "manifest.json")) | {"status": "running"}
    (whole.folder / "manifest.json").write_text(json.dumps(manifest))
    (whole.folder / "results.json").unlink()
    for name in ("scores.jsonl", "verdicts.jsonl"):
        text = read(whole.folder, name)
        (whole.folder / name).write_text(text[: text.index("\n", len(text) // 2) + 9])
    notices: list[str] = []

    class Listener(Silent):
        def notice(self, message: str) -> None:
            notices.append(message)

    run(
        RunRequest(
            tasks=("wpb_zh",),
            model="baseline:length",
            data={"wpb_zh": data},
            output_path=tmp_path / "out",
        ),
        Listener(),
    )
    assert read(whole.folder, "results.json") == expected
    assert sum("torn last line" in notice for notice in notices) == 2
    assert len(lines(whole.folder, "verdicts.jsonl")) == 40


def test_a_damaged_line_in_the_middle_is_refused(data: Path, tmp_path: Path) -> None:
    folder = go(data, tmp_path / "out").folder
    text = read(folder, "verdicts.jsonl").splitlines()
    text[3] = "{oops"
    (folder / "verdicts.jsonl").write_text("\n".join(text) + "\n")
    with pytest.raises(DataError, match=r"line 4.*--fresh"):
        go(data, tmp_path / "out")


def test_a_second_run_of_the_same_folder_says_so_and_stops(data: Path, tmp_path: Path) -> None:
    folder = go(data, tmp_path / "out").folder
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunBusy, match="another run holds"):
            go(data, tmp_path / "out")


def test_a_refused_second_run_takes_nothing_from_the_first(data: Path, tmp_path: Path) -> None:
    folder = go(data, tmp_path / "out").folder
    for name in ("scores.jsonl", "verdicts.jsonl", "results.json"):
        (folder / name).unlink()  # the first has only begun
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunBusy):
            go(data, tmp_path / "out")
    assert (folder / "manifest.json").is_file()
    assert (folder / "pairs.jsonl").is_file()


def test_a_run_begun_on_another_device_is_refused(data: Path, tmp_path: Path) -> None:
    folder = go(data, tmp_path / "out").folder
    manifest = json.loads(read(folder, "manifest.json")) | {"device": "cuda"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(HarnessError, match="begun on cuda"):
        go(data, tmp_path / "out")
    assert not go(data, tmp_path / "out", fresh=True).reused


def test_errors_are_tried_again_and_the_last_line_counts(data: Path, tmp_path: Path) -> None:
    good = go(data, tmp_path / "out")
    expected = good.results["metrics"]
    folder = good.folder
    scores, verdicts = lines(folder, "scores.jsonl"), lines(folder, "verdicts.jsonl")
    pairs = {line["pair_id"]: line for line in lines(folder, "pairs.jsonl")}
    broken = verdicts[7]
    lost = pairs[broken["pair_id"]]["chosen_id"]
    for line in scores:
        if line["id"] == lost:
            line["score"] = None
    broken |= {"outcome": "error", "margin": None, "reason": "no finite score for chosen"}
    for name, content in (("scores.jsonl", scores), ("verdicts.jsonl", verdicts)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in content))
    again = go(data, tmp_path / "out")
    assert not again.reused
    assert again.results["metrics"] == expected
    assert len(lines(folder, "scores.jsonl")) == len(scores) + 1
    added = lines(folder, "verdicts.jsonl")[-1]
    assert (added["pair_id"], added["attempt"]) == (broken["pair_id"], 2)
    assert len(lines(folder, "verdicts.jsonl")) == 41


def test_baseline_first_is_right_half_the_time_and_always_picks_the_first(
    data: Path, tmp_path: Path
) -> None:
    metrics = go(data, tmp_path / "out", model="baseline:first").results["metrics"]
    assert metrics["accuracy"] == 0.5
    assert metrics["first_pick_rate"] == 1.0
    assert metrics["consistency"] == 0.0
    assert metrics["accuracy_both"] == 0.0


def test_seeded_orders_show_one_order_a_pair(data: Path, tmp_path: Path) -> None:
    result = go(data, tmp_path / "out", model="baseline:first", orders="seeded")
    found = lines(result.folder, "verdicts.jsonl")
    assert len(found) == 40
    assert {line["order"] for line in found} == {"chosen_first", "rejected_first"}
    assert result.results["metrics"]["first_pick_rate"] is None


def test_unknown_names_are_answered_with_the_nearest(data: Path, tmp_path: Path) -> None:
    for request, message in (
        (RunRequest(tasks=("wpb_zn",), model="baseline:length"), "did you mean 'wpb_zh'"),
        (
            RunRequest(tasks=("wpb_zh",), model="baseline:lenght", data={"wpb_zh": data}),
            "did you mean 'length'",
        ),
        (
            RunRequest(tasks=("wpb_zh",), model="basline:length", data={"wpb_zh": data}),
            "did you mean 'baseline'",
        ),
        (RunRequest(tasks=("wpb_zh",), model="baseline:length", data={"wpb_en": data}), "--data"),
        (
            RunRequest(tasks=("wpb_zh",), model="x", data={"wpb_zh": data}, genres=("Poetri",)),
            "did you mean 'Poetry'",
        ),
    ):
        with pytest.raises(UsageError, match=message):
            run(request)


def test_an_unwritable_folder_is_one_message(data: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(HarnessError, match="cannot write"):
        go(data, blocked / "out")


def test_a_full_disk_is_one_message_and_the_run_resumes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.store import RunFolder

    append = RunFolder._append

    def full(self: RunFolder, name: str, records: Any) -> None:
        if name == "verdicts.jsonl":
            from harness.store import writing

            with writing(self.path / name):
                raise OSError(28, "No space left on device")
        append(self, name, records)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "_append", full)
        with pytest.raises(HarnessError, match="No space left"):
            go(data, tmp_path / "out")
    assert go(data, tmp_path / "out").results["data"]["n"] == 40


def test_a_killed_run_resumes_to_the_same_results(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the hf extra")
    from tiny import byte_tokenizer, tiny_model

    model = tmp_path / "model"
    tiny_model("qwen2", hidden_size=256, intermediate_size=512).save_pretrained(model)
    byte_tokenizer().save_pretrained(model)
    data = write_rows(tmp_path / "pairs.json", rows(60, words=60))

    def command(out: str) -> list[str]:
        return [
            sys.executable, "-m", "harness", "run", "--tasks", "wpb_zh", "--data", f"wpb_zh={data}",
            "--model", str(model), "--max_batch_tokens", "64", "--output_path", str(tmp_path / out),
        ]  # fmt: skip

    subprocess.run(command("unbroken"), check=True, capture_output=True)
    [unbroken] = (tmp_path / "unbroken" / "wpb_zh").iterdir()
    scored: list[str] = []
    for kill_after in (1, 30, 80):
        process = subprocess.Popen(
            command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None:
            found = list((tmp_path / "killed").glob("wpb_zh/*/scores.jsonl"))
            if found and len(found[0].read_text().splitlines()) >= kill_after:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        process.wait()
        [killed] = (tmp_path / "killed" / "wpb_zh").iterdir()
        now = (killed / "scores.jsonl").read_text()
        whole = now[: now.rfind("\n") + 1].splitlines()
        assert whole[: len(scored)] == scored  # nothing on disk was scored again
        scored = whole
    assert not (killed / "results.json").exists() or len(scored) >= 80
    subprocess.run(command("killed"), check=True, capture_output=True)
    assert read(killed, "results.json") == read(unbroken, "results.json")
    ids = [line["id"] for line in lines(killed, "scores.jsonl")]
    assert len(ids) == len(set(ids)) == 120
    assert os.environ.get("HOME") is None or os.environ["HOME"] not in read(killed, "results.json")
