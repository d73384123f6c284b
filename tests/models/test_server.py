"""A chat model behind an OpenAI-compatible server: what is sent, what is read, how it is run."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import OK, FaultServer, answer, error
from server_client import answers, clear_environment, client

from harness.errors import ModelError, UsageError
from harness.models.base import ChatModel, ChatRequest, Completion, ModelRef, ModelSettings
from harness.models.server.model import Server, open_server
from harness.models.server.retry import Retries
from harness.records import Message
from harness.specs import Sampling

KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


def request(text: str) -> ChatRequest:
    return ChatRequest(text, (Message("user", text),), 5)


# what is sent


def test_a_request_has_the_messages_the_limit_the_temperature_and_its_own_seed() -> None:
    with FaultServer(lambda body: OK) as server:
        messages = (Message("system", "Judge."), Message("user", "哪篇更好？"))
        client(server.url).answer(
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
        answers(client(server.url), "a", sampling=sampling)
    assert {k: v for k, v in server.bodies[0].items() if k not in ("model", "messages")} == {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 100,
        "stop": ["###", "结束"],
        "reasoning_effort": "high",
        "chat_template_kwargs": {"enable_thinking": True},
        "seed": 0,
    }


@pytest.mark.parametrize("text", ["{braces} 100 % \\ \"quoted\"", "😀 ＡＢＣ\u0000\u2028", "half \ud83d of it"])  # fmt: skip
def test_any_text_arrives_as_it_is(text: str) -> None:
    with FaultServer(lambda body: OK) as server:
        assert answers(client(server.url), text)[text].error is None
    assert server.bodies[0]["messages"][0]["content"] == text


def test_the_key_comes_from_the_environment_and_goes_into_the_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-7")
    with FaultServer(lambda body: OK) as server:
        answers(client(server.url, key_env="MY_KEY"), "a")
    assert server.headers["authorization"] == f"Bearer {KEY}"
    assert server.headers["openai-organization"] == "org-7"


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(lambda body: OK) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        model = open_server(ModelRef("openai", "tiny"), ModelSettings())
        assert answers(model, "a")["a"].error is None
        assert model.identity()["base_url"] == server.url


# how it is run


def test_it_is_a_chat_model() -> None:
    model = client("http://127.0.0.1:1/v1")
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
        client(server.url, at_once=7).answer(requests(), Sampling(), done, lambda _: None)
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
        client(server.url, at_once=4, retries=Retries(most=1)).answer(
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
        asyncio.run(notebook(client(server.url)))
        assert sum(server.calls.values()) == 20
    assert len(threads) == 1


def test_an_error_surfaces_from_within_a_running_loop() -> None:
    async def notebook(model: Server) -> None:
        answers(model, "a")

    with FaultServer(lambda _: error(401, "no")) as server, pytest.raises(ModelError, match="401"):
        asyncio.run(notebook(client(server.url)))


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
            client(server.url, at_once=4).answer(
                (request(f"{n}") for n in range(1000)), Sampling(), done, lambda _: None
            )
        assert sum(server.calls.values()) <= 3 + 2 * 4
    assert len(heard) <= 3 + 4  # those in flight are still handed on
    assert caplog.text + capsys.readouterr().err == ""


def test_an_empty_list_asks_nothing() -> None:
    assert answers(client("http://127.0.0.1:1/v1")) == {}


CTRL_C = """
    import asyncio, signal, sys
    # a shell starts what runs in the background deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, sys.argv[1])
    from fault_server import FaultServer, Reply, answer
    from harness.models.base import ChatRequest, ModelRef, ModelSettings
    from harness.models.server.model import open_server
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
        def judge():
            model.answer(requests, Sampling(), lambda r, c: heard.append(c.text), lambda _: None)
        async def notebook():
            judge()
        try:
            asyncio.run(notebook()) if sys.argv[2] == "loop" else judge()
        except KeyboardInterrupt:
            print("stopped", sorted(heard), sum(server.calls.values()), flush=True)
"""


@pytest.mark.parametrize("where", ["plain", "loop"])
def test_ctrl_c_hands_on_what_is_in_flight_and_starts_nothing_more(where: str) -> None:
    tests = Path(__file__).resolve().parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CTRL_C), str(tests), where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "four in flight\n"
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert out.splitlines()[-1] == "stopped ['0', '1', '3'] 4"
    assert err == ""


# what it says of itself


def test_the_identity_is_the_model_and_where_it_is_served() -> None:
    assert client("http://127.0.0.1:8000/v1/").identity() == {
        "backend": "openai",
        "model": "tiny",
        "base_url": "http://127.0.0.1:8000/v1",
    }
    named = client("http://127.0.0.1:8000/v1", served_by="lab", name="Tiny", family="qwen")
    assert named.identity() == {"backend": "openai", "model": "tiny", "served_by": "lab"}
    assert named.name == "Tiny"
    assert named.facts()["family"] == "qwen"


def test_facts_count_calls_and_remember_what_the_server_calls_itself() -> None:
    names = iter(["m-1", "m-1", "m-2", *(f"m-{n}" for n in range(3, 30))])
    with FaultServer(lambda b: answer(model=next(names), system_fingerprint="fp")) as server:
        model = client(server.url, at_once=1)
        answers(model, *(f"{n}" for n in range(20)))
    facts = model.facts()
    assert facts["calls"] == 20
    assert facts["served_models"] == [f"m-{n}" for n in range(1, 9)]
    assert facts["system_fingerprints"] == ["fp"]
    assert facts["replayable"] is False
    assert facts["hardware"] == {"device": "server"}
    assert facts["host"] == "127.0.0.1"


def test_an_estimate_weighs_characters_by_script() -> None:
    model = client("http://127.0.0.1:1/v1")
    assert model.count([Message("user", "a" * 400)]) == 104
    assert model.count([Message("user", "雨" * 300)]) == 204
    assert model.count([Message("user", "я" * 20), Message("system", "")]) == 18
