"""vLLM in this process: the answers are those of transformers, whatever else is in the queue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.models.vllm.engine import vllm_is_there

if not vllm_is_there():
    pytest.skip("needs vLLM in an environment of its own: make test-vllm", allow_module_level=True)

from harness.errors import HarnessError, ModelError
from harness.models import ModelSettings
from harness.models.base import ChatRequest, Completion, ModelRef
from harness.models.chat.model import open_chat
from harness.models.checkpoint import open_checkpoint
from harness.models.vllm.model import open_vllm
from harness.records import Message
from harness.specs import Sampling

pytestmark = pytest.mark.vllm
LITTLE = {"enforce_eager": "true", "gpu_memory_utilization": "0.2", "max_model_len": "1024"}
TEXTS = ["雨", "the rain kept its appointment", "a", "rain " * 30, "雨下得像旧信，一封一封。"]


def request(key: str, text: str | None = None, seed: int = 5) -> ChatRequest:
    return ChatRequest(key, (Message("user", text or key),), seed)


def answers(model: Any, requests: list[ChatRequest], **sampling: Any) -> dict[str, Completion]:
    found: dict[str, Completion] = {}
    model.answer(
        iter(requests),
        Sampling(**sampling),
        lambda asked, answer: found.__setitem__(asked.key, answer),
        lambda message: None,
    )
    return found


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return open_vllm(ModelRef("vllm", str(folder), LITTLE), ModelSettings(device="cpu"))


def plain_ids(folder: Path, text: str) -> Any:
    """A prompt as plain transformers makes it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder).apply_chat_template(
        [{"role": "user", "content": text}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )["input_ids"]


def plain_tokens(folder: Path, text: str, tokens: int) -> list[int]:
    """What plain transformers writes for one prompt alone, greedily."""
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    network = AutoModelForCausalLM.from_pretrained(folder)
    network.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=0)
    ids = plain_ids(folder, text)
    with torch.no_grad():
        out = network.generate(ids, max_new_tokens=tokens, do_sample=False)
    return list(out[0, ids.shape[1] :].tolist())


def test_greedy_answers_are_those_of_plain_transformers(folder: Path, model: Any) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = answers(model, [request(text) for text in TEXTS], max_tokens=24)
    for text in TEXTS:
        tokens = plain_tokens(folder, text, 24)
        expected = tokenizer.decode(tokens, skip_special_tokens=True)
        assert found[text].text.rstrip("�") == expected.rstrip("�")
        assert found[text].tokens_out == len(tokens)
        assert found[text].finish_reason == ("stop" if tokens[-1] == 2 else "length")


def test_greedy_completions_equal_those_of_the_transformers_adapter(
    folder: Path, model: Any
) -> None:
    other = open_chat(open_checkpoint(str(folder)), ModelSettings(device="cpu"), {})
    asked = [request(text) for text in TEXTS]
    for sampling in ({"max_tokens": 40}, {"max_tokens": 40, "stop": ("e", "o")}):
        assert answers(model, asked, **sampling) == answers(other, asked, **sampling)


def test_one_bos_stands_before_a_prompt(
    folder: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[int]] = []
    add = model.engine.add_request

    def spy(number: str, prompt: dict[str, Any], params: Any) -> Any:
        sent.append(prompt["prompt_token_ids"])
        return add(number, prompt, params)

    monkeypatch.setattr(model.engine, "add_request", spy)
    answers(model, [request("rain")], max_tokens=2)
    assert sent == [plain_ids(folder, "rain")[0].tolist()]
    assert sent[0].count(1) == 1  # <|bos|>


def test_a_sampled_answer_depends_on_its_seed_and_not_on_its_neighbours(model: Any) -> None:
    sampling = {"max_tokens": 24, "temperature": 1.0, "top_p": 0.95}
    asked = [request(f"{n}", "the same", seed=n) for n in range(12)]
    together = answers(model, asked, **sampling)
    assert len({answer.text for answer in together.values()}) > 6
    alone = answers(model, [asked[7]], **sampling)
    others = [request(f"other {n}", "rain " * n, seed=n) for n in range(20)]
    crowd = answers(model, [*others, *asked[::-1]], **sampling)
    assert alone["7"] == together["7"]
    assert {key: crowd[key] for key in together} == together


def test_a_stop_string_ends_an_answer_and_is_not_part_of_it(model: Any) -> None:
    whole = answers(model, [request("rain")], max_tokens=30)["rain"]
    stop = whole.text[6:8]
    cut = answers(model, [request("rain")], max_tokens=30, stop=(stop,))["rain"]
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.tokens_out is not None and whole.tokens_out is not None
    assert cut.tokens_out < whole.tokens_out


def test_a_prompt_that_does_not_fit_is_an_error_of_its_own(model: Any) -> None:
    found = answers(model, [request("long", "rain " * 2000), request("short")], max_tokens=4)
    assert found["long"].error is not None and "context 1024" in found["long"].error
    assert found["short"].error is None and found["short"].text


def test_an_answer_may_fill_the_context_to_its_last_token(folder: Path, model: Any) -> None:
    text = "rain " * 960
    room = 1024 - model.count((Message("user", text),))
    assert 0 < room < 64
    found = answers(model, [request("x", text)], max_tokens=2048)["x"]
    tokens = plain_tokens(folder, text, room)
    assert (found.tokens_out, found.error) == (len(tokens), None)


def test_each_answer_is_handed_over_when_it_ends_and_not_with_the_last(model: Any) -> None:
    lengths: list[int] = []
    waiting: list[int] = []

    def done(asked: ChatRequest, answer: Completion) -> None:
        lengths.append(answer.tokens_out or 0)
        waiting.append(model.engine.get_num_unfinished_requests())

    asked = [request(f"{n}", "the same", seed=n) for n in range(40)]
    model.answer(iter(asked), Sampling(max_tokens=120, temperature=1.0), done, print)
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]
    assert waiting[0] > 0 and waiting[-1] == 0


def test_what_done_raises_ends_it_and_leaves_nothing_in_the_queue(model: Any) -> None:
    def enough(asked: ChatRequest, answer: Completion) -> None:
        raise HarnessError("enough")

    asked = [request(f"{n}", "the same", seed=n) for n in range(20)]
    with pytest.raises(HarnessError, match="enough"):
        model.answer(iter(asked), Sampling(max_tokens=300, temperature=1.0), enough, print)
    assert model.engine.get_num_unfinished_requests() == 0
    assert answers(model, [request("a")], max_tokens=3)["a"].error is None


def test_the_identity_has_the_contents_and_the_facts_have_the_engine(
    folder: Path, model: Any
) -> None:
    ref = ModelRef("vllm", str(folder), {"max_model_len": "1024"})
    same = open_vllm(ref, ModelSettings(device="cpu"))
    assert same.identity() == model.identity()
    assert str(folder) not in json.dumps(model.identity())
    facts = model.facts()
    assert facts["engine"] == "vllm" and facts["replayable"] is False
    assert "<|assistant|>" in model.reserved()


def test_an_engine_that_cannot_start_is_one_message_with_the_way_out(folder: Path) -> None:
    ref = ModelRef("vllm", str(folder), {**LITTLE, "max_model_len": "8192"})
    with pytest.raises(ModelError, match="vLLM cannot run it") as caught:
        answers(open_vllm(ref, ModelSettings(device="cpu")), [request("a")])
    assert "\n" not in str(caught.value)
