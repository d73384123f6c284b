"""Linear layers through oneDNN: the same numbers, only where they pay, never in a lent model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import byte_tokenizer, tiny_model

from harness.models import ModelSettings, linears, network, open_model
from harness.models.attention import register
from harness.models.checkpoint import Checkpoint
from harness.models.linears import Prepacked, onednn_pays, prepack
from harness.models.recipes import choose_recipe
from harness.models.reward import SequenceReward
from harness.records import Candidate, short_id

CPU = ModelSettings(device="cpu")
TEXTS = ["雨", "the rain kept its appointment. " * 9, "雨下得像旧信，一封一封。" * 5]
AMD = "processor : 0\nvendor_id\t: AuthenticAMD\nmodel name : any\n"


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    onednn_pays.cache_clear()
    yield
    onednn_pays.cache_clear()


@pytest.fixture
def there() -> None:
    if not linears._works():
        pytest.skip("this torch has no oneDNN linear layers")


def scores(model: Any) -> list[float]:
    encoded = model.encode([Candidate(short_id("zh", "p", t), "zh", "p", t) for t in TEXTS])
    found: list[float] = model.score(encoded)
    return found


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1,), (0,), (7,), (1, 300), (2, 3)])
def test_a_prepacked_layer_is_the_layer(bias: bool, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    layer = torch.nn.Linear(96, 160, bias=bias)
    rows = torch.randn(*shape, 96)
    with torch.inference_mode():
        found = Prepacked(layer)(rows)
        exact = layer.double()(rows.double())
    assert found.dtype == torch.float32 and found.shape == exact.shape
    assert torch.allclose(found.double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("there")
def test_only_plain_linear_layers_are_replaced() -> None:
    class Odd(torch.nn.Linear):  # type: ignore[misc]
        """A quantised layer, say."""

    model = torch.nn.Sequential(
        torch.nn.Linear(4, 4), torch.nn.Sequential(torch.nn.Linear(4, 4), Odd(4, 4))
    )
    prepack(model)
    kinds = [
        type(module) for module in model.modules() if not isinstance(module, torch.nn.Sequential)
    ]
    assert kinds == [Prepacked, Prepacked, Odd]


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama", "mistral", "gemma2"])
@pytest.mark.parametrize("likelihood", [False, True])
def test_scores_are_those_of_torchs_own_kernels(
    checkpoint: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    family: str,
    likelihood: bool,
) -> None:
    folder = checkpoint(family, *(["ForCausalLM"] if likelihood else []))
    found = {}
    for pays in (True, False):
        monkeypatch.setattr(network, "onednn_pays", lambda pays=pays: pays)
        model: Any = open_model(f"likelihood:{folder}" if likelihood else str(folder), None, CPU)
        found[pays] = scores(model)
        parts = model.networks[0].parts if likelihood else model._parts
        layers = list(parts[0][0].backbone.modules())
        assert any(isinstance(layer, Prepacked) for layer in layers) == pays
        assert any(type(layer) is torch.nn.Linear for layer in layers) != pays
        assert model.facts()["linears"] == ("onednn" if pays else "torch")
    for one, other in zip(found[True], found[False], strict=True):
        assert abs(one - other) <= 1e-5 * max(1.0, abs(other))


@pytest.mark.parametrize(
    ("processor", "capability", "works", "pays"),
    [
        (AMD, "AVX512", True, True),
        (AMD.replace("AuthenticAMD", "GenuineIntel"), "AVX512", True, False),
        (AMD, "AVX2", True, False),
        (AMD, "AVX512", False, False),
    ],
)
def test_the_rule_is_the_processors(
    monkeypatch: pytest.MonkeyPatch, processor: str, capability: str, works: bool, pays: bool
) -> None:
    monkeypatch.setattr(linears, "_processor", lambda: processor)
    monkeypatch.setattr(linears, "_works", lambda: works)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert onednn_pays() is pays


def test_operators_that_are_gone_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise AttributeError("no such operator")

    monkeypatch.setattr(Prepacked, "__init__", gone)
    assert linears._works() is False


def test_half_precision_and_padded_engines_keep_torchs_kernels(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(network, "onednn_pays", lambda: True)
    half = ModelSettings(device="cpu", dtype="bfloat16")
    assert open_model(str(checkpoint("qwen2")), None, half).facts()["linears"] == "torch"
    recipe = tmp_path / "padded.yaml"
    recipe.write_text("kind: reward\nname: padded\nattention: [sdpa]\n")
    padded = ModelSettings(device="cpu", judge=str(recipe))
    assert open_model(str(checkpoint("qwen2")), None, padded).facts()["linears"] == "torch"


def test_a_model_that_is_lent_keeps_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "onednn_pays", lambda: True)
    lent = tiny_model("qwen2")
    before = [type(module) for module in lent.modules()]
    config = {**lent.config.to_dict(), "architectures": [type(lent).__name__]}
    where = Checkpoint(Path("in memory"), "lent", None, config)
    model = SequenceReward(where, choose_recipe(where, CPU), CPU, tokenizer=byte_tokenizer())
    register()
    lent.set_attn_implementation(model.network.attention)
    model.use(lent)
    assert len(scores(model)) == len(TEXTS)
    assert [type(module) for module in lent.modules()] == before
    assert model.facts()["linears"] == "torch"
