"""Parameters that a server refuses: dropped once, said, remembered, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fault_server import OK, FaultServer, Reply, error
from server_client import ask, client

from harness.models.server.parameters import refused_name
from harness.models.server.wire import Answer
from harness.specs import Sampling


def refusing(*names: str, build: Callable[[str], Reply] | None = None) -> Callable[[Any], Reply]:
    """Refuses the first of these parameters that a request has."""

    def reply(body: dict[str, Any]) -> Reply:
        for name in names:
            if name in body:
                text = f"Unsupported parameter: '{name}' is not supported with this model."
                return build(name) if build else error(400, text, param=name)
        return OK

    return reply


FULL = Sampling(
    temperature=0.5,
    top_p=0.9,
    top_k=20,
    max_tokens=64,
    stop=("###",),
    reasoning_effort="low",
    thinking=False,
)


@pytest.mark.parametrize(
    "name",
    ["temperature", "top_p", "top_k", "seed", "stop", "reasoning_effort", "chat_template_kwargs"],
)
def test_a_refused_parameter_is_dropped_once_said_once_and_no_retry(name: str) -> None:
    with FaultServer(refusing(name)) as server:
        model = client(server.url, at_once=8)
        found, said = ask(model, [f"{n}" for n in range(30)], FULL)
        assert all(completion.error is None for completion in found.values())
        assert said == [f"the server refuses {name}: the run goes on without it"]
        facts = model.facts()
        assert (facts["dropped_parameters"], facts["retries"]) == ([name], {})
        assert max(server.calls.values()) == 2
        assert sum(calls == 1 for calls in server.calls.values()) >= 22
        assert name not in server.bodies[-1]


def test_several_parameters_are_dropped_one_after_the_other() -> None:
    with FaultServer(refusing("temperature", "top_k", "seed")) as server:
        model = client(server.url, at_once=4)
        found, said = ask(model, ["a", "b", "c", "d", "e"], FULL)
    assert all(completion.error is None for completion in found.values())
    assert model.facts()["dropped_parameters"] == ["temperature", "top_k", "seed"]
    assert len(said) == 3


@pytest.mark.parametrize(
    ("known", "unknown"),
    [("max_completion_tokens", "max_tokens"), ("max_tokens", "max_completion_tokens")],
)
def test_the_token_limit_takes_its_other_name_and_is_never_lost(known: str, unknown: str) -> None:
    with FaultServer(refusing(unknown)) as server:
        model = client(server.url)
        model.resume({"dropped_parameters": [known]})  # what an earlier server said
        found, said = ask(model, ["a", "b"])
        assert all(completion.error is None for completion in found.values())
        assert server.bodies[-1][known] == 2048
        assert unknown not in server.bodies[-1]
        assert said == [f"the server refuses {unknown}: the limit is sent as {known}"]
        assert model.facts()["dropped_parameters"] == [unknown]


def test_a_server_that_knows_no_token_limit_gets_no_unlimited_call() -> None:
    with FaultServer(refusing("max_tokens", "max_completion_tokens")) as server:
        found, _ = ask(client(server.url), ["a"])
    assert (found["a"].error or "").startswith("HTTP 400")


def test_a_resumed_run_does_not_ask_what_was_refused_before() -> None:
    with FaultServer(refusing("temperature", "max_tokens")) as server:
        model = client(server.url)
        model.resume({"dropped_parameters": ["temperature", "max_tokens"]})
        _, said = ask(model, ["a"])
        assert said == []
        assert server.calls == {"a": 1}
        assert model.facts()["dropped_parameters"] == ["temperature", "max_tokens"]


SENT = frozenset(
    [
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "stop",
        "reasoning_effort",
        "chat_template_kwargs",
        "max_tokens",
    ]
)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        # as OpenAI, Anthropic's bridge, Gemini's, Groq, Mistral, vLLM and FastAPI word it
        ('{"error": {"message": "Unsupported value: \'temperature\' does not support 0.0 with this model. Only the default (1) value is supported.", "param": "temperature", "code": "unsupported_value"}}', "temperature"),
        ('{"error": {"message": "`temperature` and `top_p` cannot both be specified for this model."}}', "top_p"),
        ('{"error": {"code": 400, "message": "Invalid JSON payload received. Unknown name \\"seed\\": Cannot find field."}}', "seed"),
        ('{"error": {"message": "property \'chat_template_kwargs\' is unsupported"}}', "chat_template_kwargs"),
        ('{"detail": [{"type": "extra_forbidden", "loc": ["body", "top_k"], "msg": "Extra inputs are not permitted", "input": 20}]}', "top_k"),
        ('{"object": "error", "message": "[{\'type\': \'extra_forbidden\', \'loc\': (\'body\', \'top_k\'), \'msg\': \'Extra inputs are not permitted\', \'input\': {\'temperature\': 0}}]", "code": 400}', "top_k"),
        ('{"error": {"message": "Unrecognized request argument supplied: reasoning_effort"}}', "reasoning_effort"),
        ('{"error": {"message": "enable_thinking is not supported"}}', "chat_template_kwargs"),
        ('{"error": "this model does not support seed"}', "seed"),
        ('{"message": "temperature is deprecated for this model"}', "temperature"),
        # about something else
        ('{"error": {"message": "\'max_tokens\' is too large: 9999. This model supports at most 4096", "param": "max_tokens"}}', None),
        ('{"error": {"message": "This model\'s maximum context length is 1024 tokens; you asked for 2000 (max_tokens)"}}', None),
        ('{"error": {"message": "Your text was rejected. Stop writing about the seed of the temperature in Rome."}}', None),
        ('{"error": {"message": "Invalid type for \'messages\'", "param": "messages[0].content"}}', None),
        ("not JSON at all", None),
        ("[1, 2]", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_refused_parameter_is_read_out_of_the_words_of_many_servers(
    body: str, name: str | None
) -> None:
    assert refused_name(Answer(400, {}, body.encode()), SENT) == name
    assert refused_name(Answer(422, {}, body.encode()), SENT) == name
    assert refused_name(Answer(403, {}, body.encode()), SENT) is None
