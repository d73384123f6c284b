"""Packed rows: the same loss and gradients as rows alone, and nothing seen across a border."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra hf")
pytest.importorskip("trl", reason="needs the extra train")
from tiny import byte_tokenizer, tiny_model  # noqa: E402

from harness.records import Triplet, triplet_id  # noqa: E402
from harness.specs import Target  # noqa: E402
from harness.training.sft import examples  # noqa: E402
from harness.training.targets import Targets  # noqa: E402

TEXTS = (
    "雨停了。",
    "灯还亮着，他没有说话。" * 3,
    "桥下的水慢慢地走，走到看不见的地方。" * 5,
    "风把门推开一条缝。" * 2,
)
PACK = 512


def rows() -> list[Triplet]:
    return [
        Triplet(triplet_id(f"写第{i}篇", "想", text), f"写第{i}篇", "想", text, i)
        for i, text in enumerate(TEXTS, 1)
    ]


def targets() -> Targets:
    return Targets(byte_tokenizer(), Target(), "here", PACK)


def packed_batch(made: Any) -> dict[str, Any]:
    """A batch as trl makes it of packs, without what only its trainer uses."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    batch = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)(list(made))
    return {key: batch[key] for key in ("input_ids", "labels", "position_ids")}


def sums(model: Any, batch: dict[str, Any]) -> tuple[Any, int]:
    """The summed loss of the labelled tokens, and how many there are."""
    labels = batch.pop("labels")
    logits = model(**batch, use_cache=False).logits[:, :-1].flatten(0, 1)
    wanted = labels[:, 1:].flatten()
    loss = torch.nn.functional.cross_entropy(logits, wanted, ignore_index=-100, reduction="sum")
    return loss, int((wanted != -100).sum())


@pytest.fixture(params=["sdpa", "eager"])
def model(request: pytest.FixtureRequest) -> Any:
    network = tiny_model("qwen2", "ForCausalLM").float().train()
    network.set_attn_implementation(request.param)
    return network


def test_a_pack_has_the_loss_and_the_gradients_of_its_rows_alone(model: Any) -> None:
    made = examples(targets(), rows(), pack_to=PACK)
    assert len(made) < len(TEXTS) and sum(map(len, made["seq_lengths"])) == len(TEXTS)
    together, n = sums(model, packed_batch(made))
    together.backward()
    packed = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    alone, count = 0.0, 0
    for row in rows():
        example = targets().example(row)
        ids = torch.tensor([example.ids.tolist()])
        loss, tokens = sums(model, {"input_ids": ids, "labels": torch.tensor([example.labels()])})
        loss.backward()
        alone, count = alone + loss.item(), count + tokens
    assert n == count
    assert together.item() == pytest.approx(alone, rel=1e-6)
    for name, weight in model.named_parameters():
        assert torch.allclose(packed[name], weight.grad, rtol=1e-4, atol=1e-4), name


def test_another_first_row_changes_nothing_in_the_second(model: Any) -> None:
    made = examples(targets(), rows(), pack_to=PACK)
    pack = next(one for one in made if len(one["seq_lengths"]) > 1)
    batch = packed_batch([pack])
    del batch["labels"]
    border = pack["seq_lengths"][0]
    with torch.no_grad():
        before = model(**batch, use_cache=False).logits[0, border:]
        batch["input_ids"][0, :border] = 7
        after = model(**batch, use_cache=False).logits[0, border:]
    assert torch.equal(before, after)


def test_every_row_stands_whole_in_one_pack() -> None:
    made = examples(targets(), rows(), pack_to=PACK)
    found = []
    for pack in made:
        begin = 0
        for length in pack["seq_lengths"]:
            part = slice(begin, begin + length)
            found.append((tuple(pack["input_ids"][part]), tuple(pack["labels"][part])))
            begin += length
        assert begin == len(pack["input_ids"]) <= PACK
    wanted = [(tuple(e.ids.tolist()), tuple(e.labels())) for e in map(targets().example, rows())]
    assert sorted(found) == sorted(wanted)
