"""Work done by workers of ray is that of this process, whoever of them dies in the middle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from processes import kill, lines, until, workers

from harness.errors import HarnessError, ModelError, UsageError
from harness.executors import Workers
from harness.models import ModelSettings
from harness.progress import Silent
from harness.request import RunRequest
from harness.runner import dry_run, run

TWO = Workers(2, 0)
# a network that ends its process whenever it is asked for a score
DEADLY = """
import os
from transformers import Qwen2ForSequenceClassification


class Deadly(Qwen2ForSequenceClassification):
    def forward(self, *_, **__):
        os.kill(os.getpid(), 9)
"""
RECIPE = """
kind: reward
name: deadly
remote_code: true
attention: [eager]
head: {read: forward}
"""


def asked(model: str, out: Path, **more: Any) -> RunRequest:
    settings = ModelSettings(device="cpu", **more.pop("settings", {}))
    return RunRequest(
        tasks=more.pop("tasks", ("wpb_zh",)),
        model=model,
        output_path=out,
        settings=settings,
        **more,
    )


def ids(folder: Path, name: str = "scores.jsonl", *keys: str) -> Counter[Any]:
    found = (json.loads(line) for line in (folder / name).read_text("utf-8").splitlines())
    return Counter(tuple(line[key] for key in keys or ("id",)) for line in found)


@pytest.mark.parametrize("backend", ["", "likelihood:"])
def test_scores_by_workers_come_to_the_same_results(
    backend: str, cluster: None, checkpoints: Path, pairs: Path, tmp_path: Path
) -> None:
    model = f"{backend}{checkpoints / ('chat' if backend else 'reward')}"
    more: dict[str, Any] = {
        "data": {"wpb_zh": pairs},
        "settings": {"max_batch_tokens": 600},
    }
    [here] = run(asked(model, tmp_path / "here", **dict(more)))
    [there] = run(asked(model, tmp_path / "there", workers=TWO, **dict(more)))
    assert (there.folder / "results.json").read_bytes() == (
        here.folder / "results.json"
    ).read_bytes()
    assert there.folder.name == here.folder.name
    assert there.manifest["plan"] == here.manifest["plan"]
    assert there.manifest["plan"]["batches"] > 4
    assert there.manifest["model"]["executor"] == {
        "name": "ray", "workers": 2, "cpus_per_worker": 1, "gpus_per_worker": 0,
    }  # fmt: skip
    assert set(ids(there.folder).values()) == {1}
    assert ids(there.folder) == ids(here.folder)
    assert there.manifest["self_check"]["texts"] == 8


def test_answers_and_texts_by_workers_are_those_of_this_process(
    cluster: None, checkpoints: Path, pairs: Path, tmp_path: Path
) -> None:
    model = str(checkpoints / "chat")
    judging: dict[str, Any] = {"data": {"wpb_zh": pairs}, "gen_kwargs": "max_tokens=8"}
    writing: dict[str, Any] = {
        "tasks": ("demo_writing_zh",), "gen_kwargs": "max_tokens=12,temperature=1",
    }  # fmt: skip
    for more in (judging, writing):
        [here] = run(asked(model, tmp_path / "here", **dict(more)))
        [there] = run(asked(model, tmp_path / "there", workers=TWO, **dict(more)))
        results = [(one.folder / "results.json").read_bytes() for one in (here, there)]
        assert results[0] == results[1]
        assert there.manifest["counts"]["calls"] == here.manifest["counts"]["calls"]
        name = "verdicts.jsonl" if more is judging else "texts.jsonl"
        told = [
            sorted((one.folder / name).read_text("utf-8").splitlines()) for one in (here, there)
        ]
        assert told[0] == told[1]


class Killer(Silent):
    """Kills a worker as soon as the first results are in."""

    def __init__(self) -> None:
        self.killed: int | None = None
        self.notices: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)

    def advance(self, n: int, *, tokens: int = 0) -> None:
        if self.killed is None and self.doing in ("scoring", "judging"):
            found = workers(os.getpid(), ".score" if self.doing == "scoring" else ".answer")
            if found:
                self.killed = found[0]
                kill(self.killed)

    def start(self, what: str, total: int, unit: str) -> None:
        self.doing = what


def test_a_worker_that_is_killed_is_replaced_and_nothing_else_done_twice(
    cluster: None, checkpoints: Path, pairs: Path, tmp_path: Path
) -> None:
    model = str(checkpoints / "reward")
    more: dict[str, Any] = {"data": {"wpb_zh": pairs}, "settings": {"batch_size": 1}}
    [here] = run(asked(model, tmp_path / "here", **dict(more)))
    killer = Killer()
    [there] = run(asked(model, tmp_path / "there", workers=TWO, **dict(more)), killer)
    assert killer.killed is not None
    assert "is lost" in killer.notices[0]
    assert set(ids(there.folder).values()) == {1}
    assert (there.folder / "results.json").read_bytes() == (
        here.folder / "results.json"
    ).read_bytes()


def test_of_a_judge_that_is_killed_only_what_it_had_not_answered_is_asked_again(
    cluster: None, checkpoints: Path, pairs: Path, tmp_path: Path
) -> None:
    model = str(checkpoints / "chat")
    more: dict[str, Any] = {
        "data": {"wpb_zh": pairs}, "gen_kwargs": "max_tokens=8", "settings": {"batch_size": 2},
    }  # fmt: skip
    killer = Killer()
    [there] = run(asked(model, tmp_path / "there", workers=TWO, **dict(more)), killer)
    assert killer.killed is not None
    [here] = run(asked(model, tmp_path / "here", **dict(more)))
    counted = ids(there.folder, "verdicts.jsonl", "pair_id", "order")
    assert set(counted.values()) == {1}
    assert len(counted) == 80
    assert (there.folder / "results.json").read_bytes() == (
        here.folder / "results.json"
    ).read_bytes()


def test_a_driver_that_is_killed_leaves_what_the_same_command_goes_on_with(
    checkpoints: Path, pairs: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "harness", "run", "--tasks", "wpb_zh", "--data", f"wpb_zh={pairs}",
        "--model", str(checkpoints / "reward"), "--device", "cpu", "--batch_size", "1",
        "--output_path", str(tmp_path / "there"), "--executor", "ray", "--num_workers", "2",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as driver:
        until(lambda: lines(tmp_path / "there", "scores.jsonl") >= 10)
        left = workers(driver.pid)
        kill(driver.pid)
        driver.communicate()
    before = lines(tmp_path / "there", "scores.jsonl")
    assert 10 <= before < 80
    until(lambda: not any(Path(f"/proc/{one}").exists() for one in left))  # none outlives it
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("scoring: ") for line in done.stderr.splitlines())
    [folder] = (tmp_path / "there" / "wpb_zh").iterdir()
    assert set(ids(folder).values()) == {1}
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["counts"]["reused"] == before
    more: dict[str, Any] = {"data": {"wpb_zh": pairs}, "settings": {"batch_size": 1}}
    [here] = run(asked(str(checkpoints / "reward"), tmp_path / "here", **more))
    assert (folder / "results.json").read_bytes() == (here.folder / "results.json").read_bytes()


def test_what_a_worker_cannot_do_is_one_message(
    cluster: None, checkpoints: Path, pairs: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in (checkpoints / "reward").iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    whole = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError) as error:
        run(asked(str(broken), tmp_path / "out", data={"wpb_zh": pairs}, workers=TWO))
    assert str(broken) in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_worker_that_dies_whenever_it_works_ends_the_run(
    cluster: None, checkpoints: Path, pairs: Path, tmp_path: Path
) -> None:
    deadly = tmp_path / "deadly"
    shutil.copytree(checkpoints / "reward", deadly)
    config = json.loads((deadly / "config.json").read_text("utf-8"))
    config |= {
        "architectures": ["DeadlyForSequenceClassification"],
        "auto_map": {"AutoModelForSequenceClassification": "deadly.Deadly"},
    }
    (deadly / "config.json").write_text(json.dumps(config), "utf-8")
    (deadly / "deadly.py").write_text(DEADLY, "utf-8")
    (tmp_path / "deadly.yaml").write_text(RECIPE, "utf-8")
    judge = {"judge": str(tmp_path / "deadly.yaml"), "trust_remote_code": True}
    killer = Killer()
    with pytest.raises(ModelError, match="died 3 times without a result"):
        run(
            asked(
                str(deadly), tmp_path / "out", data={"wpb_zh": pairs}, workers=Workers(1, 0),
                settings=judge,
            ),
            killer,
        )  # fmt: skip
    assert len(killer.notices) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("model", "wish", "settings", "message"),
    [
        ("baseline:length", Workers(), {}, "workers have nothing to do for baseline:"),
        ("REWARD", Workers(3, 0), {}, "has 2 processors, which is room for 2"),
        ("REWARD", Workers(1, 1), {}, "has 0 GPUs with 1 a worker, which is room for 0"),
        ("REWARD", Workers(1, 0), {"device": "cuda"}, "the workers have 0 GPUs each"),
    ],
)
def test_a_wish_that_cannot_be_met_is_wrong_use(
    model: str, wish: Workers, settings: dict[str, Any], message: str,
    cluster: None, checkpoints: Path, tmp_path: Path,
) -> None:  # fmt: skip
    request = RunRequest(
        tasks=("demo_zh",),
        model=model.replace("REWARD", str(checkpoints / "reward")),
        output_path=tmp_path,
        settings=ModelSettings(**settings),
        workers=wish,
    )
    with pytest.raises(UsageError, match=message):
        run(request)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_does_not_answer_is_named(checkpoints: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "harness", "run", "--tasks", "demo_zh", "--model",
        str(checkpoints / "reward"), "--output_path", str(tmp_path), "--executor", "ray",
        "--ray_address", "127.0.0.1:1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("harness: --ray_address 127.0.0.1:1: no cluster answers")
    assert len(done.stderr.splitlines()) == 1


def test_a_dry_run_starts_no_worker(cluster: None, checkpoints: Path, tmp_path: Path) -> None:
    [line] = dry_run(
        asked(str(checkpoints / "reward"), tmp_path, tasks=("demo_zh",), workers=Workers(2, 0))
    )
    assert "distinct texts" in line
    assert workers(os.getpid()) == []


def test_a_worker_with_other_files_or_packages_is_refused() -> None:
    from harness.executors.staff import Staff
    from harness.executors.worker import Description, model_sha256, packages
    from harness.models.base import ModelRef

    class Model:
        def identity(self) -> dict[str, str]:
            return {"fingerprint": "ours"}

    staff = Staff(None, None, (ModelRef("hf", "folder"), None), Model())  # type: ignore[arg-type]
    good = model_sha256(Model())
    staff._check(Description("node7", packages(), good, {}))
    with pytest.raises(ModelError, match="node7 finds another model under folder"):
        staff._check(Description("node7", packages(), "0" * 64, {}))
    older = tuple((name, "0.1" if name == "torch" else v) for name, v in packages())
    with pytest.raises(ModelError, match=r"node7 has torch 0\.1 \(here 2"):
        staff._check(Description("node7", older, good, {}))


def test_errors_cross_the_wire_as_what_they_are(cluster: None) -> None:
    from harness.executors.cluster import Cluster
    from harness.models.base import OutOfMemory, WorkerLost

    class Failing:
        def fail(self, error: BaseException) -> None:
            raise error

        def die(self) -> None:
            os.kill(os.getpid(), 9)

    ray = Cluster(Workers(1, 0))
    [actor] = ray.start(ray.room(), Failing)
    try:
        for error in (OutOfMemory(), ModelError("no head"), HarnessError("full disk")):
            with pytest.raises(type(error)) as found:
                ray.get(actor.fail.remote(error))
            assert str(found.value) == str(error)
        with pytest.raises(WorkerLost):
            ray.get(actor.die.remote())
    finally:
        ray.close()
