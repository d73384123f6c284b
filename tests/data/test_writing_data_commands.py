"""`harness data` and `harness validate` for writing tasks, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
Rows = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


pytestmark = pytest.mark.usefixtures("no_hub")


def test_stats_of_a_writing_task_are_about_its_prompts(run_harness: Run, file: Path) -> None:
    command = ("data", "stats", "coig_writer_zh", "--data", f"coig_writer_zh={file}")
    code, out, err = run_harness(*command)
    assert code == 0
    for part in ("coig_writer_zh (zh): pairs.json, replaced", "2 rows read as wpb", "诗歌 1"):
        assert part in out
    assert "chosen" not in out and "(prompts: 1), 'Odd' 1" in err
    said = json.loads(run_harness(*command, "--format", "json")[1])["coig_writer_zh"]
    assert (said["kind"], said["reader"], said["prompts"]) == ("writing", "wpb", 2)
    assert said["prompt_length"]["mean"] == len("write 1")
    assert said["tags_by_genre"] == {"Other": {"Odd": 1}, "Poetry": {"诗歌": 1}}


def test_stats_count_the_prompts_that_are_too_short(run_harness: Run, write_rows: Write) -> None:
    rows = [{"prompt_id": i, "prompt": text} for i, text in enumerate(("/", "/", "写一首诗。"))]
    flags = ("--data", f"coig_writer_zh={write_rows(rows)}", "--format", "json")
    code, out, err = run_harness("data", "stats", "coig_writer_zh", *flags)
    said = json.loads(out)["coig_writer_zh"]
    assert (code, said["prompts"], said["short_prompts"], said["rows"]) == (0, 1, 1, 3)
    assert "prompts under 5 characters (such as '/') are left out: 1 (rows: 2)" in err


def test_bad_rows_of_prompts_fail_and_can_be_left_out(run_harness: Run, write_rows: Write) -> None:
    file = write_rows([{"prompt_id": 1, "prompt": "写一首诗。"}, {"prompt_id": 2, "prompt": 3}])
    command = ("data", "stats", "coig_writer_zh", "--data", f"coig_writer_zh={file}")
    code, out, err = run_harness(*command)
    assert (code, out) == (1, "")
    assert "row 2: field prompt: must be a string, not a number" in err
    code, out, err = run_harness(*command, "--bad_rows", "drop")
    assert (code, "coig_writer_zh: left out: row 2: field prompt" in err) == (0, True)


def test_one_command_takes_tasks_of_both_kinds(run_harness: Run) -> None:
    code, out, _ = run_harness("data", "stats", "demo_writing,demo_zh", "--format", "json")
    said = json.loads(out)
    assert code == 0
    assert {name: one["kind"] for name, one in said.items()} == {
        "demo_writing_zh": "writing",
        "demo_writing_en": "writing",
        "demo_zh": "preference",
    }
    code, out, _ = run_harness("data", "verify", "demo_writing", "demo_zh")
    assert (code, out.count("ok, 64 rows, rows as pinned")) == (0, 3)


def test_the_prompts_of_a_writing_task_are_fetched_as_pairs_are(run_harness: Run) -> None:
    code, out, err = run_harness("data", "fetch", "coig_writer_en")
    assert (code, out) == (1, "")
    assert "WP_bench_english.json" in err and "--data coig_writer_en=FILE" in err
    code, out, _ = run_harness("data", "verify", "coig_writer")
    assert (code, out.count("not fetched yet; harness data fetch coig_writer_")) == (1, 2)


def test_validate_checks_writing_tasks_and_groups_of_them(run_harness: Run, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "kind: writing\nname: t\nlanguage: zh\nmetrics: [accuracy, lenght]\n"
        "source: {reader: prompts, file: nope.jsonl}\ngenres: nomap\n"
    )
    (tmp_path / "v.yaml").write_text("kind: group\nname: v\ntasks: [demo_writing_zh, demo_zh]\n")
    code, out, _ = run_harness("validate", "t", "v", "--include_path", tmp_path)
    assert code == 1
    for part in (
        "t.yaml: field metrics.0: unknown metric 'accuracy'",
        "t.yaml: field metrics.1: unknown metric 'lenght': did you mean 'length'?",
        "t.yaml: field genres: unknown genre map 'nomap'",
        "t.yaml: field source.file: t: no file nope.jsonl",
        "v.yaml: ok",
    ):
        assert part in out
