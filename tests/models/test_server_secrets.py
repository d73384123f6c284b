"""Wrong options are refused by name, and a key is never seen again."""

from __future__ import annotations

import logging

import pytest
from fault_server import OK, FaultServer, Reply, answer, error
from server_client import answers, clear_environment, client

from harness.errors import ModelError, UsageError
from harness.models.base import ChatRequest, ModelRef, ModelSettings
from harness.models.server.model import open_server
from harness.models.server.retry import Retries
from harness.records import Message
from harness.specs import Sampling

KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


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
        client("http://127.0.0.1:1/v1")
    assert key not in str(caught.value)


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
        model = client(server.url, retries=Retries(most=0))
        try:
            model.answer(
                [ChatRequest("a", (Message("user", "a"),), 0)],
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
            found = answers(client(server.url), "a")["a"]
        assert found.error == "HTTP 307: the server sends elsewhere; check base_url"
        assert other.calls == {}


def test_an_endless_reason_is_cut_short() -> None:
    with FaultServer(lambda body: error(400, "no " * 100_000)) as server:
        found = answers(client(server.url), "a")["a"]
    assert len(found.error or "") < 500
