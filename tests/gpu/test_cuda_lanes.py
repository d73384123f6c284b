"""On CUDA devices: a copy on each visible GPU, likelihoods, and prompts that are computed once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the hf extra")
if not torch.cuda.is_available():
    pytest.skip("needs a CUDA device", allow_module_level=True)

from tiny import byte_tokenizer, tiny_model  # noqa: E402

from harness.models import ModelSettings, engine, open_model  # noqa: E402
from harness.records import Candidate, short_id  # noqa: E402

pytestmark = pytest.mark.gpu
PROMPT = "write about the rain and its appointment " * 4
TEXTS = ["雨", "the rain kept its appointment. " * 9, "雨下得像旧信。" * 5, "a", "rain " * 40]


def open_on(
    folder: Path, *, device: str = "cuda", dtype: str = "float32", likelihood: bool = False
) -> Any:
    settings = ModelSettings(device=device, dtype=dtype)  # type: ignore[arg-type]
    return open_model(f"likelihood:{folder}" if likelihood else str(folder), None, settings)


def encode(model: Any) -> Any:
    return model.encode([Candidate(short_id("en", PROMPT, t), "en", PROMPT, t) for t in TEXTS])


def save(folder: Path, head: str = "ForSequenceClassification") -> Path:
    tiny_model("qwen2", head, head_dim=32).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("likelihood", [False, True])
def test_every_gpu_has_a_lane_and_all_score_alike_at_once(tmp_path: Path, likelihood: bool) -> None:
    head = "ForCausalLM" if likelihood else "ForSequenceClassification"
    model = open_on(save(tmp_path, head), likelihood=likelihood)
    assert 1 <= model.lanes <= torch.cuda.device_count()
    assert len(model.facts()["devices"]) == model.lanes
    encoded = encode(model)
    with ThreadPoolExecutor(model.lanes) as pool:
        calls = [pool.submit(model.score, encoded, lane) for lane in range(model.lanes)]
        scores = [call.result() for call in calls]
    assert all(found == pytest.approx(scores[0], abs=1e-4) for found in scores)
    on_cpu = open_on(tmp_path, device="cpu", likelihood=likelihood)
    assert scores[0] == pytest.approx(on_cpu.score(encoded), abs=1e-3)
    parts = (model.networks[0].parts if likelihood else model._parts).warm()
    assert [str(part[0].device) for part in parts] == model.facts()["devices"]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_a_prompt_computed_once_moves_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, tolerance: float
) -> None:
    model = open_on(save(tmp_path), dtype=dtype)
    encoded = encode(model)
    assert engine.shared_prefixes([item.ids[0] for item in encoded]) is not None
    once = model.score(encoded)
    monkeypatch.setattr(engine, "shared_prefixes", lambda _: None)
    assert once == pytest.approx(model.score(encoded), abs=tolerance)


def test_what_does_not_fit_is_out_of_memory_and_scores_go_on(tmp_path: Path) -> None:
    from harness.models.base import OutOfMemory

    model = open_on(save(tmp_path))
    encoded = encode(model)
    before = model.score(encoded)
    device = model._parts[0][0].device
    with pytest.raises(OutOfMemory), engine.inference_on(device):
        torch.empty(1 << 50, dtype=torch.uint8, device=device)
    assert model.score(encoded) == before
