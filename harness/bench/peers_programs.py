"""What each program is given, how it is called, and where it leaves its numbers."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from harness.bench import peer_command
from harness.bench.apart import Timed, apart, command, program
from harness.bench.checkpoints import save_causal, save_classifier
from harness.bench.inputs import Shape, official_row
from harness.bench.likelihood_ways import strings
from harness.bench.rounds import Stopwatch
from harness.errors import HarnessError
from harness.records import Pair, candidate

REWARDBENCH, LM_EVAL = "rewardbench", "lm_eval"
TASK = "bench_pairs"
BATCH = 8  # of rewardbench by default; given to lm-eval, too


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a program: the whole command, the part of it that scores, its numbers.

    `scores` are by text id, `accuracy` as the program itself reports it.
    """

    version: str
    whole: Timed
    scoring: float
    accuracy: float
    scores: Mapping[str, float]


def prepare(folder: Path, shape: Shape, pairs: Sequence[Pair]) -> None:
    """Both checkpoints, and the same pairs in the format of each program."""
    save_classifier(folder / "reward", shape, pairs, device="cpu", dtype="float32")
    save_causal(folder / "causal", shape, pairs, device="cpu", dtype="float32")
    _write_lines(folder / "pairs.jsonl", map(official_row, pairs))
    spec = {
        "kind": "preference", "name": TASK, "about": "pairs of a benchmark", "language": "zh",
        "source": {"reader": "wpb", "file": "pairs.jsonl"}, "genres": "tag",
        "metrics": ["accuracy"],
    }  # fmt: skip
    (folder / f"{TASK}.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    _write_lines(folder / f"{REWARDBENCH}.jsonl", map(_conversations, pairs))
    _write_lines(folder / f"{LM_EVAL}.jsonl", map(_choices, pairs))
    (folder / LM_EVAL).mkdir()
    file = str((folder / f"{LM_EVAL}.jsonl").resolve())
    task = {
        "task": TASK, "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": file}},
        "test_split": "test", "output_type": "multiple_choice", "doc_to_text": "context",
        "doc_to_choice": "choices", "doc_to_target": "label", "target_delimiter": "",
        "metric_list": [{"metric": "acc"}], "metadata": {"version": 1},
    }  # fmt: skip
    (folder / LM_EVAL / f"{TASK}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")


def _write_lines(file: Path, rows: Any) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    file.write_text("".join(lines), encoding="utf-8")


def _conversations(pair: Pair) -> dict[str, Any]:
    asked = {"role": "user", "content": pair.prompt}
    sides = {"chosen": pair.chosen, "rejected": pair.rejected}
    return {
        name: [asked, {"role": "assistant", "content": side.response}]
        for name, side in sides.items()
    }


def _choices(pair: Pair) -> dict[str, Any]:
    context, chosen = strings(pair.prompt, pair.chosen.response)
    _, rejected = strings(pair.prompt, pair.rejected.response)
    return {"context": context, "choices": [chosen, rejected], "label": 0}


def interpreter(name: str, environments: Path) -> Path | None:
    """The Python of a program's environment, `.venv-NAME`; lm-eval may also be in this one."""
    own = environments / f".venv-{name.replace('_', '-')}" / "bin" / "python"
    if own.is_file():
        return own
    here = name == LM_EVAL and importlib.util.find_spec("lm_eval") is not None
    return Path(sys.executable) if here else None


def run_rewardbench(folder: Path, python: Path) -> Found:
    """`rewardbench --load_json`, float32, nothing quantised, its own batch size."""
    model, out = (folder / "reward").resolve(), (folder / "rewardbench_out").resolve()
    flags = (
        *("--model", str(model), "--dataset", str(folder / f"{REWARDBENCH}.jsonl"), "--load_json"),
        *("--batch_size", str(BATCH), "--not_quantized", "--torch_dtype", "float32"),
        *("--output_dir", f"{out}/"),
    )
    facts, whole = _peer(REWARDBENCH, folder, python, flags)
    # with a path for a name it writes the scores beside the model, the rest below the folder
    said = json.loads(Path(f"{out}/{model}.json").read_text(encoding="utf-8"))
    scores = [
        (row["scores_chosen"], row["scores_rejected"])
        for row in _lines(Path(f"{model}_outputs.jsonl"))
    ]
    return Found(
        facts["version"], whole, facts["seconds"], said["accuracy"], _by_text(folder, scores)
    )


def run_lm_eval(folder: Path, python: Path) -> Found:
    """`lm_eval --model hf` on a multiple choice between both texts, softmax in float32."""
    out = (folder / "lm_eval_out").resolve()
    arguments = f"pretrained={folder / 'causal'},dtype=float32,softmax_dtype=float32"
    flags = (
        *("run", "--model", "hf", "--model_args", arguments, "--tasks", TASK),
        *("--include_path", str(folder / LM_EVAL), "--batch_size", str(BATCH)),
        *("--device", "cpu", "--output_path", str(out), "--log_samples"),
    )
    facts, whole = _peer(LM_EVAL, folder, python, flags)
    results = json.loads(_only(out, "results_*.json").read_text(encoding="utf-8"))
    samples = sorted(_lines(_only(out, "samples_*.jsonl")), key=lambda row: int(row["doc_id"]))
    sums = [tuple(float(both[0]) for both in row["filtered_resps"]) for row in samples]
    accuracy = results["results"][TASK]["acc,none"]
    return Found(facts["version"], whole, facts["seconds"], accuracy, _by_text(folder, sums))


def run_harness(folder: Path, model: str) -> Found:
    """`harness run` as it is typed, and once more in a process of its own for the scoring part."""
    out = folder / f"harness_{model.partition(':')[0]}"
    whole = command(
        *("run", "--tasks", str(folder / f"{TASK}.yaml"), "--model", model),
        *("--dtype", "float32", "--device", "cpu", "--output_path", str(out)),
    )
    scoring = apart(_scoring, folder, model).seconds
    results = json.loads(_only(out, "results.json").read_text(encoding="utf-8"))
    scores = {row["id"]: float(row["score"]) for row in _lines(_only(out, "scores.jsonl"))}
    accuracy = results["metrics"]["accuracy"]
    return Found(version("writing-harness"), whole, scoring, accuracy, scores)


def _scoring(folder: Path, model: str) -> float:
    from harness.models.base import ModelSettings
    from harness.request import RunRequest
    from harness.runner import run

    watch = Stopwatch()
    request = RunRequest(
        tasks=(str(folder / f"{TASK}.yaml"),),
        model=model,
        settings=ModelSettings(dtype="float32", device="cpu"),
        output_path=folder / "timed",
    )
    # once before, so that no import of a library is taken for scoring
    run(dataclasses.replace(request, limit=1, output_path=folder / "warm"))
    run(request, watch)
    return watch.seconds


def _peer(
    name: str, folder: Path, python: Path, flags: Sequence[str]
) -> tuple[dict[str, Any], Timed]:
    facts = folder / f"{name}.facts.json"
    whole = program([str(python), str(peer_command.__file__), name, str(facts), *flags])
    return json.loads(facts.read_text(encoding="utf-8")), whole


def _by_text(folder: Path, scores: Sequence[Sequence[float]]) -> dict[str, float]:
    """Scores of the chosen and the rejected text of every pair, in the order of the file."""
    from harness.data.wpb import read_pairs

    content = (folder / "pairs.jsonl").read_bytes()
    pairs = read_pairs(content, name="pairs.jsonl", language="zh", genre_of=str).pairs
    found: dict[str, float] = {}
    for pair, (chosen, rejected) in zip(pairs, scores, strict=True):
        found[candidate(pair, pair.chosen).id] = float(chosen)
        found[candidate(pair, pair.rejected).id] = float(rejected)
    return found


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.rglob(pattern))
    if len(found) != 1:
        raise HarnessError(f"{len(found)} files {pattern} where one was expected")
    return found[0]


def _lines(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]
