"""A chat model behind an OpenAI-compatible server: what is sent, what is read, what is kept secret."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import OK, FaultServer, Reply, answer, error, scripted

from harness.errors import ModelError, UsageError
from harness.models.base import ChatModel, ChatRequest, Completion, ModelRef, ModelSettings
from harness.models.server import Server, open_server
from harness.records import Message
from harness.specs import Sampling

KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own set-up reaches the client."""
    for name in (
        "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID",
        "OPENAI_CUSTOM_HEADERS", "OPENAI_ADMIN_KEY",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def connect(url: str, at_once: int = 4, **options: str) -> Server:
    return open_server(
        ModelRef("openai", "tiny", {"base_url": url, **options}),
        ModelSettings(num_concurrent=at_once),
    )


def request(text: str, seed: int = 5) -> ChatRequest:
    return ChatRequest(text, (Message("user", text),), seed)


def answers(model: Server, *texts: str, sampling: Sampling | None = None) -> dict[str, Completion]:
    found: dict[str, Completion] = {}
    model.answer(
        [request(text) for text in texts],
        sampling or Sampling(),
        lambda asked, completion: found.update({asked.key: completion}),
        lambda _: None,
    )
    return found


# what is sent


def test_a_request_has_the_messages_the_limit_the_temperature_and_its_own_seed() -> None:
    with FaultServer(lambda body: OK) as server:
        messages = (Message("system", "Judge."), Message("user", "哪篇更好？"))
        connect(server.url).answer(
            [ChatRequest("k", messages, 77)], Sampling(), lambda *_: None, lambda _: None
        )
    assert server.bodies == [
        {
            "model": "tiny",
            "messages": [
                {"role": "system", "content": "Judge."},
                {"role": "user", "content": "哪篇更好？"},
            ],
            "temperature": 0.0,
            "max_tokens": 2048,
            "seed": 77,
        }
    ]
    assert server.headers["authorization"] == "Bearer none"
    assert server.headers["content-type"] == "application/json"


def test_every_sampling_setting_is_sent_under_its_own_name() -> None:
    sampling = Sampling(
        temperature=0.7,
        top_p=0.9,
        top_k=40,
        max_tokens=100,
        stop=("###", "结束"),
        reasoning_effort="high",
        thinking=True,
    )
    with FaultServer(lambda body: OK) as server:
        answers(connect(server.url), "a", sampling=sampling)
    assert {k: v for k, v in server.bodies[0].items() if k not in ("model", "messages")} == {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 100,
        "stop": ["###", "结束"],
        "reasoning_effort": "high",
        "chat_template_kwargs": {"enable_thinking": True},
        "seed": 5,
    }


@pytest.mark.parametrize("text", ["{braces} 100 % \\ \"quoted\"", "😀 ＡＢＣ\u0000\u2028", "half \ud83d of it"])  # fmt: skip
def test_any_text_arrives_as_it_is(text: str) -> None:
    with FaultServer(lambda body: OK) as server:
        assert answers(connect(server.url), text)[text].error is None
    assert server.bodies[0]["messages"][0]["content"] == text


def test_the_key_comes_from_the_environment_and_goes_into_the_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-7")
    with FaultServer(lambda body: OK) as server:
        answers(connect(server.url, key_env="MY_KEY"), "a")
    assert server.headers["authorization"] == f"Bearer {KEY}"
    assert server.headers["openai-organization"] == "org-7"


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(lambda body: OK) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        model = open_server(ModelRef("openai", "tiny"), ModelSettings())
        assert answers(model, "a")["a"].error is None
        assert model.identity()["base_url"] == server.url


# what is read


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer("x", message={"reasoning_content": "hm"}), ("x", "hm", None)),
        (answer("x", message={"reasoning": "hm"}), ("x", "hm", None)),
        (answer("x", message={"reasoning_content": None, "reasoning": "hm"}), ("x", "hm", None)),
        (answer("<think>hm [[B]]</think>\n\nx"), ("x", "hm [[B]]", None)),
        (answer("hm</think>x"), ("x", "hm", None)),
        (answer("<think>and on", finish_reason="length"), ("", "and on", None)),
        (answer("<think>b</think>x", message={"reasoning": "a"}), ("x", "a\nb", None)),
        (answer(None, message={"content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]}), ("xy", None, None)),
        (answer(None, message={"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]}), ("x", "hm", None)),
        (answer(None, message={"reasoning_content": "cut", "content": None}, finish_reason="length"), ("", "cut", None)),
        (answer("x", usage={"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 8}}), ("x", None, 8)),
        (answer("half \ud83d", usage={}), ("half \ufffd", None, None)),
    ],
)  # fmt: skip
def test_answer_and_reasoning_are_told_apart(
    reply: Reply, expected: tuple[str, str | None, int | None]
) -> None:
    reply = Reply(body=json.dumps(reply.body).encode())
    with FaultServer(lambda body: reply) as server:
        found = answers(connect(server.url), "a")["a"]
    assert (found.text, found.reasoning, found.tokens_reasoning) == expected
    assert found.error is None


@pytest.mark.parametrize(
    "usage", [None, {}, "none", {"prompt_tokens": None, "completion_tokens": "3"}]
)
def test_counts_that_are_missing_or_no_numbers_are_null(usage: Any) -> None:
    reply = Reply(body={**OK.body, "usage": usage})
    with FaultServer(lambda body: reply) as server:
        found = answers(connect(server.url), "a")["a"]
    assert (found.tokens_in, found.tokens_out, found.tokens_reasoning) == (None, None, None)
    assert found.text


def test_a_filtered_choice_without_a_message_is_an_empty_answer() -> None:
    body = {**OK.body, "choices": [{"index": 0, "finish_reason": "content_filter"}]}
    with FaultServer(lambda _: Reply(body=body)) as server:
        found = answers(connect(server.url), "a")["a"]
        assert server.calls["a"] == 1
    assert (found.text, found.finish_reason, found.error) == ("", "content_filter", None)


# how it is run


def test_it_is_a_chat_model() -> None:
    model = connect("http://127.0.0.1:1/v1")
    assert isinstance(model, ChatModel)
    assert (model.backend, model.device, model.reserved(), model.judge()) == (
        "openai", "server", (), None,
    )  # fmt: skip


def test_requests_are_drawn_only_when_there_is_room_for_them() -> None:
    drawn = finished = 0
    ahead = []

    def requests() -> Iterator[ChatRequest]:
        nonlocal drawn
        for number in range(300):
            drawn += 1
            ahead.append(drawn - finished)
            yield request(f"{number}")

    def done(*_: object) -> None:
        nonlocal finished
        finished += 1

    with FaultServer(lambda body: OK, keep=False) as server:
        connect(server.url, at_once=7).answer(requests(), Sampling(), done, lambda _: None)
    assert finished == 300
    assert max(ahead) <= 2 * 7


def test_calls_that_fail_do_not_pile_up_without_end() -> None:
    drawn = 0

    def requests() -> Iterator[ChatRequest]:
        nonlocal drawn
        while True:
            drawn += 1
            yield request(f"{drawn}")

    class Enough(Exception):
        pass

    def done(*_: object) -> None:
        raise Enough

    down = error(500, headers={"retry-after": "1"})
    with FaultServer(lambda body: down, keep=False) as server, pytest.raises(Enough):
        connect(server.url, at_once=4, max_retries="1").answer(
            requests(), Sampling(), done, lambda _: None
        )
    assert 250 <= drawn <= 270  # 256 waiting, 4 in flight


def test_a_model_can_be_asked_from_within_a_running_loop() -> None:
    threads: set[int] = set()

    async def notebook(model: Server) -> None:
        requests = [request(f"{n}") for n in range(20)]
        model.answer(
            requests, Sampling(), lambda *_: threads.add(threading.get_ident()), lambda _: None
        )

    with FaultServer(lambda body: OK) as server:
        asyncio.run(notebook(connect(server.url)))
        assert sum(server.calls.values()) == 20
    assert len(threads) == 1


def test_an_error_surfaces_from_within_a_running_loop() -> None:
    async def notebook(model: Server) -> None:
        answers(model, "a")

    with FaultServer(lambda _: error(401, "no")) as server, pytest.raises(ModelError, match="401"):
        asyncio.run(notebook(connect(server.url)))


def test_what_done_raises_ends_the_run_and_comes_out(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []

    def done(asked: ChatRequest, _: Completion) -> None:
        heard.append(asked.key)
        if len(heard) == 3:
            raise UsageError("enough")

    with FaultServer(lambda body: answer(delay=0.02)) as server:
        with pytest.raises(UsageError, match="enough"):
            connect(server.url, at_once=4).answer(
                (request(f"{n}") for n in range(1000)), Sampling(), done, lambda _: None
            )
        assert sum(server.calls.values()) <= 3 + 2 * 4
    assert len(heard) == 3
    assert caplog.text + capsys.readouterr().err == ""


def test_an_empty_list_asks_nothing() -> None:
    assert answers(connect("http://127.0.0.1:1/v1")) == {}


CTRL_C = """
    import sys, threading, time
    sys.path.insert(0, sys.argv[1])
    from fault_server import FaultServer, Reply, answer
    from harness.models.base import ChatRequest, ModelRef, ModelSettings
    from harness.models.server import open_server
    from harness.records import Message
    from harness.specs import Sampling

    heard = []
    def reply(body):
        text = body["messages"][0]["content"]
        if len(server.calls) == 4:
            print("four in flight", flush=True)
        return Reply(stall=True) if text == "2" else answer(text, delay=0.6)

    requests = (ChatRequest(str(n), (Message("user", str(n)),), n) for n in range(100))
    with FaultServer(reply) as server:
        model = open_server(ModelRef("openai", "m", {"base_url": server.url}), ModelSettings(num_concurrent=4))
        try:
            model.answer(requests, Sampling(), lambda r, c: heard.append(c.text), lambda _: None)
        except KeyboardInterrupt:
            print("stopped", sorted(heard), sum(server.calls.values()), flush=True)
"""


def test_ctrl_c_hands_on_what_is_in_flight_and_starts_nothing_more() -> None:
    tests = Path(__file__).resolve().parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CTRL_C), str(tests)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "four in flight\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "stopped ['0', '1', '3'] 4"
    assert err == ""


# what it says of itself


def test_the_identity_is_the_model_and_where_it_is_served() -> None:
    assert connect("http://127.0.0.1:8000/v1/").identity() == {
        "backend": "openai",
        "model": "tiny",
        "base_url": "http://127.0.0.1:8000/v1",
    }
    named = connect("http://127.0.0.1:8000/v1", served_by="lab", name="Tiny", family="qwen")
    assert named.identity() == {"backend": "openai", "model": "tiny", "served_by": "lab"}
    assert named.name == "Tiny"
    assert named.facts()["family"] == "qwen"


def test_facts_count_calls_and_remember_what_the_server_calls_itself() -> None:
    names = iter(["m-1", "m-1", "m-2", *(f"m-{n}" for n in range(3, 30))])
    with FaultServer(lambda b: answer(model=next(names), system_fingerprint="fp")) as server:
        model = connect(server.url, at_once=1)
        answers(model, *(f"{n}" for n in range(20)))
    facts = model.facts()
    assert facts["calls"] == 20
    assert facts["served_models"] == [f"m-{n}" for n in range(1, 9)]
    assert facts["system_fingerprints"] == ["fp"]
    assert facts["replayable"] is False
    assert facts["hardware"] == {"device": "server"}
    assert facts["host"] == "127.0.0.1"


def test_an_estimate_weighs_characters_by_script() -> None:
    model = connect("http://127.0.0.1:1/v1")
    assert model.count([Message("user", "a" * 400)]) == 104
    assert model.count([Message("user", "雨" * 300)]) == 204
    assert model.count([Message("user", "я" * 20), Message("system", "")]) == 18


# wrong use


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"api_key": KEY}, "OPENAI_API_KEY"),
        ({"base_url": f"https://user:{KEY}@host/v1"}, "base_url"),
        ({"base_url": f"https://{KEY}@host/v1"}, "base_url"),
        ({"base_url": f"https://host/v1?key={KEY}"}, "base_url"),
        ({"base_url": f"https://host/v1#{KEY}"}, "base_url"),
        ({"base_url": f"ftp://{KEY}/"}, "base_url"),
        ({"base_url": f"{KEY}"}, "base_url"),
        ({"base_url": f"http://[{KEY}/v1"}, "base_url"),
        ({"base_url": "http://host:port/v1"}, "base_url"),
        ({"base_url": "https://example.org/v1"}, "OPENAI_API_KEY"),
        ({"base_url": "https://example.org/v1", "key_env": "MY_KEY"}, "MY_KEY"),
        ({"base_url": "http://127.0.0.1:1/v1", "key_env": "MY_KEY"}, "MY_KEY"),
        ({}, "OPENAI_API_KEY"),
        ({"timeout": "0"}, "timeout=0"),
        ({"timeout": "soon"}, "timeout=soon"),
        ({"timeout": "inf"}, "timeout=inf"),
        ({"max_retries": "-1"}, "max_retries=-1"),
        ({"max_retries": "1.5"}, "max_retries=1.5"),
        ({"base_uri": "x"}, "'base_url'"),
    ],
)
def test_wrong_options_are_refused_by_name_and_no_key_is_shown(
    options: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        open_server(ModelRef("openai", "gpt", options), ModelSettings())
    assert words in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-one\nsk-two", "sk-schlüssel", "two words"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        connect("http://127.0.0.1:1/v1")
    assert key not in str(caught.value)


# the key


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_a_key_that_the_server_echoes_is_never_seen_again(
    status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Extra: extra-secret-123")
    caplog.set_level(logging.DEBUG)
    leak = f"you sent {KEY} and extra-secret-123"
    reply = (
        answer(leak, model=KEY, system_fingerprint=KEY) if status == 200 else error(status, leak)
    )
    said: list[str] = []
    with FaultServer(lambda body: reply) as server:
        model = connect(server.url, max_retries="0")
        try:
            model.answer(
                [request("a")],
                Sampling(),
                lambda _, completion: said.append(repr(completion)),
                said.append,
            )
        except ModelError as caught:
            said += [str(caught), repr(caught), repr(caught.__cause__), repr(caught.__context__)]
        assert server.headers["authorization"] == f"Bearer {KEY}"
        assert server.headers["x-extra"] == "extra-secret-123"
    assert any("[key]" in line for line in said)
    shown = " ".join(
        [*said, caplog.text, repr(model), repr(vars(model)), repr(model.facts()), repr(model.identity())]
    )  # fmt: skip
    assert KEY not in shown
    assert "extra-secret-123" not in shown


def test_a_redirect_is_not_followed_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FaultServer(lambda body: OK) as other:
        away = Reply(307, {}, {"location": other.url + "/chat/completions"})
        with FaultServer(lambda body: away) as server:
            found = answers(connect(server.url), "a")["a"]
        assert found.error == "HTTP 307: the server sends elsewhere; check base_url"
        assert other.calls == {}


def test_an_endless_reason_is_cut_short() -> None:
    with FaultServer(lambda body: error(400, "no " * 100_000)) as server:
        found = answers(connect(server.url), "a")["a"]
    assert len(found.error or "") < 500


def test_scripted_faults_answer_by_the_marker_in_the_message() -> None:
    with FaultServer(scripted(lambda body: answer("ordinary"))) as server:
        found = answers(connect(server.url), "a", "b fault=no_verdict")
    assert found["a"].text == "ordinary"
    assert found["b fault=no_verdict"].text == "Both are fine."
