"""A whole study in tiny sizes: the numbers of its report are those of its stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_study import ALL, read, tiny

from harness.study.run import StudyResult

TASKS = {"zh": "demo_writing_zh", "en": "demo_writing_en"}


def table(report: str, title: str) -> dict[str, list[str]]:
    """The rows of a table of report.md by their first cell, and its head by the name `model`."""
    lines = report.split(f"## {title}\n\n", 1)[1].split("\n\n", 1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: cells for first, *cells in (rows[0], *rows[2:])}


def test_every_stage_ran_once_and_the_report_stands_in_its_folder(
    whole: StudyResult, out: Path
) -> None:
    assert list(whole.ran) == ALL
    assert (whole.folder / "report.md").read_text(encoding="utf-8") == whole.report
    assert read(whole.folder / "results.json") == json.loads(json.dumps(whole.results))
    described = read(whole.folder / "study.json")
    assert [stage["name"] for stage in described["stages"]] == ALL
    assert {path.name for path in out.iterdir()} == {"arena", "runs", "study", "train"}


def test_the_table_of_mixtures_is_that_of_the_manifests(whole: StudyResult, out: Path) -> None:
    found = table(whole.report, "Mixtures")
    for file in out.glob("train/demo/*/manifest.json"):
        manifest = read(file)
        n = {name: one["n"] for name, one in manifest["mixture"]["sources"].items()}
        label = "mixed" if n["general_zh"] else "creative"
        row = dict(zip(found["model"], found[label], strict=True))
        assert [int(row[head]) for head in ("creative", "general zh", "general en")] == [
            n["creative"], n["general_zh"], n["general_en"],
        ]  # fmt: skip
        assert row["tokens an epoch"] == f"{manifest['tokens_per_epoch']:,}"
        assert row["1:k in rows"] == f"{manifest['mixture']['ratio_samples']:.1f}"
        assert row["loss, last"] == f"{manifest['last_loss']:.3f}"
        assert int(row["steps"]) == manifest["steps"] == 30
    assert [found[label][:3] for label in ("mixed", "creative")] == [
        ["6", "4", "4"],
        ["6", "0", "0"],
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_win_rates_are_counted_from_the_verdicts(
    whole: StudyResult, out: Path, language: str
) -> None:
    [file] = out.glob("arena/*/verdicts.jsonl")
    verdicts = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    points: dict[str, float] = {}
    for verdict in verdicts:
        if verdict["language"] == language:
            assert (verdict["run_a"], verdict["run_b"]) == ("creative", "mixed")
            place = points.setdefault(verdict["prompt_id"], 0.0)
            points[verdict["prompt_id"]] = place + {"a": 1, "b": -1}.get(verdict["outcome"], 0)
    wins = sum(1 if value > 0 else 0.5 if value == 0 else 0 for value in points.values())
    assert len(points) == 3
    found = table(whole.report, f"Win rates in {language} (ours)")
    assert found["creative"][0].startswith(f"{100 * wins / 3:.1f} [")
    assert found["mixed"][1].startswith(f"{100 - 100 * wins / 3:.1f} [")


@pytest.mark.parametrize("task", TASKS.values())
def test_lengths_and_faults_are_those_of_the_runs(whole: StudyResult, out: Path, task: str) -> None:
    for label in ("mixed", "creative"):
        [file] = out.glob(f"runs/{label}/{task}/*/results.json")
        metrics = read(file)["metrics"]
        lengths = table(whole.report, f"{task}: length")
        row = dict(zip(lengths["model"], lengths[label], strict=True))
        assert row["chars"] == f"{metrics['chars']:,.0f}" and row["texts"] == "3"
        faults = table(whole.report, f"{task}: what went wrong")
        row = dict(zip(faults["model"], faults[label], strict=True))
        assert row["wrong language %"] == f"{100 * metrics['wrong_language']:.1f}"
        assert int(row["cut off"]) == metrics["truncated"]


def test_the_gap_is_the_difference_of_the_two_tables(whole: StudyResult) -> None:
    rate = {
        language: table(whole.report, f"Win rates in {language} (ours)")["mixed"][1]
        for language in TASKS
    }
    row = table(whole.report, "The gap between the languages")["mixed"]
    zh, en = (float(rate[language].split(" ")[0]) for language in ("zh", "en"))
    assert [float(cell) for cell in row[:2]] == [zh, en]
    assert float(row[2]) == pytest.approx(zh - en, abs=0.11)


def test_the_opening_says_how_it_was_done_and_names_no_folder(
    whole: StudyResult, out: Path
) -> None:
    opening = whole.report.split("## Mixtures")[0]
    assert opening.startswith("# Study demo\n")
    assert "judged by m, not by people" in opening or "judged by openai:m" in opening
    assert "creative is demo with data.general_zh.n=0" in opening
    assert "paper" not in opening, "nobody published anything of the demo"
    assert str(out) not in whole.report


def test_people_judge_in_place_of_a_model(whole: StudyResult, out: Path, tmp_path: Path) -> None:
    prompts = {"zh": "请写一写第{}个雨夜。", "en": "Write about rainy night number {}."}
    files = []
    for language, prompt in prompts.items():
        order = ["mixed", "creative"] if language == "zh" else ["creative", "mixed"]
        rows = [
            {
                "question_id": f"{language}{number}",
                "prompt": prompt.format(number),
                "ranked_responses": [
                    {"rank": rank, "source_file": label, "my_response": f"{label} {number}"}
                    for rank, label in enumerate(order, 1)
                ],
            }
            for number in range(8)
        ]
        files.append(tmp_path / f"{language}.json")
        files[-1].write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    found = tiny(out, (f"human=[{files[0]},{files[1]}]",))
    assert found.ran == ("judge (people)",)
    assert table(found.report, "Win rates in zh (ours)")["mixed"][1] == r"100.0 [67.6, 100.0] \*"
    assert table(found.report, "Win rates in en (ours)")["mixed"][1] == r"0.0 [0.0, 32.4] \*"
    assert "Against creative: better: mixed." in found.report
    assert "judged by people of your own" in found.report


def test_nobody_judges_where_the_study_ends_after_measuring(whole: StudyResult, out: Path) -> None:
    found = tiny(out, ("judge=none",))
    assert found.ran == () and found.results["arena"] is None
    assert "Win rates" not in found.report and "nobody judged" in found.report
