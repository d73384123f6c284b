"""On a CUDA device: the packed engine scores as each text alone, in half and in full precision."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the hf extra")
if not torch.cuda.is_available():
    pytest.skip("needs a CUDA device", allow_module_level=True)

from tiny import byte_tokenizer, tiny_model  # noqa: E402

from harness.models import ModelSettings, open_model  # noqa: E402
from harness.records import Candidate, short_id  # noqa: E402

pytestmark = pytest.mark.gpu
TEXTS = [
    "雨",
    "the rain kept its appointment. " * 9,
    "雨下得像旧信，一封一封。" * 5,
    "a",
    "rain " * 40,
]


def score_all(folder: Path, dtype: str, *, together: bool) -> list[float]:
    model = open_model(str(folder), None, ModelSettings(device="cuda", dtype=dtype))  # type: ignore[arg-type]
    encoded = model.encode([Candidate(short_id("zh", "p", t), "zh", "p", t) for t in TEXTS])
    return model.score(encoded) if together else [model.score([item])[0] for item in encoded]


@pytest.mark.parametrize(
    "family", ["qwen2", "qwen2_windowed", "qwen3", "llama", "mistral", "gemma2"]
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_packed_is_alone_on_cuda(tmp_path: Path, family: str, dtype: str, tolerance: float) -> None:
    tiny_model(family, head_dim=32).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    together = score_all(tmp_path, dtype, together=True)
    assert together == pytest.approx(score_all(tmp_path, dtype, together=False), abs=tolerance)


@pytest.mark.parametrize("family", ["qwen2", "qwen2_windowed", "llama", "mistral", "gemma2"])
def test_cuda_and_cpu_agree_in_float32(tmp_path: Path, family: str) -> None:
    tiny_model(family, head_dim=32).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    on_cpu = open_model(str(tmp_path), None, ModelSettings(device="cpu"))
    encoded = on_cpu.encode([Candidate(short_id("zh", "p", t), "zh", "p", t) for t in TEXTS])
    assert score_all(tmp_path, "float32", together=True) == pytest.approx(
        on_cpu.score(encoded), abs=1e-3
    )
