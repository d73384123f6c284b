"""lm-eval's back-ends as chat models: a real transformers one, and a server that fails on demand."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval", reason="needs the lm-eval extra")

import tiny
from fault_server import Body, FaultServer, Reply, answer, error, last_message, scripted

from harness.errors import HarnessError, ModelError, UsageError
from harness.models.base import ChatRequest, Completion, ModelRef, ModelSettings
from harness.models.lm_eval.calls import ask_chunks
from harness.models.lm_eval.model import open_lm_eval
from harness.records import Message
from harness.specs import Sampling


def request(key: str, text: str | None = None, seed: int = 5) -> ChatRequest:
    return ChatRequest(key, (Message("user", text or f"question {key}"),), seed)


def answers(model: Any, requests: list[ChatRequest], **sampling: Any) -> dict[str, Completion]:
    found: dict[str, Completion] = {}
    model.answer(
        iter(requests),
        Sampling(**sampling),
        lambda asked, said: found.__setitem__(asked.key, said),
        lambda message: None,
    )
    return found


# ---- transformers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lm-eval") / "judge"
    tiny.tiny_model("qwen2", "ForCausalLM", eos_token_id=2).save_pretrained(path)
    tiny.byte_tokenizer(post_bos=True).save_pretrained(path)
    # what a checkpoint says of sampling is not the judge file's
    own = json.loads((path / "generation_config.json").read_text())
    own |= {"repetition_penalty": 1.9, "do_sample": True, "top_k": 2}
    (path / "generation_config.json").write_text(json.dumps(own))
    return path


@pytest.fixture(scope="module")
def local(folder: Path) -> Any:
    ref = ModelRef("lm_eval", "hf", {"pretrained": str(folder), "batch_size": "2"})
    return open_lm_eval(ref, ModelSettings(device="cpu"))


def plain_answer(folder: Path, text: str, tokens: int) -> str:
    """What transformers writes for one prompt alone, greedily."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=0)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.no_grad():
        out = model.generate(**ids, max_new_tokens=tokens, do_sample=False)
    return str(tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))


def test_greedy_answers_are_those_of_transformers_with_one_bos_and_no_generation_config(
    folder: Path, local: Any
) -> None:
    texts = ["雨", "the rain kept its appointment", "a", "rain " * 20, "雨下得像旧信"]
    found = answers(local, [request(text, text) for text in texts], max_tokens=10)
    assert {text: found[text].text for text in texts} == {
        text: plain_answer(folder, text, 10) for text in texts
    }


def test_it_tells_what_it_can_count_and_leaves_the_rest_open(local: Any) -> None:
    found = answers(local, [request("a")], max_tokens=3)["a"]
    assert found.tokens_in == local.count(request("a").messages)
    assert found.tokens_out is None and found.finish_reason is None


def test_a_prompt_that_does_not_fit_is_an_error_and_never_cut(local: Any) -> None:
    found = answers(local, [request("long", "rain " * 1200), request("short")], max_tokens=4)
    assert found["long"].error is not None and "1024" in found["long"].error
    assert found["short"].error is None


def test_answers_may_be_longer_than_the_context_allows_without_an_end(local: Any) -> None:
    text = "rain " * 900
    room = 1024 - local.count(request("x", text).messages)
    assert room < 2048  # lm-eval alone would refuse the whole run
    found = answers(local, [request("x", text)], max_tokens=2048, stop=("e",))
    assert found["x"].error is None and "e" not in found["x"].text


def test_sampled_answers_differ_and_repeats_are_not_copies(local: Any) -> None:
    asked = [request(f"r{seed}", "the same", seed) for seed in range(4)]
    found = answers(local, asked, max_tokens=12, temperature=1.0)
    assert len({answer.text for answer in found.values()}) == 4


def test_the_identity_knows_the_contents_of_the_folder_and_not_its_place(
    folder: Path, local: Any, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    ref = ModelRef("lm_eval", "hf", {"pretrained": str(copy), "batch_size": "7"})
    assert open_lm_eval(ref, ModelSettings(device="cpu")).identity() == local.identity()
    assert str(folder) not in json.dumps(local.identity())
    assert "<|assistant|>" in local.reserved()


# ---- servers


def ask(server: FaultServer, backend: str = "local-chat-completions", **args: str) -> Any:
    url = f"{server.url}/chat/completions"
    options = {"model": "judge", "base_url": url, "max_retries": "1", **args}
    return open_lm_eval(ModelRef("lm_eval", backend, options), ModelSettings(num_concurrent=4))


def echo(body: Body) -> Reply:
    return answer("you said " + last_message(body))


def test_every_request_is_sent_once_with_its_own_seed_and_sampling() -> None:
    with FaultServer(echo) as server:
        asked = [request(str(n), seed=n + 100) for n in range(9)]
        sampling = {"max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "stop": ("#",)}
        found = answers(ask(server), asked, **sampling)
    assert {key: said.text for key, said in found.items()} == {
        str(n): f"you said question {n}" for n in range(9)
    }
    assert sorted(body["seed"] for body in server.bodies) == list(range(100, 109))
    first = server.bodies[0]
    assert (first["max_tokens"], first["temperature"], first["top_p"]) == (7, 0.5, 0.9)
    assert first["stop"] == ["#"] and first["model"] == "judge"
    assert server.most_at_once <= 4


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("always_500", "HTTP 500"),
        ("half_json", "JSONDecodeError"),
        ("cut_off", "IncompleteRead"),
        ("dropped", "Connection"),
        ("always_stall", "Timeout"),
        ("always_no_choices", "no text"),
    ],
)
def test_one_prompt_that_fails_takes_no_other_down_and_none_is_asked_twice(
    fault: str, reason: str
) -> None:
    with FaultServer(scripted(echo)) as server:
        asked = [request(str(n)) for n in range(8)] + [request("bad", f"fault={fault}")]
        found = answers(ask(server, timeout="1"), asked)
    assert reason in (found["bad"].error or "")
    assert all(found[str(n)].error is None for n in range(8))
    assert set(server.calls.values()) == {1} and len(server.calls) == 9


def test_a_refused_key_ends_the_run_and_is_not_repeated_in_the_message(
    monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with FaultServer(lambda body: error(401, "bad key sk-very-secret")) as server:
        model = ask(server)
        with pytest.raises(ModelError, match="HTTP 401") as caught:
            answers(model, [request("a")])
    assert server.headers["authorization"] == "Bearer sk-very-secret"
    told = str(caught.value) + json.dumps(model.facts()) + json.dumps(model.identity())
    assert "very-secret" not in told + "".join(capfd.readouterr())


def test_an_address_where_nobody_listens_ends_the_run_at_once() -> None:
    with FaultServer(echo) as server:
        model = ask(server)
    with pytest.raises(ModelError, match="nobody listens"):
        answers(model, [request("a")])


def test_an_answer_of_null_is_empty_and_a_thought_is_kept_apart() -> None:
    texts = {"null": None, "thought": "<think>[[B]] maybe</think>[[A]]"}
    with FaultServer(lambda body: answer(texts[last_message(body)])) as server:
        found = answers(ask(server), [request(text, text) for text in texts])
    assert found["null"].text == "" and found["null"].error is None
    assert (found["thought"].reasoning, found["thought"].text) == ("[[B]] maybe", "[[A]]")


def test_answers_are_handed_over_as_they_come_in_the_thread_that_asked() -> None:
    threads: set[int] = set()
    order: list[str] = []

    def done(asked: ChatRequest, said: Completion) -> None:
        threads.add(threading.get_ident())
        order.append(asked.key)

    slow = 0.4
    with FaultServer(lambda b: answer(delay=slow if last_message(b) == "slow" else 0)) as server:
        asked = [request("slow", "slow"), request("a"), request("b")]
        ask(server).answer(iter(asked), Sampling(), done, print)
    assert threads == {threading.get_ident()}
    assert order[-1] == "slow"


def test_what_done_raises_ends_the_asking() -> None:
    def enough(asked: ChatRequest, said: Completion) -> None:
        raise HarnessError("enough")

    with FaultServer(echo) as server, pytest.raises(HarnessError, match="enough"):
        ask(server).answer((request(str(n)) for n in range(99)), Sampling(), enough, print)
    assert server.calls.total() <= 8


def test_ctrl_c_keeps_what_comes_within_seconds_and_waits_for_no_more() -> None:
    """The second answer interrupts; of the two in flight one comes in time, one never."""

    def reply(body: Body) -> Reply:
        return {"soon": answer(delay=0.3), "never": Reply(stall=True)}.get(
            last_message(body), answer(delay=0.1)
        )

    def done(asked: ChatRequest, said: Completion) -> None:
        kept.append(asked.key)
        if asked.key == "now":
            raise KeyboardInterrupt

    kept: list[str] = []
    with FaultServer(reply) as server:
        asked = [request(text, text) for text in ("now", "soon", "never")]
        with pytest.raises(KeyboardInterrupt):
            ask(server).answer(iter(asked), Sampling(), done, print)
    assert kept == ["now", "soon"]


def test_a_running_event_loop_is_no_obstacle() -> None:
    import asyncio

    with FaultServer(echo) as server:
        model = ask(server)

        async def inside() -> dict[str, Completion]:
            return answers(model, [request("a")])

        assert asyncio.run(inside())["a"].text == "you said question a"


def test_no_request_at_all_is_no_error() -> None:
    with FaultServer(echo) as server:
        assert answers(ask(server), []) == {}


def test_it_prints_no_bars_and_no_warnings(capfd: Any) -> None:
    with FaultServer(scripted(echo)) as server:
        answers(ask(server), [request("a"), request("b", "fault=always_500")])
    assert "".join(capfd.readouterr()) == ""


def test_what_lm_eval_overrules_by_the_name_of_a_model_is_said_and_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    notices: list[str] = []
    with FaultServer(echo) as server:
        model = ask(server, "openai-chat-completions", model="qwen2.5-7b")
        model.answer(iter([request("a")]), Sampling(), lambda *_: None, notices.append)
    assert server.bodies[0]["temperature"] == 1 and "stop" not in server.bodies[0]
    assert model.facts()["dropped_parameters"] == ["temperature", "stop"]
    assert "local-chat-completions" in notices[0]


# ---- what is refused


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        ("local-chat-completions", {"auth_token": "k"}, "environment"),
        ("local-chat-completions", {"header": "k"}, "environment"),
        ("local-chat-completions", {"base_url": "http://u:p@h/v1/x", "model": "m"}, "environment"),
        ("local-chat-completions", {"base_url": "http://h:1/v1", "model": "m"}, "chat/completions"),
        ("local-chat-completions", {"model": "m"}, "base_url"),
        ("local-chat-completions", {"base_url": "http://h/v1/chat/completions"}, "model="),
        ("local-chat-completions", {"modle": "m"}, "did you mean 'model'"),
        ("local-chat-completion", {}, "did you mean 'local-chat-completions'"),
        ("local-completions", {"model": "m"}, "local-chat-completions"),
        ("hf", {}, "pretrained="),
        ("hf", {"pretrained": "x", "trust_remote_code": "true"}, "--trust_remote_code"),
    ],
)
def test_wrong_use_is_one_message_with_the_way_out(
    backend: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        open_lm_eval(ModelRef("lm_eval", backend, options), ModelSettings(num_concurrent=2))
    assert "\n" not in str(caught.value) and "u:p" not in str(caught.value)


def test_without_lm_eval_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.setitem(sys.modules, "lm_eval.models", None)
    with pytest.raises(UsageError, match=r"writing-harness\[lm-eval\]"):
        open_lm_eval(ModelRef("lm_eval", "hf", {"pretrained": "x"}), ModelSettings())


def test_a_back_end_known_by_its_interface_alone_answers_too() -> None:
    from lm_eval.api.model import LM
    from lm_eval.api.registry import model_registry, register_model

    class Parrot(LM):
        def apply_chat_template(self, chat_history: Any, add_generation_prompt: bool = True) -> str:
            return str(chat_history[-1]["content"])

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
            if any("bad" in made.args[0] for made in requests):
                raise RuntimeError("it cannot be said")
            return [made.args[0].upper() for made in requests]

        def loglikelihood(self, requests: Any) -> Any: ...
        def loglikelihood_rolling(self, requests: Any) -> Any: ...

    if "test-parrot" not in model_registry:
        register_model("test-parrot")(Parrot)
    model = open_lm_eval(ModelRef("lm_eval", "test-parrot", {}), ModelSettings())
    found = answers(model, [request("a", "ah"), request("b", "bad"), request("c", "oh")])
    assert (found["a"].text, found["c"].text) == ("AH", "OH")
    assert found["b"].error == "RuntimeError: it cannot be said"


def test_a_chunk_that_runs_out_of_memory_is_halved_until_it_fits() -> None:
    from harness.models.base import OutOfMemory

    sizes: list[int] = []

    def batch(requests: Any) -> list[Completion]:
        sizes.append(len(requests))
        if len(requests) > 2 or requests[0].key == "6":
            raise OutOfMemory
        return [Completion(asked.key) for asked in requests]

    found: dict[str, Completion] = {}
    asked = [request(str(n)) for n in range(7)]
    ask_chunks(batch, asked, lambda a, c: found.__setitem__(a.key, c), size=5)
    assert sizes == [5, 2, 2, 2, 1]
    assert found["6"].error is not None and found["5"].text == "5"
