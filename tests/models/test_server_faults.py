"""What servers do on bad days: for each the answer, the number of calls, and the accounting."""

from __future__ import annotations

import dataclasses
import email.utils
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from fault_server import FAULTS, OK, FaultServer, Reply, answer, error, in_turn, scripted

from harness.errors import ModelError
from harness.models.base import ChatRequest, Completion, ModelRef, ModelSettings
from harness.models.server import Server, open_server
from harness.models.server_limits import Limits
from harness.models.server_parameters import refused_name
from harness.models.server_retry import Retries, retry_after
from harness.models.server_wire import Answer
from harness.records import Message
from harness.specs import Sampling

QUICK = Retries(most=3, first=0.01)


def client(url: str, *, at_once: int = 4, retries: Retries = QUICK, **options: str) -> Server:
    """A client whose waits do not slow the tests."""
    model = open_server(
        ModelRef("openai", "tiny", {"base_url": url, **options}),
        ModelSettings(num_concurrent=at_once),
    )
    return Server(
        dataclasses.replace(model.options, retries=retries), ModelSettings(num_concurrent=at_once)
    )


def ask(
    model: Server, texts: Iterable[str], sampling: Sampling | None = None
) -> tuple[dict[str, Completion], list[str]]:
    """Every text asked once: completions by text, and what was said meanwhile."""
    found: dict[str, Completion] = {}
    said: list[str] = []

    def done(request: ChatRequest, completion: Completion) -> None:
        assert request.key not in found, "handed on twice"
        found[request.key] = completion

    requests = (
        ChatRequest(text, (Message("user", text),), number) for number, text in enumerate(texts)
    )
    model.answer(requests, sampling or Sampling(), done, said.append)
    return found, said


def one(fault: str, **options: str) -> tuple[Completion, int, dict[str, Any]]:
    """One call that meets a row of FAULTS: its completion, how often it was made, the facts."""
    with FaultServer(scripted()) as server:
        model = client(server.url, **options)
        found, _ = ask(model, [f"fault={fault}"])
        assert server.malformed == []
        facts = dict(model.facts())
        assert facts["calls"] == sum(server.calls.values())
        return found[f"fault={fault}"], server.calls[f"fault={fault}"], facts


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", "429"),
        ("429_retry_after", "429"),
        ("500", "500"),
        ("503", "503"),
        ("dropped", "dropped"),
        ("half_json", "body"),
        ("cut_off", "dropped"),
        ("no_choices", "choices"),
    ],
)
def test_a_passing_fault_costs_one_more_call_and_is_counted(fault: str, kind: str) -> None:
    completion, calls, facts = one(fault)
    assert completion == Completion(
        text="The first is alive.\n[[A]]", finish_reason="stop", tokens_in=7, tokens_out=3
    )
    assert calls == 2
    assert facts["retries"] == {kind: 1}


def test_a_stalled_call_is_cut_off_and_made_again() -> None:
    completion, calls, facts = one("stall", timeout="0.2")
    assert (completion.error, calls, facts["retries"]) == (None, 2, {"timeout": 1})


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("always_500", "500", "HTTP 500: oops (4 tries)"),
        ("error_in_200", "choices", "no choices in the answer: upstream is down (4 tries)"),
    ],
)
def test_a_lasting_fault_ends_as_an_error_after_the_last_retry(
    fault: str, kind: str, reason: str
) -> None:
    completion, calls, facts = one(fault)
    assert completion == Completion(error=reason)
    assert calls == 4
    assert facts["retries"] == {kind: 3}


def test_a_call_that_always_stalls_ends_as_an_error() -> None:
    completion, calls, facts = one("always_stall", timeout="0.1")
    assert completion == Completion(error="no answer within 0.1 s (4 tries)")
    assert (calls, facts["retries"]) == (4, {"timeout": 3})


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("forbidden", "HTTP 403: not for you"),
        ("quota", "HTTP 429: You exceeded your current quota"),
    ],
)
def test_what_cannot_get_better_is_asked_once(fault: str, reason: str) -> None:
    completion, calls, facts = one(fault)
    assert completion == Completion(error=reason)
    assert (calls, facts["retries"], facts["lowest_concurrency"]) == (1, {}, 4)


@pytest.mark.parametrize(
    ("fault", "text", "finish_reason"),
    [
        ("content_filter", "", "content_filter"),
        ("length", "The first text", "length"),
        ("empty", "", "stop"),
        ("no_verdict", "Both are fine.", "stop"),
        ("two_verdicts", "[[A]] would be the easy choice; [[B]]", "stop"),
        ("other_language", "Der erste Text ist besser, ganz klar.", "stop"),
        ("echo", "I am asked to write [[A]] or [[B]], and cannot choose", "stop"),
        ("long", "雨" * 350_000 + "\n[[B]]", "stop"),
        ("refusal", "I would rather not.", "content_filter"),
    ],
)
def test_an_odd_answer_is_an_answer_and_never_asked_for_again(
    fault: str, text: str, finish_reason: str
) -> None:
    completion, calls, facts = one(fault)
    assert completion == Completion(
        text=text, finish_reason=finish_reason, tokens_in=7, tokens_out=3
    )
    assert (calls, facts["retries"]) == (1, {})


def test_every_fault_at_once_is_met_as_it_is_alone() -> None:
    texts = [f"fault={name}" for name in FAULTS if "stall" not in name]
    with FaultServer(scripted()) as server:
        found, _ = ask(client(server.url, at_once=16), [*texts, *(f"fine {n}" for n in range(40))])
        assert found.keys() == server.calls.keys()
        failed = {text for text, completion in found.items() if completion.error}
    assert failed == {
        f"fault={name}" for name in ("always_500", "always_no_choices", "error_in_200", "forbidden", "quota")
    }  # fmt: skip
    assert all(calls == 1 for text, calls in server.calls.items() if text.startswith("fine"))


# 401, 404, and nobody there


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (error(401, "bad key"), ["OPENAI_API_KEY", "bad key", "key_env="]),
        (error(404, "no such model"), ["'tiny'", "no such model", "/v1"]),
    ],
)
def test_a_server_that_will_never_answer_stops_the_run_with_the_way_out(
    reply: Reply, words: list[str]
) -> None:
    with FaultServer(lambda body: reply) as server, pytest.raises(ModelError) as caught:
        ask(client(server.url), ["a", "b"])
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("status", [401, 404])
def test_after_an_answer_the_same_status_fails_that_call_alone(status: int) -> None:
    with FaultServer(lambda b: OK if "good" in str(b) else error(status, "gone")) as server:
        found, _ = ask(client(server.url, at_once=1), ["good", "bad", "good too"])
    assert found["bad"] == Completion(error=f"HTTP {status}: gone")
    assert found["good too"].error is None


def test_a_server_that_is_not_there_stops_the_run_after_a_few_tries() -> None:
    with FaultServer(lambda body: OK) as server:
        url = server.url
    with pytest.raises(ModelError, match=r"no connection.*base_url=http://HOST:PORT/v1"):
        ask(client(url, retries=Retries(most=7, first=0.01)), ["a"])


def test_a_host_without_a_name_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    with pytest.raises(ModelError, match="no connection"):
        ask(client("http://no-such-host.invalid/v1"), ["a"])


def test_a_server_that_leaves_midway_makes_errors_of_what_is_left() -> None:
    server = FaultServer(lambda body: OK)
    server.__enter__()
    model = client(server.url, at_once=1)
    found: dict[str, Completion] = {}

    def done(request: ChatRequest, completion: Completion) -> None:
        found[request.key] = completion
        if len(found) == 2:
            server.__exit__()

    requests = [ChatRequest(f"{n}", (Message("user", f"{n}"),), n) for n in range(4)]
    model.answer(requests, Sampling(), done, lambda _: None)
    assert [found[f"{n}"].error is None for n in range(4)] == [True, True, False, False]
    assert model.facts()["retries"]["connect"] >= 3


def test_a_server_that_comes_back_is_asked_on() -> None:
    first = FaultServer(lambda body: OK)
    first.__enter__()
    port = int(first.url.rpartition(":")[2].partition("/")[0])
    model = client(first.url, at_once=1, retries=Retries(most=7, first=0.05))
    found: dict[str, Completion] = {}
    second = FaultServer(lambda body: OK, port=port)

    def done(request: ChatRequest, completion: Completion) -> None:
        found[request.key] = completion
        if len(found) == 1:
            first.__exit__()

    def requests() -> Iterable[ChatRequest]:
        for number in range(3):
            if number == 2:
                second.__enter__()
            yield ChatRequest(f"{number}", (Message("user", f"{number}"),), number)

    model.answer(requests(), Sampling(), done, lambda _: None)
    second.__exit__()
    assert [completion.error for completion in found.values()] == [None] * 3


# how many at once


def test_a_burst_of_refusals_halves_the_limit_once_and_is_said_once() -> None:
    busy = in_turn(error(429, "slow", headers={"retry-after-ms": "50"}), OK)
    with FaultServer(lambda body: dataclasses.replace(busy(body), delay=0.05)) as server:
        model = client(server.url, at_once=8)
        found, said = ask(model, [f"{n}" for n in range(8)])
    assert all(completion.error is None for completion in found.values())
    assert model.facts()["lowest_concurrency"] == 4
    assert model.facts()["retries"] == {"429": 8}
    assert [line for line in said if "too busy" in line] == said
    assert len(said) == 1
    assert "4 of 8" in said[0]


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    with FaultServer(lambda body: answer(delay=0.01)) as server:
        ask(client(server.url, at_once=5), [f"{n}" for n in range(60)])
        assert server.most_at_once == 5


def test_the_limit_moves_with_calls_of_its_own_era_only() -> None:
    limits = Limits(16)
    assert limits.refused(0)
    assert (limits.width, limits.era) == (8, 1)
    assert not limits.refused(0)
    limits.answered(0)
    assert limits.width == 8
    assert limits.refused(1)
    assert (limits.width, limits.lowest) == (4, 4)


def test_the_limit_never_falls_below_one_and_recovers_to_its_maximum() -> None:
    limits = Limits(100)
    for era in range(20):
        limits.refused(era)
    assert (limits.width, limits.lowest) == (1, 1)
    limits.answered(limits.era)
    assert limits.width == 2
    widths = []
    for _ in range(2000):
        limits.answered(limits.era)
        widths.append(limits.width)
    assert widths == sorted(widths)
    assert limits.width == 100


def test_a_full_round_of_answers_widens_the_limit_by_a_twentieth() -> None:
    limits = Limits(100)
    limits.refused(0)
    for _ in range(50):
        limits.answered(1)
    assert 54 <= limits.width <= 55


# waiting


def test_waits_double_and_are_stretched_by_up_to_half() -> None:
    retries, rng = Retries(), random.Random(0)
    for failures, base in [(1, 0.5), (2, 1.0), (4, 4.0), (7, 32.0), (30, 60.0)]:
        for _ in range(100):
            assert base <= retries.wait(failures, rng) <= 1.5 * base
    assert sum(retries.first * 2**n for n in range(retries.most)) >= 60


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": email.utils.formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": email.utils.formatdate(NOW - 30, usegmt=True)}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_milliseconds_or_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == seconds


def test_retry_after_pauses_that_call_and_every_start() -> None:
    seen: list[tuple[str, float]] = []

    def reply(body: dict[str, Any]) -> Reply:
        text = body["messages"][0]["content"]
        seen.append((text, time.monotonic()))
        return error(429, headers={"retry-after": "0.3"}) if len(seen) == 1 else OK

    with FaultServer(reply) as server:
        ask(client(server.url, at_once=1), ["a", "b"])
    assert sorted(text for text, _ in seen[1:]) == ["a", "b"]
    assert all(at - seen[0][1] >= 0.3 for _, at in seen[1:])


def test_a_huge_retry_after_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.models.server_run.LONGEST_PAUSE", 0.05)
    with FaultServer(in_turn(error(503, headers={"retry-after": "86400"}), OK)) as server:
        found, said = ask(client(server.url), ["a"])
    assert found["a"].error is None
    assert any("86400 s" in line for line in said)


def test_calls_that_wait_hold_no_place_of_others() -> None:
    with FaultServer(scripted()) as server:
        slow = Retries(most=1, first=0.5)
        found, _ = ask(client(server.url, at_once=1, retries=slow), ["fault=dropped", "a", "b"])
    assert list(found) == ["a", "b", "fault=dropped"]


# parameters that a server refuses


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
