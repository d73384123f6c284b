"""Chat models in process: the same answer alone and in any batch, and only what was asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the hf extra")
transformers = pytest.importorskip("transformers", reason="needs the hf extra")
from tiny import TEMPLATE, byte_tokenizer, tiny_model  # noqa: E402

from harness.models.base import ChatModel, ChatRequest, Completion, ModelSettings  # noqa: E402
from harness.models.chat.model import HfChat, open_chat  # noqa: E402
from harness.models.checkpoint import open_checkpoint  # noqa: E402
from harness.records import Message  # noqa: E402
from harness.specs import Sampling  # noqa: E402

END = 2  # <|end|> of the tests' tokenizer
PROMPTS = (
    "hi",
    "雨下得像旧信，一封一封。" * 3,
    "the rain kept its appointment " * 6,
    "x" * 40,
    "what? " * 11,
)
FAMILIES = ("qwen2", "qwen2_windowed", "llama", "mistral", "gemma2", "gpt2", "qwen3_next")
GREEDY, WARM = Sampling(max_tokens=24), Sampling(max_tokens=24, temperature=1.0)


def other_model(family: str) -> Any:
    """Families that tests/tiny.py has no use for: absolute positions, and linear attention."""
    torch.manual_seed(7)
    if family == "gpt2":
        config = transformers.GPT2Config(
            n_embd=64, n_layer=2, n_head=4, n_positions=1024, vocab_size=400,
            initializer_range=0.3, bos_token_id=1, eos_token_id=END, pad_token_id=0,
        )  # fmt: skip
        return transformers.GPT2LMHeadModel(config).eval()
    config = transformers.Qwen3NextConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        layer_types=["linear_attention", "full_attention"], num_key_value_heads=2, head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4,
        linear_key_head_dim=16, linear_value_head_dim=16, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=32, shared_expert_intermediate_size=32, vocab_size=400,
        initializer_range=0.3, pad_token_id=0, bos_token_id=1, eos_token_id=END,
        max_position_embeddings=1024,
    )  # fmt: skip
    return transformers.Qwen3NextForCausalLM(config).eval()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads over tiny tensors wait for each other more than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def chat_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny causal language model, made once a family."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            folder = tmp_path_factory.mktemp("chat") / f"tiny-{family}"
            if family in ("gpt2", "qwen3_next"):
                model = other_model(family)
            else:
                model = tiny_model(family, "ForCausalLM", eos_token_id=END)
            model.save_pretrained(folder)
            byte_tokenizer().save_pretrained(folder)
            made[family] = folder
        return made[family]

    return make


@pytest.fixture
def folder(chat_checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a tiny Mistral that a test may change."""
    return Path(shutil.copytree(chat_checkpoint("mistral"), tmp_path / "model"))


def opened(folder: Path, **settings: Any) -> HfChat:
    model = open_chat(open_checkpoint(str(folder)), ModelSettings(device="cpu", **settings), {})
    assert isinstance(model, HfChat)
    return model


def request(text: str, number: int = 0) -> ChatRequest:
    return ChatRequest(f"call {number}", (Message("user", text),), 1000 + number)


def requests(texts: Sequence[str] = PROMPTS) -> list[ChatRequest]:
    return [request(text, number) for number, text in enumerate(texts)]


def answers(
    model: ChatModel, asked: Sequence[ChatRequest], sampling: Sampling = GREEDY
) -> dict[str, Completion]:
    found: dict[str, Completion] = {}
    model.answer(asked, sampling, lambda r, c: found.__setitem__(r.key, c), lambda _: None)
    assert found.keys() == {r.key for r in asked}
    return found


def answer(model: ChatModel, text: str = PROMPTS[2], sampling: Sampling = GREEDY) -> Completion:
    return answers(model, [request(text)], sampling)["call 0"]


def plain_ids(folder: Path, model: HfChat, text: str, max_tokens: int) -> list[int]:
    """What transformers' own generate writes for this prompt alone."""
    network = transformers.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation=model.engine.attention
    )
    chat = [{"role": "user", "content": text}]
    ids = model.prompt.tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    written = network.generate(
        **ids, max_new_tokens=max_tokens, do_sample=False, eos_token_id=END, pad_token_id=0
    )
    return list(written[0, ids["input_ids"].shape[1] :].tolist())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_greedy_answer_is_that_of_plain_generate_at_any_batch_size(
    chat_checkpoint: Callable[[str], Path], family: str
) -> None:
    folder = chat_checkpoint(family)
    models = {size: opened(folder, batch_size=size) for size in (1, 3, None)}
    assert models[1].engine.kind == "rows"
    found = {size: answers(model, requests()) for size, model in models.items()}
    assert found[1] == found[3] == found[None]
    for number, text in enumerate(PROMPTS):
        ids = plain_ids(folder, models[1], text, 24)
        said = found[1][f"call {number}"]
        expected = models[1].prompt.tokenizer.decode(ids, skip_special_tokens=True)
        if said.finish_reason == "length":  # a character cut in two is left out
            expected = expected.rstrip("�")
        assert (said.text, said.tokens_out) == (expected, len(ids))


@pytest.mark.parametrize("family", ["qwen2", "mistral", "gpt2", "qwen3_next"])
def test_a_sampled_answer_is_the_same_alone_among_others_and_in_another_order(
    chat_checkpoint: Callable[[str], Path], family: str
) -> None:
    folder = chat_checkpoint(family)
    together = answers(opened(folder), requests(), WARM)
    resumed = opened(folder, batch_size=2)
    halves = answers(resumed, requests()[3:], WARM) | answers(resumed, requests()[2::-1], WARM)
    assert halves == together
    reseeded = [ChatRequest(r.key, r.messages, r.seed + 50) for r in requests()]
    assert answers(opened(folder), reseeded, WARM) != together


@pytest.mark.parametrize("sampling", [GREEDY, WARM])
def test_one_at_a_time_answers_as_many_at_once(
    chat_checkpoint: Callable[[str], Path], sampling: Sampling
) -> None:
    folder = chat_checkpoint("mistral")
    alone = opened(folder)
    alone.engine = type(alone.engine)("single", "sdpa")
    assert answers(alone, requests(), sampling) == answers(opened(folder), requests(), sampling)


def test_bloom_knows_no_positions_and_is_answered_one_at_a_time(tmp_path: Path) -> None:
    config = transformers.BloomConfig(
        hidden_size=32, n_layer=1, n_head=2, vocab_size=400, bos_token_id=1, eos_token_id=END
    )
    transformers.BloomForCausalLM(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    model = opened(tmp_path)
    assert (model.engine.kind, model.facts()["engine"]) == ("single", "single")
    assert answer(model, sampling=Sampling(max_tokens=3)).tokens_out == 3


class Passes:
    """Counts the forward passes of a model, and can make large ones fail."""

    def __init__(self, model: HfChat, rows_that_fit: int | None = None) -> None:
        self.count, self.rows_that_fit = 0, rows_that_fit
        self.rows: list[int] = []
        model.model.register_forward_pre_hook(self._pass, with_kwargs=True)

    def _pass(self, _: Any, __: Any, kwargs: Any) -> None:
        rows = kwargs["input_ids"].shape[0]
        if self.rows_that_fit is not None and rows > self.rows_that_fit:
            raise torch.OutOfMemoryError("made up")
        self.count += 1
        self.rows.append(rows)


def test_an_answer_is_handed_over_in_the_step_in_which_it_ends(folder: Path) -> None:
    model = opened(folder)
    passes, seen = Passes(model), []
    model.answer(
        requests(),
        Sampling(max_tokens=60),
        lambda _, c: seen.append((c.tokens_out, passes.count)),
        lambda _: None,
    )
    assert len({tokens for tokens, _ in seen}) > 2
    reading = passes.count - 59  # rows that go on to the end take 59 steps after being read in
    assert all(when <= reading + tokens - 1 for tokens, when in seen)
    # and takes no part in the passes that follow
    assert passes.rows[-1] == sum(tokens == 60 for tokens, _ in seen) < len(PROMPTS)


def test_what_is_done_stays_done_when_the_run_is_killed(folder: Path) -> None:
    model, kept = opened(folder), []

    def killed_at_the_third(asked: ChatRequest, completion: Completion) -> None:
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append((asked.key, completion))

    with pytest.raises(KeyboardInterrupt):
        model.answer(requests(), GREEDY, killed_at_the_third, lambda _: None)
    assert all(answers(opened(folder), requests())[key] == said for key, said in kept)


def test_requests_are_taken_as_needed_and_room_that_frees_up_is_used(folder: Path) -> None:
    taken = 0

    def endless() -> Iterator[ChatRequest]:
        nonlocal taken
        while True:
            taken += 1
            yield request("again", taken)

    class Enough(Exception):
        pass

    def done(_: ChatRequest, __: Completion) -> None:
        if taken > 600:
            raise Enough

    model = opened(folder, batch_size=64)
    with pytest.raises(Enough):
        model.answer(endless(), Sampling(max_tokens=1), done, lambda _: None)
    assert taken <= 1024


@pytest.mark.parametrize("sampling", [GREEDY, WARM])
def test_running_out_of_memory_costs_no_answer_and_no_token(
    chat_checkpoint: Callable[[str], Path], sampling: Sampling
) -> None:
    folder = chat_checkpoint("mistral")
    model, said, found = opened(folder), [], {}
    passes = Passes(model, rows_that_fit=2)
    model.answer(requests(), sampling, lambda r, c: found.__setitem__(r.key, c), said.append)
    assert found == answers(opened(folder), requests(), sampling)
    assert max(passes.rows) <= 2 and len(said) == 1 and "out of memory" in said[0]
    again = opened(folder)
    again.resume(model.facts())
    assert again.load.tokens == model.facts()["max_batch_tokens"] is not None


def test_a_prompt_too_large_for_the_memory_is_one_error_and_the_others_are_answered(
    folder: Path,
) -> None:
    model = opened(folder)
    model.model.register_forward_pre_hook(_fail_over_200_tokens, with_kwargs=True)
    found = answers(model, requests(["hi", "x" * 300, "yo"]))
    assert "out of memory" in str(found["call 1"].error)
    assert found["call 0"].error is None and found["call 2"].error is None


def _fail_over_200_tokens(_: Any, __: Any, kwargs: Any) -> None:
    if kwargs["attention_mask"].shape[1] > 200:
        raise torch.OutOfMemoryError("made up")


def test_the_token_budget_of_the_user_bounds_the_rows(folder: Path) -> None:
    model = opened(folder, max_batch_tokens=400)
    passes = Passes(model)
    answers(model, requests(["a " * 60] * 6))
    # prompt and answer together take about 160 tokens a row
    assert max(passes.rows) == 2


def test_an_answer_that_is_no_number_is_an_error(folder: Path) -> None:
    model = opened(folder)
    with torch.no_grad():
        model.model.lm_head.weight[7] = float("nan")
    said = answer(model)
    assert "no finite number" in str(said.error) and said.text == ""


# what ends an answer


def test_the_checkpoints_own_sampling_does_not_leak_into_answers(folder: Path) -> None:
    before = answers(opened(folder), requests())
    own = {
        "do_sample": True, "temperature": 0.2, "top_k": 3, "top_p": 0.5, "repetition_penalty": 9.0,
        "no_repeat_ngram_size": 2, "max_new_tokens": 4, "min_new_tokens": 23, "eos_token_id": END,
        "suppress_tokens": [65, 66, 67, 68], "num_beams": 2,
    }  # fmt: skip
    (folder / "generation_config.json").write_text(json.dumps(own))
    assert answers(opened(folder), requests()) == before
    alone = opened(folder)
    alone.engine = type(alone.engine)("single", "sdpa")
    assert answers(alone, requests()) == before


def test_every_end_token_of_generation_config_ends_an_answer(folder: Path) -> None:
    written = plain_ids(folder, opened(folder), PROMPTS[2], 24)
    fifth = written[4]
    assert fifth not in written[:4]
    config = {"eos_token_id": [END, fifth]}
    (folder / "generation_config.json").write_text(json.dumps(config))
    model = opened(folder)
    said = answer(model)
    assert (said.finish_reason, said.tokens_out) == ("stop", 5)
    decode = model.prompt.tokenizer.decode
    assert said.text == decode(written[:4], skip_special_tokens=True)


def test_the_token_that_the_template_ends_a_turn_with_ends_an_answer(folder: Path) -> None:
    before = answers(opened(folder), requests(), Sampling(max_tokens=60))
    assert "stop" in {said.finish_reason for said in before.values()}
    for name in ("config.json", "generation_config.json"):
        config = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(config | {"eos_token_id": None}))
    tokenizer = byte_tokenizer()
    tokenizer.eos_token = "<|pad|>"
    tokenizer.save_pretrained(folder)
    assert opened(folder).prompt.end_of_turn() == END
    assert answers(opened(folder), requests(), Sampling(max_tokens=60)) == before


def test_a_stop_string_ends_an_answer_and_is_cut_off(folder: Path) -> None:
    whole = answer(opened(folder)).text
    place = len(whole) // 2
    stop = whole[place : place + 3]
    said = answer(opened(folder), sampling=Sampling(max_tokens=24, stop=("not there", stop)))
    assert said.text == whole[: whole.index(stop)] and said.finish_reason == "stop"
    assert said.tokens_out is not None and said.tokens_out < 24


def test_an_answer_ends_at_max_tokens_or_where_the_context_does(folder: Path) -> None:
    said = answer(opened(folder), sampling=Sampling(max_tokens=7))
    assert (said.finish_reason, said.tokens_out) == ("length", 7)
    read = said.tokens_in
    assert read is not None
    said = answer(opened(folder, max_length=read + 3))
    assert (said.finish_reason, said.tokens_out) == ("length", 3)


def test_a_prompt_that_leaves_no_room_is_an_error_of_that_call_said_once(folder: Path) -> None:
    model, said, found = opened(folder, max_length=60), [], {}
    asked = requests(["hi", "x" * 80, "y" * 90])
    model.answer(asked, GREEDY, lambda r, c: found.__setitem__(r.key, c), said.append)
    assert found["call 0"].error is None
    for key in ("call 1", "call 2"):
        error = f"the prompt has {found[key].tokens_in} tokens and the context 60"
        assert (found[key].error, found[key].text) == (error, "")
    assert len(said) == 1 and model.facts()["calls"] == 3


# what a run says of it


def test_weights_are_read_with_the_first_answer(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        file.unlink()
    model = opened(folder)
    assert model.facts()["chat_template_sha256"] and model.identity() and model.reserved()
    assert model.count([Message("user", "hi")]) > 2
    model.answer([], GREEDY, lambda *_: None, print)


def test_the_count_of_a_prompt_is_what_a_call_then_reads(folder: Path) -> None:
    model = opened(folder)
    messages = (Message("system", "be fair"), Message("user", PROMPTS[1]))
    said = answers(model, [ChatRequest("a", messages, 1)], Sampling(max_tokens=1))["a"]
    assert model.count(messages) == said.tokens_in


def test_identity_knows_what_changes_answers_and_not_how_many_run_at_once(folder: Path) -> None:
    plain = opened(folder).identity()
    assert opened(folder, batch_size=3, max_batch_tokens=99).identity() == plain
    assert opened(folder, dtype="bfloat16").identity() != plain
    assert opened(folder, max_length=50).identity() != plain
    assert plain["attention"] == "sdpa" and plain["dtype"] == "float32"


def test_facts_say_what_can_be_replayed_and_count_calls_over_attempts(folder: Path) -> None:
    model = opened(folder)
    answers(model, requests())
    assert model.facts()["replayable"] is True and model.facts()["calls"] == len(PROMPTS)
    again = opened(folder, dtype="bfloat16")
    again.resume(model.facts())
    answers(again, requests(PROMPTS[:2]))
    assert again.facts()["replayable"] is False and again.facts()["calls"] == len(PROMPTS) + 2
    assert isinstance(again, ChatModel)


def test_gemma2_is_run_with_the_attention_that_keeps_its_capping(
    chat_checkpoint: Callable[[str], Path],
) -> None:
    assert opened(chat_checkpoint("gemma2")).facts()["attention_implementation"] == "eager"


def test_template_constant_is_the_one_the_tests_assume() -> None:
    assert "<|end|>" in TEMPLATE and byte_tokenizer().convert_tokens_to_ids("<|end|>") == END
