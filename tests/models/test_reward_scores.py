"""A score is the model's, whatever stands beside the text: the traps of batching, one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tiny import FAMILIES, TEMPLATE, byte_tokenizer, plain_score, tiny_model

from harness.batching import Budget, plan_batches
from harness.errors import ModelError, UsageError
from harness.models import ChatModel, ModelSettings, open_model
from harness.models.base import Encoded
from harness.models.engine import Engine
from harness.records import Candidate, short_id

PROMPT = "写一段雨 / write about rain"
TEXTS = [
    "雨",
    "the rain kept its appointment. " * 9,
    "雨下得像旧信，一封一封。" * 5,
    "a",
    "rain " * 40,
]
BUDGETS = [
    Budget(1, 1),
    Budget(60),
    Budget(10_000),
    Budget(10_000, 2),
    Budget(300, None, padded=True),
]


def candidates(texts: list[str] = TEXTS, prompt: str = PROMPT) -> list[Candidate]:
    return [Candidate(short_id("zh", prompt, text), "zh", prompt, text) for text in texts]


def scores(model: Any, encoded: list[Encoded], budget: Budget) -> dict[str, float]:
    plan = plan_batches([e.n_tokens for e in encoded], [e.candidate.id for e in encoded], budget)
    return {
        encoded[i].candidate.text: value
        for batch in plan.batches
        for i, value in zip(batch, model.score([encoded[i] for i in batch]), strict=True)
    }


def reference(folder: Path, texts: list[str] = TEXTS) -> dict[str, float]:
    """Plain transformers, one text at a time."""
    eager = "eager" if "gemma2" in folder.name else None
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation=eager, dtype=torch.float32
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return {text: plain_score(model, tokenizer, PROMPT, text) for text in texts}


def assert_alike(mine: dict[str, float], theirs: dict[str, float]) -> None:
    assert mine.keys() == theirs.keys()
    for text, score in theirs.items():
        assert abs(mine[text] - score) <= 1e-5 * max(1.0, abs(score)), text


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_a_score_is_plain_transformers_in_any_batch(
    checkpoint: Callable[..., Path], family: str, budget: Budget
) -> None:
    folder = checkpoint(family)
    model = open_model(str(folder), None, ModelSettings(device="cpu"))
    assert model.facts()["engine"] == "packed"
    assert_alike(scores(model, model.encode(candidates()), budget), reference(folder))


@pytest.mark.parametrize("family", ["qwen2", "llama", "mistral", "gemma2"])
@pytest.mark.parametrize("seed", [1, 2])
def test_neighbours_and_order_do_not_move_a_score(
    checkpoint: Callable[..., Path], family: str, seed: int
) -> None:
    model = open_model(str(checkpoint(family)), None, ModelSettings(device="cpu"))
    encoded = model.encode(candidates())
    alone = {e.candidate.text: model.score([e])[0] for e in encoded}
    random.Random(seed).shuffle(encoded)
    together = {e.candidate.text: s for e, s in zip(encoded, model.score(encoded), strict=True)}
    assert_alike(together, alone)


@pytest.mark.parametrize("family", FAMILIES)
def test_padded_batches_give_the_same_scores_as_packed_ones(
    checkpoint: Callable[..., Path], family: str, tmp_path: Path
) -> None:
    folder = checkpoint(family)
    recipe = tmp_path / "padded.yaml"
    attention = "eager" if family == "gemma2" else "sdpa"
    recipe.write_text(f"kind: reward\nname: padded\nattention: [{attention}]\n")
    model = open_model(str(folder), None, ModelSettings(device="cpu", judge=str(recipe)))
    assert model.facts()["engine"] == "padded"
    assert_alike(
        scores(model, model.encode(candidates()), Budget(10_000, None, padded=True)),
        reference(folder),
    )


def test_packed_texts_would_leak_if_the_model_kept_a_cache(
    checkpoint: Callable[..., Path],
) -> None:
    # guards the test above: its tiny models are sensitive enough to show a leak
    model = transformers.AutoModel.from_pretrained(checkpoint("llama")).eval()
    rows = [np.arange(10, 40, dtype=np.int32), np.arange(50, 90, dtype=np.int32)]
    alone = Engine(model, "padded").hidden([rows[1]], [slice(-1, None)])[0]
    ids = torch.as_tensor(np.concatenate(rows), dtype=torch.long)[None]
    with torch.no_grad():
        leaked = model(input_ids=ids, use_cache=True).last_hidden_state[0, -1:]
    assert float((alone - leaked).abs().max()) > 0.1


def test_the_last_token_is_read_also_where_pad_is_the_end_token(tmp_path: Path) -> None:
    # transformers' own pooling skips trailing pad ids, and with pad = eos reads one too early
    model = tiny_model("llama", pad_token_id=2)
    tokenizer = byte_tokenizer(
        template=TEMPLATE.replace("<|end|>\n{% endfor %}", "<|end|>{% endfor %}")
    )
    tokenizer.pad_token = tokenizer.eos_token
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    mine = open_model(str(tmp_path), None, ModelSettings(device="cpu"))
    encoded = mine.encode(candidates())
    assert all(item.ids[0][-1] == tokenizer.eos_token_id for item in encoded)
    got = scores(mine, encoded, Budget(10_000))
    for item in encoded:
        with torch.no_grad():
            states = model.model(torch.as_tensor(item.ids[0].astype(int))[None]).last_hidden_state
            true = float(model.score(states[0, -1]))
        assert got[item.candidate.text] == pytest.approx(true, abs=1e-5)
        assert abs(plain_score(model, tokenizer, PROMPT, item.candidate.text) - true) > 1e-3


def test_the_head_works_in_float32_under_a_bfloat16_backbone(
    checkpoint: Callable[..., Path],
) -> None:
    model = open_model(
        str(checkpoint("qwen2")), None, ModelSettings(device="cpu", dtype="bfloat16")
    )
    got = model.score(model.encode(candidates(["a" * n for n in range(1, 60)])))
    as_bfloat16 = torch.tensor(got).to(torch.bfloat16).to(torch.float32).tolist()
    assert sum(a != b for a, b in zip(got, as_bfloat16, strict=True)) > 50
    assert len(set(got)) == len(got)


@pytest.mark.parametrize("post_bos", [True, False])
@pytest.mark.parametrize("in_template", [True, False])
def test_there_is_never_more_than_one_bos(
    checkpoint: Callable[..., Path], tmp_path: Path, post_bos: bool, in_template: bool
) -> None:
    tiny_model("llama").save_pretrained(tmp_path)
    template = TEMPLATE if in_template else TEMPLATE.replace("{{ bos_token }}", "")
    byte_tokenizer(template=template, post_bos=post_bos).save_pretrained(tmp_path)
    model = open_model(str(tmp_path), None, ModelSettings(device="cpu"))
    row = model.encode(candidates(["雨"]))[0].ids[0].tolist()
    assert row.count(1) == int(in_template or post_bos)
    assert (row[0] == 1) == (in_template or post_bos)


@pytest.mark.parametrize(("rule", "count"), [("none", 0), ("one", 1)])
def test_a_recipe_can_forbid_or_demand_the_bos(
    checkpoint: Callable[..., Path], tmp_path: Path, rule: str, count: int
) -> None:
    recipe = tmp_path / "bos.yaml"
    recipe.write_text(f"kind: reward\nname: bos\ninput: {{bos: {rule}}}\n")
    model = open_model(
        str(checkpoint("llama")), None, ModelSettings(device="cpu", judge=str(recipe))
    )
    assert model.encode(candidates(["雨"]))[0].ids[0].tolist().count(1) == count


def test_gemma2_keeps_its_soft_capping(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    # a cap this low moves the scores: were it dropped, the reference would differ
    folder = checkpoint("gemma2")
    model = tiny_model("gemma2", attn_logit_softcapping=None)
    model.load_state_dict(
        transformers.AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    uncapped = {text: plain_score(model, tokenizer, PROMPT, text) for text in TEXTS}
    assert max(abs(uncapped[text] - score) for text, score in reference(folder).items()) > 1e-2


def test_gemma2_is_never_run_with_sdpa(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    recipe = tmp_path / "wrong.yaml"
    recipe.write_text("kind: reward\nname: wrong\nattention: [sdpa]\n")
    with pytest.raises(ModelError, match="soft-capping"):
        open_model(str(checkpoint("gemma2")), None, ModelSettings(judge=str(recipe)))


def test_a_checkpoint_without_a_head_is_refused(tmp_path: Path) -> None:
    model = tiny_model("qwen2")
    model.model.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    config = (
        (tmp_path / "config.json")
        .read_text()
        .replace("Qwen2Model", "Qwen2ForSequenceClassification")
    )
    (tmp_path / "config.json").write_text(config)
    mine = open_model(str(tmp_path), None, ModelSettings(device="cpu"))
    with pytest.raises(ModelError, match="no reward head"):
        mine.score(mine.encode(candidates()))


def test_a_backbone_with_missing_tensors_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tiny_model("qwen2").save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    del state["model.layers.1.mlp.up_proj.weight"]
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    mine = open_model(str(tmp_path), None, ModelSettings(device="cpu"))
    with pytest.raises(ModelError, match=r"lacks 1 tensors.*layers\.1\.mlp\.up_proj"):
        mine.score(mine.encode(candidates()))


def test_a_causal_lm_is_never_taken_for_a_reward_model(checkpoint: Callable[..., Path]) -> None:
    folder = checkpoint("qwen2", "ForCausalLM")
    answers = open_model(str(folder), None, ModelSettings())
    assert isinstance(answers, ChatModel) and not hasattr(answers, "score")
    named = open_model(str(folder), None, ModelSettings(judge="sequence_classifier"))
    with pytest.raises(ModelError, match="no reward head"):
        named.score(named.encode(candidates()))


def test_a_head_of_two_outputs_needs_a_recipe_that_says_which(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    folder = checkpoint("qwen2", num_labels=2)
    mine = open_model(str(folder), None, ModelSettings(device="cpu"))
    with pytest.raises(ModelError, match="2 outputs"):
        mine.score(mine.encode(candidates()))
    recipe = tmp_path / "second.yaml"
    recipe.write_text("kind: reward\nname: second\nhead: {outputs: 2, index: 1}\n")
    second = open_model(str(folder), None, ModelSettings(device="cpu", judge=str(recipe)))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    encoded = second.encode(candidates())
    with torch.no_grad():
        ids = torch.as_tensor(encoded[1].ids[0].astype(int))[None]
        assert second.score(encoded)[1] == pytest.approx(float(model(ids).logits[0, 1]), abs=1e-5)


def test_a_rope_that_depends_on_length_is_scored_one_text_at_a_time(
    checkpoint: Callable[..., Path],
) -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    folder = checkpoint("llama", rope_parameters=rope, max_position_embeddings=64)
    settings = ModelSettings(device="cpu", judge=None)
    model = open_model(str(folder), None, settings)
    assert model.facts()["engine"] == "single"
    assert model.budget(max_tokens=None, max_texts=None) == Budget(1, 1)


def test_an_absolute_position_model_is_padded_and_right(tmp_path: Path) -> None:
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=400, n_embd=64, n_layer=2, n_head=4, n_positions=512, num_labels=1,
        pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    model = transformers.GPT2ForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    mine = open_model(str(tmp_path), None, ModelSettings(device="cpu"))
    assert mine.facts()["engine"] == "padded"
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    theirs = {text: plain_score(model, tokenizer, PROMPT, text) for text in TEXTS}
    assert_alike(scores(mine, mine.encode(candidates()), Budget(10_000, None, padded=True)), theirs)


def test_a_lora_adapter_is_merged_with_its_head(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    base = checkpoint("qwen2", "ForCausalLM")
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    config = peft.LoraConfig(
        task_type="SEQ_CLS", r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False
    )
    torch.manual_seed(5)
    wrapped = peft.get_peft_model(plain, config).eval()
    wrapped.save_pretrained(tmp_path)
    settings = ModelSettings(device="cpu", judge="sequence_classifier")
    mine = open_model(str(base), f"peft={tmp_path}", settings)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    theirs = {text: plain_score(wrapped, tokenizer, PROMPT, text) for text in TEXTS}
    assert_alike(scores(mine, mine.encode(candidates()), Budget(10_000)), theirs)


def test_lm_eval_habits_name_the_same_model(checkpoint: Callable[..., Path]) -> None:
    folder = checkpoint("qwen2")
    one = open_model(str(folder), None, ModelSettings(device="cpu"))
    other = open_model("hf", f"pretrained={folder}", ModelSettings(device="cpu"))
    assert one.identity() == other.identity()


@pytest.mark.parametrize("message", ["unknown key 'peeft': did you mean 'peft'"])
def test_an_unknown_model_argument_names_the_nearest(
    checkpoint: Callable[..., Path], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_model(str(checkpoint("qwen2")), "peeft=x", ModelSettings())


def test_an_encoder_reads_prompt_and_text_as_a_pair(tmp_path: Path) -> None:
    torch.manual_seed(3)
    config = transformers.DebertaV2Config(
        vocab_size=400, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=128, num_labels=1, pad_token_id=0, max_position_embeddings=512,
        relative_attention=True, pos_att_type=["p2c", "c2p"], type_vocab_size=0, initializer_range=0.3,
    )  # fmt: skip
    model = transformers.DebertaV2ForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    byte_tokenizer(template=None).save_pretrained(tmp_path)
    mine = open_model(str(tmp_path), None, ModelSettings(device="cpu"))
    assert mine.judge() is not None and mine.judge()["name"] == "encoder_classifier"
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    theirs = {}
    for text in TEXTS:
        ids = tokenizer(PROMPT, text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            theirs[text] = float(model(ids, attention_mask=torch.ones_like(ids)).logits[0, 0])
    assert_alike(scores(mine, mine.encode(candidates()), Budget(1)), theirs)


REMOTE_CODE = """
import torch
from transformers import PretrainedConfig, PreTrainedModel

class TinyConfig(PretrainedConfig):
    model_type = "tiny_remote"

class TinyReward(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.scale = torch.nn.Parameter(torch.tensor([3.0]))
        self.post_init()

    def get_score(self, tokenizer, chat):
        return float(self.scale) * len(chat[-1]["content"])
"""


def test_remote_code_runs_only_when_it_is_trusted(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = tmp_path / "remote"
    folder.mkdir()
    (folder / "modeling_tiny.py").write_text(REMOTE_CODE)
    (folder / "config.json").write_text(
        '{"architectures": ["TinyReward"], "model_type": "tiny_remote", "auto_map": '
        '{"AutoConfig": "modeling_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyReward"}}'
    )
    save_file(
        {"scale": torch.tensor([3.0])}, folder / "model.safetensors", metadata={"format": "pt"}
    )
    byte_tokenizer().save_pretrained(folder)
    recipe = tmp_path / "tiny_remote.yaml"
    recipe.write_text(
        "kind: reward\nname: tiny_remote\nremote_code: true\nattention: [eager]\n"
        "head: {read: method, name: get_score}\n"
    )
    with pytest.raises(UsageError, match="--trust_remote_code"):
        open_model(str(folder), None, ModelSettings(judge=str(recipe)))
    settings = ModelSettings(device="cpu", judge=str(recipe), trust_remote_code=True)
    model = open_model(str(folder), None, settings)
    encoded = model.encode(candidates(["ab", "abcd"]))
    assert [model.score([item])[0] for item in encoded] == [6.0, 12.0]


def test_pooling_by_pad_id_is_refused_where_the_text_ends_with_it(tmp_path: Path) -> None:
    tiny_model("llama", pad_token_id=2).save_pretrained(tmp_path)
    template = TEMPLATE.replace("<|end|>\n{% endfor %}", "<|end|>{% endfor %}")
    byte_tokenizer(template=template).save_pretrained(tmp_path)
    recipe = tmp_path / "own.yaml"
    recipe.write_text("kind: reward\nname: own\nhead: {read: forward}\n")
    model = open_model(str(tmp_path), None, ModelSettings(device="cpu", judge=str(recipe)))
    with pytest.raises(ModelError, match="calls the pad token"):
        model.score(model.encode(candidates(["雨"])))
