"""Traps of lm-eval that our tasks have to be out of, and those it keeps for others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from lm_eval_runs import (
    TASKS,
    evaluate,
    manager,
    our_run,
    our_sums,
    samples,
    save_model,
    stored,
    their_sums,
)
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from rows import rows, write_rows
from tiny import TEMPLATE, byte_tokenizer

from harness.lm_eval_tasks import prompts
from harness.lm_eval_tasks.pairs import process_results
from harness.models.lm_eval.calls import gen_kwargs
from harness.reports.lm_eval import genre_slug
from harness.reports.lm_eval_rows import chosen_index
from harness.spec_files import load_any
from harness.specs import GenreMap, WritingSpec

ROOT = Path(__file__).resolve().parents[2]
WRITING = ("coig_writer_zh", "coig_writer_en", "demo_writing_zh", "demo_writing_en")
PAIRS = ("wpb_zh", "wpb_en", "demo_zh", "demo_en")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("tiny") / "model", byte_tokenizer(bos=False))


def loaded(task: str, **metadata: Any) -> Any:
    return manager(**metadata).load([task])["tasks"][task]


def test_the_version_tested_is_the_one_installed_and_0_5_is_left_out() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    [pin] = project["optional-dependencies"]["lm-eval"]
    allowed = SpecifierSet(re.sub(r"^lm-eval(\[\w+\])?", "", pin), prereleases=True)
    assert version("lm-eval") in allowed
    assert Version("0.5") not in allowed and Version("0.4.12") not in allowed


def test_every_metric_comes_from_process_results_as_0_5_wants_it() -> None:
    for file in TASKS.glob("*_template_yaml"):
        text = file.read_text("utf-8")
        assert "process_results: !function" in text
        assert not re.search(r"(metric|aggregation): !function", text)


def test_our_modules_leave_lm_evals_registry_to_itself() -> None:
    # whoever registers a model first empties lm-eval's own table of models
    program = (
        "import harness.lm_eval_tasks.pairs, harness.lm_eval_tasks.prompts\n"
        "import harness.models.lm_eval.hf, harness.models.lm_eval.server\n"
        "from lm_eval.api.registry import get_model\n"
        "assert get_model('hf').__name__ == 'HFLM'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("task", PAIRS)
def test_a_group_has_every_genre_of_the_map_and_other_once(task: str) -> None:
    spec = load_any("tasks", "wpb_appendix_b", (GenreMap,), "genre map")
    assert isinstance(spec, GenreMap)
    genres = [*spec.genres, "Other"]
    names = [f"harness_{task}_{genre_slug(genre)}" for genre in genres]
    group = yaml.safe_load((TASKS / task / "group.yaml").read_text("utf-8"))
    assert group["task"] == names
    assert all(one["weight_by_size"] for one in group["aggregate_metric_list"])
    for name, genre in zip(names, genres, strict=True):
        file = TASKS / task / f"{genre_slug(genre)}.yaml"
        assert yaml.safe_load(file.read_text("utf-8")) == {
            "include": "../pairs_template_yaml",
            "task": name,
            "task_alias": genre,
            "dataset_kwargs": {"task": task, "genre": genre},
        }
    assert len(list((TASKS / task).iterdir())) == len(genres) + 1


@pytest.mark.parametrize("task", WRITING)
def test_a_text_is_drawn_as_our_task_draws_it_and_no_empty_line_ends_it(task: str) -> None:
    spec = load_any("tasks", task, (WritingSpec,), "task")
    assert isinstance(spec, WritingSpec)
    file = TASKS / "writing" / f"{task}.yaml"
    wanted = yaml.safe_load(file.read_text("utf-8"))["generation_kwargs"]
    # transformers has a top_k of its own where none is named
    assert wanted == {"top_p": 1.0, "top_k": 0, **gen_kwargs(spec.sampling)}
    assert wanted["until"] == []


def test_lm_eval_itself_keeps_until_empty(model: Path) -> None:
    task = loaded("harness_demo_writing_zh", pretrained=str(model))
    task.build_all_requests(limit=1, rank=0, world_size=1)
    [request] = task.instances
    context, wanted = request.args
    assert wanted["until"] == [] and wanted["max_gen_toks"] == 512
    assert context.startswith("<|user|>\n") and context.endswith("<|end|>\n<|assistant|>\n")


def test_nothing_stands_between_prompt_and_text(model: Path) -> None:
    task = loaded("harness_demo_zh_poetry", pretrained=str(model))
    task.build_all_requests(limit=1, rank=0, world_size=1)
    first, second, border = [request.args for request in task.instances]
    doc = task.eval_docs[0]
    assert first[0] == second[0] == border[0] and first[0].endswith("<|assistant|>")
    assert border[1] == "\n"
    for (_, continuation), choice in zip((first, second), doc["choices"], strict=False):
        assert continuation == choice
        assert continuation.startswith("\n") and continuation.endswith("<|end|>")


def doc(gold: int, borders: tuple[int, int] = (-1, -1)) -> dict[str, Any]:
    return {"pair_id": "x", "gold": gold, "borders": list(borders)}


def test_a_tie_is_half_in_one_number_and_nothing_in_the_other_at_either_index() -> None:
    for gold in (0, 1):
        found = process_results(doc(gold), [(-7.0, False), (-7.0, False)])
        assert found == {"acc": 0.0, "acc_half": 0.5, "tie": 1.0, "margin": 0.0}
        lost = [(-9.0, False), (-8.0, False)][:: 1 - 2 * gold]
        assert process_results(doc(gold), lost)["acc"] == 0.0
        assert process_results(doc(gold), lost[::-1]) == {
            "acc": 1.0, "acc_half": 1.0, "tie": 0.0, "margin": 1.0,
        }  # fmt: skip


def test_white_space_before_a_text_is_taken_off_its_sum() -> None:
    results = [(-9.0, False), (-8.5, False), (-2.0, False)]
    assert process_results(doc(0), results)["acc"] == 0.0
    assert process_results(doc(0, (2, -1)), results)["margin"] == 1.5


def test_the_chosen_text_stands_at_either_index_also_under_limit(model: Path) -> None:
    task = loaded("harness_demo_zh_fiction", pretrained=str(model))
    assert {0, 1} == set(task.eval_docs["gold"])
    ids = [f"{number:016x}" for number in range(4000)]
    ranked = sorted(ids, key=prompts.limit_rank)[:400]
    for some in (ids, ranked):  # three standard deviations
        assert abs(sum(map(chosen_index, some)) / len(some) - 0.5) < 1.5 / len(some) ** 0.5


def test_limit_takes_the_pairs_that_our_limit_takes(model: Path, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "pairs.json", rows(24, words=8))
    result = our_run(model, tmp_path / "out", "wpb_zh", data=data, limit=3, genres=("Poetry",))
    files = {"harness_wpb_zh": str(data)}
    found = evaluate(model, ["harness_wpb_zh_poetry"], limit=3, metadata={"data": files})
    ours = {row["pair_id"] for row in stored(result.folder, "pairs.jsonl")}
    assert samples(found).keys() == ours and len(ours) == 3


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    files = {"harness_wpb_zh": str(tmp_path / "pairs.json")}
    for count in (8, 12):
        os.utime(write_rows(tmp_path / "pairs.json", rows(count)), ns=(count, count))
        task = loaded("harness_wpb_zh_poetry", data=files)
        assert len(task.eval_docs) == count / 4


def test_half_precision_makes_lm_evals_sums_coarse_and_ours_are_those_of_float32(
    tmp_path: Path,
) -> None:
    model = save_model(tmp_path / "model", byte_tokenizer(bos=False), dtype="bfloat16")
    data = write_rows(tmp_path / "pairs.json", rows(8, words=60))
    ours = our_sums(our_run(model, tmp_path / "out", "wpb_zh", data=data, dtype="bfloat16"))
    files = {"data": {"harness_wpb_zh": str(data)}}
    half = {"dtype": "bfloat16", "metadata": files}
    fine = samples(evaluate(model, ["harness_wpb_zh"], softmax_dtype="float32", **half))
    coarse = samples(evaluate(model, ["harness_wpb_zh"], **half))
    off = {"fine": 0.0, "coarse": 0.0}
    for pair_id, sums in ours.items():
        for name, theirs in (("fine", fine), ("coarse", coarse)):
            both = their_sums(theirs[pair_id])
            off[name] += sum(abs(a - b) for a, b in zip(both, sums, strict=True))
        # bfloat16 has 8 bits: sums over 256 nats are whole numbers, those over 512 even ones
        assert all(float(resp[0][0]).is_integer() for resp in coarse[pair_id]["resps"][:2])
    assert off["fine"] < off["coarse"] / 3


def test_lm_eval_is_told_of_half_precision_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.lm_eval_tasks import settings

    said: list[str] = []
    monkeypatch.setattr(settings._LOG, "warning", said.append)
    settings.say.cache_clear()
    model = save_model(tmp_path / "model", byte_tokenizer(bos=False), dtype="bfloat16")
    for task in ("harness_demo_zh_poetry", "harness_demo_zh_fiction"):
        loaded(task, pretrained=str(model), softmax_dtype="float32")
    assert said == []
    for task in ("harness_demo_zh_poetry", "harness_demo_zh_fiction"):
        loaded(task, pretrained=str(model))
    [one] = said
    assert "softmax_dtype=float32" in one


def test_a_thought_before_a_text_is_not_measured(tmp_path: Path) -> None:
    thinks = TEMPLATE.replace("<|assistant|>\n{% endif", "<|assistant|>\n<think>\n{% endif")
    model = save_model(tmp_path / "model", byte_tokenizer(bos=False, template=thinks))
    doc = loaded("harness_demo_writing_zh", pretrained=str(model)).eval_docs[0]
    assert doc["opened"] and doc["context"].endswith("<think>\n")
    found = prompts.process_results(doc, ["想一想怎么写\n</think>\n\n雨下得像旧信"])
    assert found["chars"] == len("雨下得像旧信")
    assert prompts.process_results(doc, ["雨下得像旧信"])["empty_share"] == 1.0
