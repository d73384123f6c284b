"""Arenas judged by people: rankings and choices in, matrices and agreement out."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import kendalltau

from harness.arena import human_arena

MODELS = ["CW", "CW+10k", "CW+1k", "CW+5k", "G"]


def export(path: Path, orders: list[list[str]], **texts: str) -> Path:
    """What COIG-Writer's annotation tool writes: a forced ranking a question."""
    rows = [
        {
            "sequence_number": number,
            "question_id": f"q{number}",
            "prompt": f"请写一写第{number}个雨夜的故事。",
            "ranked_responses": [
                {"rank": rank, "source_file": model, "my_response": texts.get(model, model)}
                for rank, model in enumerate(order, 1)
            ],
        }
        for number, order in enumerate(orders)
    ]
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return path


def results_of(files: list[Path], out: Path, **more: Any) -> dict[str, Any]:
    return human_arena(files, output_path=out, **more).results


def test_a_win_rate_of_the_papers_has_the_papers_interval_and_p(tmp_path: Path) -> None:
    # +10k before G in 128 of 204 questions (arXiv 2510.14763, table 2): 62.75 %
    orders = [["CW+10k", "G"] if n < 128 else ["G", "CW+10k"] for n in range(204)]
    found = results_of([export(tmp_path / "a.json", orders)], tmp_path / "out")
    assert found["runs"] == ["CW+10k", "G"]
    assert found["win_rate"][0][1] == pytest.approx(0.6275, abs=5e-5)
    assert found["wilson95"][0][1] == pytest.approx([0.559, 0.691], abs=5e-4)
    assert found["p"][0][1] == pytest.approx(3.3e-4, rel=0.02)
    assert found["win_rate"][1][0] == pytest.approx(1 - found["win_rate"][0][1])


def test_the_taus_of_rankings_are_those_of_scipy(tmp_path: Path) -> None:
    mine = [MODELS, MODELS[::-1], ["G", "CW", "CW+5k", "CW+1k", "CW+10k"]]
    theirs = [MODELS[::-1], MODELS[::-1], ["CW", "G", "CW+1k", "CW+5k", "CW+10k"]]
    files = [export(tmp_path / "li.json", mine), export(tmp_path / "wang.json", theirs)]
    found = results_of(files, tmp_path / "out")["annotators"]
    taus = [
        kendalltau([a.index(m) for m in MODELS], [b.index(m) for m in MODELS]).statistic
        for a, b in zip(mine, theirs, strict=True)
    ]
    assert found["tau"] == pytest.approx(sum(taus) / 3)
    assert set(found["annotators"]) == {"li", "wang"}


def test_the_unit_is_a_prompt_and_an_annotator_and_ranks_know_it(tmp_path: Path) -> None:
    orders = [["CW", "G"]] * 4
    files = [export(tmp_path / f"{name}.json", orders) for name in ("li", "wang", "zhao")]
    for number, file in enumerate(files):  # not the same bytes three times
        file.write_text(file.read_text(encoding="utf-8") + " " * number, encoding="utf-8")
    found = results_of(files, tmp_path / "out")
    assert (found["n"][0][1], found["prompts"]) == (12, 4)
    assert found["p"][0][1] == pytest.approx(2 * 0.5**12)
    # four prompts cannot tell two models apart, however many people read them
    assert found["p_prompts"][0][1] == pytest.approx(2 * 0.5**4)
    assert found["bradley_terry"]["CW"]["rank"] == [1, 2]


def test_the_texts_of_rankings_are_held_against_what_people_preferred(tmp_path: Path) -> None:
    texts = {"CW": "夜里的灯，" * 8, "G": "灯亮着，有人走过桥，影子很长，河水慢慢地流。"}
    orders = [["CW", "G"]] * 12
    result = human_arena([export(tmp_path / "a.json", orders, **texts)], output_path=tmp_path)
    ttr = result.results["diversity"]["measures"]["ttr"]
    assert (ttr["n"], ttr["higher_wins"]) == (12, 0.0)
    assert (result.folder / "measures.jsonl").is_file()


def test_choices_as_csv_and_rankings_as_json_make_the_same_arena(tmp_path: Path) -> None:
    orders = [MODELS, ["G", *MODELS[:4]]]
    ranked = results_of([export(tmp_path / "li.json", orders)], tmp_path / "1")
    lines = ["question_id,model_a,model_b,winner,language,annotator"]
    for number, order in enumerate(orders):
        lines += [f"q{number},{a},{b},a,zh,li" for a, b in combinations(order, 2)]
    (tmp_path / "choices.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    chosen = results_of([tmp_path / "choices.csv"], tmp_path / "2")
    for key in ("n", "wins", "win_rate", "p", "bradley_terry"):
        assert chosen[key] == ranked[key]


def test_the_same_files_are_the_same_arena(tmp_path: Path) -> None:
    file = export(tmp_path / "a.json", [MODELS] * 3)
    first = human_arena([file], output_path=tmp_path / "out")
    again = human_arena([file], output_path=tmp_path / "out")
    assert again.reused and again.folder == first.folder and again.results == first.results
