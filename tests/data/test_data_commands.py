"""`harness data`, `harness ls` and `harness validate` as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.bundled import bundled_dir
from harness.metrics.preference import METRICS
from harness.metrics.writing import WRITING_METRICS
from harness.models import MODELS
from harness.training.recipe import known_recipes

Run = Callable[..., tuple[int, str, str]]
Rows = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


pytestmark = pytest.mark.usefixtures("no_hub")


def test_stats_prints_tables_on_stdout_and_notices_on_stderr(run_harness: Run, file: Path) -> None:
    code, out, err = run_harness("data", "stats", "wpb_zh", "--data", f"wpb_zh={file}")
    assert code == 0
    for part in ("wpb_zh (zh): pairs.json, replaced by --data", "clusters", "诗歌 1", "Odd 1"):
        assert part in out
    assert "count as Other" in err


def test_stats_fit_a_narrow_pipe(run_harness: Run, file: Path) -> None:
    _, out, _ = run_harness("data", "stats", "wpb_zh", "--data", f"wpb_zh={file}")
    assert max(len(line) for line in out.splitlines()) <= 100
    assert "\x1b" not in out


def test_stats_as_json_hold_the_same_numbers(run_harness: Run, file: Path) -> None:
    flags = ("--data", f"wpb_zh={file}", "--format", "json", "--genre-map", "tag")
    code, out, _ = run_harness("data", "stats", "wpb_zh", *flags)
    said = json.loads(out)["wpb_zh"]
    assert code == 0
    assert (said["pairs"], said["clusters"], said["replaced"]) == (2, 2, True)
    assert said["tags_by_genre"] == {"Odd": {"Odd": 1}, "诗歌": {"诗歌": 1}}


def test_a_group_stands_for_its_tasks(run_harness: Run, file: Path) -> None:
    flags = ("--data", f"wpb_zh={file}", "--data", f"wpb_en={file}", "--format", "json")
    code, out, _ = run_harness("data", "stats", "wpb", *flags)
    assert (code, list(json.loads(out))) == (0, ["wpb_zh", "wpb_en"])


def test_bad_rows_fail_and_can_be_left_out(
    run_harness: Run, make_row: Rows, write_rows: Write
) -> None:
    file = write_rows([make_row(1), make_row(2, tag=None)])
    command = ("data", "stats", "wpb_zh", "--data", f"wpb_zh={file}")
    code, out, err = run_harness(*command)
    assert (code, out) == (1, "")
    assert "row 2: field tag" in err
    code, out, err = run_harness(*command, "--bad-rows", "drop")
    assert code == 0
    assert "of 2 rows, 1 left out" in out
    assert "wpb_zh: left out: row 2: field tag" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stats", "wpb_z"), "did you mean"),
        (("stat", "wpb_zh"), "did you mean 'stats'"),
        (("stats", "wpb_zh", "--data", "wpb_zh=/nope"), "--data wpb_zh=/nope: no such file"),
        (("stats", "wpb_zh", "--data", "wpb_en=/dev/null"), "--data: unknown task"),
        (("stats", "wpb_zh", "--genre_map", "nope"), "unknown genre map 'nope'"),
        (("stats", "wpb_zh", "--include_path", "/nope"), "--include_path /nope"),
        (("stats",), "Missing argument"),
    ],
)
def test_wrong_use_is_exit_2(run_harness: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run_harness("data", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_fetch_offline_fails_with_the_way_out(run_harness: Run) -> None:
    code, out, err = run_harness("data", "fetch", "wpb_zh")
    assert (code, out) == (1, "")
    assert "WP_bench_chinese.json" in err and "--data wpb_zh=FILE" in err


def test_verify_says_a_line_a_task_and_fails_where_one_is_missing(run_harness: Run) -> None:
    code, out, _ = run_harness("data", "verify", "wpb")
    assert code == 1
    assert [line.split(",")[0] for line in out.splitlines()] == [
        "wpb_zh: FAILED: not fetched yet; harness data fetch wpb_zh",
        "wpb_en: FAILED: not fetched yet; harness data fetch wpb_en",
    ]


def test_verify_names_both_sums(run_harness: Run, file: Path) -> None:
    code, out, _ = run_harness("data", "verify", "wpb_zh", "--data", f"wpb_zh={file}")
    assert (code, len(out.splitlines())) == (1, 1)
    assert "sha256 expected fd9c8faf" in out and "sha256 found" in out


def test_verify_passes_what_holds(
    run_harness: Run, make_row: Rows, write_rows: Write, tmp_path: Path
) -> None:
    write_rows([make_row()], "own.json")
    task = tmp_path / "own.yaml"
    task.write_text(
        "kind: preference\nname: own\nlanguage: zh\nmetrics: [accuracy]\n"
        "source: {reader: wpb, file: own.json, expect: 1}\ngenres: wpb_appendix_b\n"
    )
    code, out, _ = run_harness("data", "verify", task)
    assert (code, out.startswith("own: ok, 1 rows, rows as pinned")) == (0, True)
    code, out, _ = run_harness("data", "verify", "own", "--include_path", tmp_path)
    assert code == 0


def test_ls_lists_every_task_model_and_metric(run_harness: Run) -> None:
    code, out, _ = run_harness("ls")
    assert code == 0
    for section in ("tasks:", "genres:", "recipes:", "judges:", "models:", "metrics:"):
        assert section in out.splitlines()
    assert _names(run_harness("ls", "metrics")[1]) == list(METRICS)
    assert _names(run_harness("ls", "writing_metrics")[1]) == list(WRITING_METRICS)
    assert _names(run_harness("ls", "models")[1]) == list(MODELS)
    shipped = {path.stem for path in bundled_dir("tasks").glob("*.yaml")}
    assert set(_names(run_harness("ls", "tasks")[1])) == shipped
    listed = {
        section: set(_names(run_harness("ls", section)[1])) for section in ("judges", "recipes")
    }
    files = {path.stem for path in bundled_dir("judges").glob("*.yaml")}
    assert files - {"families"} == listed["judges"] | (listed["recipes"] - set(known_recipes()))
    assert not listed["judges"] & listed["recipes"]


def _names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()]


def test_ls_shows_ones_own_and_says_what_cannot_be_read(run_harness: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("kind: group\nname: mine\ntasks: [wpb_zh]\n")
    code, out, _ = run_harness("ls", "tasks", "--include-path", tmp_path)
    assert (code, "mine" in _names(out)) == (0, True)
    (tmp_path / "torn.yaml").write_text("kind: [\n")
    code, out, err = run_harness("ls", "tasks", "--include-path", tmp_path)
    assert (code, "mine" in _names(out), "torn.yaml" in err) == (2, True, True)


def test_everything_that_ships_is_valid(run_harness: Run) -> None:
    code, out, err = run_harness("validate")
    assert (code, err) == (0, "")
    assert all(line.endswith(": ok") for line in out.splitlines())
    assert "demo_reward" in out


def test_validate_lists_every_error_of_every_bad_file(run_harness: Run, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "kind: preference\nname: other\nlanguage: zh\nmetrics: [acuracy, accuracy]\n"
        "source: {reader: wpb, file: nope.json}\ngenres: nomap\n"
    )
    (tmp_path / "u.yaml").write_text("kind: group\nname: u\ntaks: [wpb_zh]\n")
    (tmp_path / "v.yaml").write_text("kind: group\nname: v\ntasks: [wpb_zz]\n")
    (tmp_path / "w.yaml").write_text("kind: genres\nname: w\ngenres: {A: [x y], B: [X-Y]}\n")
    code, out, err = run_harness("validate", "--include_path", tmp_path)
    assert (code, "files are bad" in err) == (1, True)
    for part in (
        "t.yaml: field metrics.0: unknown metric 'acuracy': did you mean 'accuracy'?",
        "t.yaml: field genres: unknown genre map 'nomap'",
        "t.yaml: field source.file: other: no file nope.json",
        "t.yaml: field name: must be 't'",
        "u.yaml: field tasks: Field required",
        "u.yaml: field taks: unknown key 'taks': did you mean 'tasks'?",
        "v.yaml: field tasks.0: unknown task 'wpb_zz'",
        "tag 'X-Y' stands in 'A' (there 'x y') and in 'B'",
    ):
        assert part in out
    assert "wpb_zh.yaml: ok" in out


def test_validate_takes_names_and_files(run_harness: Run, tmp_path: Path) -> None:
    assert run_harness("validate", "wpb_zh", "wpb_appendix_b")[0] == 0
    code, _, err = run_harness("validate", "wpb_zy")
    assert (code, "did you mean" in err) == (2, True)
    code, _, err = run_harness("validate", tmp_path / "nope.yaml")
    assert (code, "no such file" in err) == (2, True)
