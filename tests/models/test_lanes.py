"""Several copies of a network, scored with at the same time: each gives the scores of the one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny import tiny_model

from harness.batching import Budget
from harness.errors import ModelError
from harness.models import ModelSettings, device, loading, network, open_model
from harness.models.checkpoint import open_checkpoint
from harness.models.lanes import Lanes, copies
from harness.records import Candidate, short_id

CPU = ModelSettings(device="cpu")
TEXTS = [("rain " * n + "雨") for n in range(1, 25)]


def candidates() -> list[Candidate]:
    return [Candidate(short_id("zh", "p", text), "zh", "p", text) for text in TEXTS]


def spread(model: Any, lanes: int) -> Any:
    """The model with so many lanes on the one processor."""
    networks = getattr(model, "networks", None)
    for one in [model.network] if networks is None else [scorer.network for scorer in networks]:
        one.devices = ("cpu",) * lanes
    return model


def open_kind(kind: str, checkpoint: Callable[..., Path], tmp_path: Path) -> Any:
    if kind == "sequence":
        return open_model(str(checkpoint("qwen2")), None, CPU)
    if kind == "own_forward":
        recipe = tmp_path / "own.yaml"
        recipe.write_text("kind: reward\nname: own\nhead: {read: forward}\n")
        return open_model(
            str(checkpoint("llama")), None, ModelSettings(device="cpu", judge=str(recipe))
        )
    policy, reference = (checkpoint(name, "ForCausalLM") for name in ("qwen2", "llama"))
    return open_model(f"likelihood:{policy},ref={reference}", None, CPU)


@pytest.mark.parametrize("kind", ["sequence", "own_forward", "likelihood"])
def test_lanes_used_by_several_threads_at_once_score_as_one(
    checkpoint: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    one = open_kind(kind, checkpoint, tmp_path)
    encoded = one.encode(candidates())
    alone = [one.score([item])[0] for item in encoded]
    assert one.lanes == 1
    three = spread(open_kind(kind, checkpoint, tmp_path), 3)
    assert three.lanes == 3
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(three.score, encoded[lane::3], lane) for lane in range(3)]
        parts = [call.result() for call in calls]
    for lane, part in enumerate(parts):
        # a ratio is the difference of two sums a hundred times its size
        assert part == pytest.approx(alone[lane::3], abs=1e-4 if kind == "likelihood" else 1e-5)


def test_the_checkpoint_is_read_once_whatever_asks_first(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = network.load
    monkeypatch.setattr(network, "load", lambda *a, **k: reads.append(1) or real(*a, **k))
    model = spread(open_model(str(checkpoint("qwen2")), None, CPU), 4)
    encoded = model.encode(candidates())
    with ThreadPoolExecutor(5) as pool:
        calls = [pool.submit(model.warm)]
        calls += [pool.submit(model.score, encoded, lane) for lane in range(4)]
        scores = [call.result() for call in calls][1:]
    assert len(reads) == 1
    assert all(part == pytest.approx(scores[0], abs=1e-5) for part in scores)


def test_identity_says_nothing_of_the_devices_and_facts_do(
    checkpoint: Callable[..., Path],
) -> None:
    one = open_model(str(checkpoint("qwen2")), None, CPU)
    two = spread(open_model(str(checkpoint("qwen2")), None, CPU), 2)
    assert one.identity() == two.identity()
    assert (one.facts()["devices"], two.facts()["devices"]) == (["cpu"], ["cpu", "cpu"])


def test_a_network_that_is_spread_over_devices_has_one_lane(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "lane_devices", lambda _: ("cuda:0", "cuda:1"))
    folder = str(checkpoint("qwen2"))
    assert open_model(folder, None, CPU).lanes == 2  # type: ignore[union-attr]
    assert open_model(folder, "device_map=auto", CPU).lanes == 1  # type: ignore[union-attr]


def test_a_copy_has_every_weight_on_its_own_device_and_the_model_keeps_its() -> None:
    model = tiny_model("qwen2", "ForCausalLM", tie_word_embeddings=True)
    same, other = copies(model, ["cpu", "meta"])
    assert same is model
    assert {tensor.device.type for tensor in other.state_dict().values()} == {"meta"}
    assert {buffer.device.type for buffer in other.buffers()} == {"meta"}
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}
    assert other.get_output_embeddings().weight is other.get_input_embeddings().weight
    assert other.get_output_embeddings().weight is not model.get_input_embeddings().weight


def test_copies_on_one_device_share_their_weights() -> None:
    model = tiny_model("llama")
    _, other = copies(model, ["cpu", "cpu"])
    assert other is not model
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in pairs)


def test_what_fails_to_load_is_tried_again_and_fails_alike() -> None:
    tries = []

    def load() -> list[int]:
        tries.append(1)
        raise ValueError("no")

    lanes: Lanes[int] = Lanes(load)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            lanes.warm()
    assert len(tries) == 2


@pytest.mark.parametrize(
    ("free", "chosen"),
    [
        ([80, 80], ("cuda:0", "cuda:1")),
        ([80, 39, 41], ("cuda:0", "cuda:2")),  # another job has most of the second
        ([10, 80], ("cuda:1",)),
        ([24], ("cuda:0",)),
    ],
)
def test_gpus_in_use_by_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, free: list[int], chosen: tuple[str, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))
    monkeypatch.setattr(device, "usable_memory", lambda name: free[int(name[-1])])
    assert device.lane_devices("cuda") == chosen
    assert device.lane_devices("cpu") == ("cpu",)


def test_the_budget_is_that_of_the_device_with_least_room_beside_the_weights(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.models import engine

    folder = checkpoint("qwen2")
    weights = (folder / "model.safetensors").stat().st_size
    room = {"cuda:0": 40_000_000, "cuda:1": 30_000_000 + weights}
    monkeypatch.setattr(engine, "usable_memory", lambda name: room[str(name)])
    model: Any = open_model(str(folder), None, CPU)
    model.network.devices = ("cuda:0", "cuda:1")
    per_token = 2 * (10 * 64 + 4 * 128)
    assert model.budget(max_tokens=None, max_texts=None) == Budget(18_000_000 // per_token)
    assert model.budget(max_tokens=77, max_texts=None) == Budget(77)


@pytest.mark.parametrize("where", ["the first", "a copy"])
def test_weights_that_do_not_fit_on_a_device_are_told_in_one_line(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    model = spread(open_model(str(checkpoint("qwen2")), None, CPU), 2)
    if where == "the first":
        monkeypatch.setattr(transformers.AutoModel, "from_pretrained", full)
    else:
        monkeypatch.setattr(network, "copies", full)
    with pytest.raises(ModelError, match=r"do not fit into the memory of cpu.*device_map=auto"):
        model.warm()


@pytest.mark.parametrize(
    ("device_map", "device", "asked"),
    [
        (None, "cpu", None),
        (None, "cuda:1", {"": "cuda:1"}),
        ("auto", "cuda", "auto"),
    ],
)
def test_weights_go_straight_to_the_device_they_are_for(
    checkpoint: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    device_map: str | None,
    device: str,
    asked: Any,
) -> None:
    seen: list[Any] = []
    real = transformers.AutoModel.from_pretrained

    def spy(*args: Any, **options: Any) -> Any:
        seen.append(options.pop("device_map"))
        return real(*args, **options)

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", spy)
    options = loading.LoadOptions(
        dtype="float32", device=device, attention="sdpa", device_map=device_map
    )
    loading.load("AutoModel", open_checkpoint(str(checkpoint("qwen2"))), options)
    assert seen == [asked]
