"""What servers do on bad days: for each the answer, the number of calls, and the accounting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from fault_server import FAULTS, OK, FaultServer, Reply, answer, error, scripted
from server_client import answers, ask, client

from harness.errors import ModelError
from harness.models.base import ChatRequest, Completion
from harness.models.server.retry import Retries
from harness.records import Message
from harness.specs import Sampling


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


def test_a_message_without_a_marker_gets_the_ordinary_answer() -> None:
    with FaultServer(scripted(lambda body: answer("ordinary"))) as server:
        found = answers(client(server.url), "a", "b fault=no_verdict")
    assert [found[text].text for text in found] == ["ordinary", "Both are fine."]


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
