"""A judge by the command line on a server's bad days: what it costs, what is written, what is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fault_server import FAULTS, OK, FaultServer, Reply, answer, error, scripted
from judged import Body, Changing, Judged, chance
from rows import row, write_rows
from server_client import clear_environment

KEY = "sk-live-0123456789abcdef"
PAIRS = 24  # in `data`
# fault -> calls for each verdict with max_retries=1, and the outcome with the chosen text first
COMES_TO = {
    "429": (2, "chosen"),
    "429_retry_after": (2, "chosen"),
    "500": (2, "chosen"),
    "503": (2, "chosen"),
    "always_500": (2, "error"),
    "dropped": (2, "chosen"),
    "stall": (2, "chosen"),
    "always_stall": (2, "error"),
    "half_json": (2, "chosen"),
    "cut_off": (2, "chosen"),
    "no_choices": (2, "chosen"),
    "always_no_choices": (2, "error"),
    "error_in_200": (2, "error"),
    "content_filter": (1, "unparsed"),
    "length": (1, "unparsed"),
    "empty": (1, "unparsed"),
    "no_verdict": (1, "unparsed"),
    "two_verdicts": (1, "rejected"),  # the last label decides
    "other_language": (1, "unparsed"),
    "echo": (1, "rejected"),  # the same rule
    "long": (1, "rejected"),
    "forbidden": (1, "error"),
    "refusal": (1, "unparsed"),
    "quota": (1, "error"),
}


@pytest.fixture
def judged(
    harness: Callable[..., Any], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Judged:
    clear_environment(monkeypatch)
    return Judged(harness, data, tmp_path / "out")


def always_a(_: Body) -> Reply:
    return answer("[[A]]")


def test_each_fault_comes_to_its_outcome_its_calls_and_its_account(judged: Judged) -> None:
    assert COMES_TO.keys() == FAULTS.keys()
    write_rows(
        judged.data, [row(f"write: fault={name}", f"{name} 好", f"{name} 平") for name in FAULTS]
    )
    with FaultServer(scripted()) as server:
        said = judged(server, options=",timeout=0.5,max_retries=1")
        asked = {
            name: sum(n for text, n in server.calls.items() if f"fault={name}\n" in text)
            for name in FAULTS
        }
    assert said.code == 0
    found = {
        line["prompt_id"].partition("=")[2]: line["outcome"]
        for line in judged.lines()
        if line["order"] == "chosen_first"
    }
    expected = {name: (2 * calls, outcome) for name, (calls, outcome) in COMES_TO.items()}
    assert {name: (asked[name], found[name]) for name in FAULTS} == expected
    counts, answered = (
        judged.stored()["counts"],
        [v for v in judged.lines() if v["raw"] is not None],
    )
    assert counts["calls"] == sum(asked.values())
    assert sum(counts["retries"].values()) == counts["calls"] - 2 * len(FAULTS)
    assert (counts["tokens_in"], counts["tokens_out"]) == (7 * len(answered), 3 * len(answered))
    errors = [line for line in judged.lines() if line["outcome"] == "error"]
    assert all(line["raw"] is None and line["reason"] for line in errors)
    assert judged.metrics["errors"] == len(errors) == 12
    assert "12 verdicts are errors (" in said.err and "12 verdicts are unparsed (" in said.err
    assert "cut off before a label (length)" in said.err and "max_tokens" in said.err


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, ("refuses the key of OPENAI_API_KEY", "key_env=VARIABLE")),
        (404, ("no model 'm'", "base_url")),
    ],
)
def test_a_server_that_refuses_all_stops_the_run_with_the_way_out(
    judged: Judged, status: int, words: tuple[str, ...]
) -> None:
    with FaultServer(lambda _: error(status, "no such thing")) as server:
        said = judged(server)
        assert sum(server.calls.values()) <= 16
    assert said.code == 1 and all(word in said.message for word in words)
    assert not judged.out.exists()


def test_a_server_that_is_not_there_stops_the_run(judged: Judged) -> None:
    with FaultServer(always_a) as server:
        pass
    said = judged(server, options=",max_retries=0")
    assert said.code == 1 and "start the server" in said.message
    assert not judged.out.exists()


def test_a_key_given_on_the_command_line_is_refused_and_not_repeated(judged: Judged) -> None:
    with FaultServer(always_a) as server:
        said = judged(server, options=f",api_key={KEY}")
        assert not server.calls
    assert said.code == 2 and "OPENAI_API_KEY" in said.message
    assert KEY not in said.err


@pytest.mark.parametrize("place", ["content", "reasoning", "model", "400", "401", "500", "html"])
def test_a_key_that_comes_back_is_found_nowhere(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    replies: Mapping[str, Reply] = {
        "content": answer(f"you are {KEY} [[A]]"),
        "reasoning": answer("[[A]]", message={"reasoning_content": KEY}),
        "model": answer("[[A]]", model=KEY, system_fingerprint=KEY),
        "html": Reply(body=f"<html>{KEY}</html>".encode()),
    }
    reply = replies.get(place) or error(int(place), f"the key {KEY} is not good")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FaultServer(lambda _: reply) as server:
        said = judged.harness("--debug", *judged.arguments(server, options=",max_retries=0"))
        assert server.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in said.out + said.err
    for path in judged.out.rglob("*"):
        assert path.is_dir() or KEY not in path.read_text(encoding="utf-8"), path


def test_max_errors_stops_the_run_and_the_same_command_goes_on(judged: Judged) -> None:
    reply = Changing(lambda _: error(400, "no room"))
    with FaultServer(reply) as server:
        said = judged(server, "--max_errors", 3)
        assert said.code == 1
        assert "3 calls failed for good" in said.message and "no room" in said.message
        calls = sum(server.calls.values())
        assert judged.stored()["counts"]["calls"] == calls < 2 * PAIRS
        assert judged.harness("report", judged.out).code == 1
        reply.now = always_a
        assert judged(server, "--max_errors", 3).code == 0
        assert judged.stored()["counts"]["calls"] == sum(server.calls.values())
    assert judged.metrics["errors"] == 0 and judged.metrics["coverage"] == 1.0


def test_refused_parameters_are_left_out_said_once_and_not_asked_again(judged: Judged) -> None:
    refused = ("temperature", "max_tokens")

    def reply(body: Body) -> Reply:
        name = next((name for name in refused if name in body), None)
        if name is None:
            return answer("[[A]]") if chance(body) < 0.8 else error(400, "no")
        return error(400, f"Unsupported parameter: '{name}'", param=name)

    changing = Changing(reply)
    with FaultServer(changing) as server:
        said = judged(server)
        for name in refused:
            assert said.err.count(f"the server refuses {name}:") == 1
            assert name in judged.stored()["model"]["dropped_parameters"]
        assert said.code == 0 and judged.metrics["errors"]
        server.bodies.clear()
        assert judged(server).code == 0
        assert server.bodies and not any(body.keys() & set(refused) for body in server.bodies)
        assert all(body["max_completion_tokens"] == 4096 for body in server.bodies)


ODD_ANSWERS = {
    "half of a surrogate pair": ('"a \\ud800 b [[A]]"', "a \ufffd b [[A]]"),
    "NUL": ('"a \\u0000 [[A]]"', "a \x00 [[A]]"),
    "line separators": ('"a \\u2028 \\u0085 \\r\\n [[A]]"', "a \u2028 \x85 \r\n [[A]]"),
    "full-width": ('"［［Ａ］］"', "［［Ａ］］"),
    "parts": ('[{"type": "text", "text": "[[A]]"}]', "[[A]]"),
}


@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_odd_characters_of_an_answer_are_stored_on_one_line_and_read_again(
    judged: Judged, name: str
) -> None:
    content, raw = ODD_ANSWERS[name]
    body = f'{{"choices": [{{"message": {{"content": {content}}}, "finish_reason": "stop"}}]}}'
    with FaultServer(lambda _: Reply(body=body.encode())) as server:
        assert judged(server, "--limit", 2).code == 0
    assert [line["raw"] for line in judged.lines()] == [raw] * 4
    assert judged.metrics["first_pick_rate"] == 1.0
    assert "the same numbers" in judged.harness("rescore", judged.folder).out


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ("null", (None, None)),
        ("[]", (None, None)),
        ('{"prompt_tokens": "12", "completion_tokens": -3}', (None, None)),
        ('{"prompt_tokens": 1.5, "completion_tokens": true}', (None, None)),
        (f'{{"prompt_tokens": 5, "completion_tokens": {"9" * 400}}}', (20, None)),
        ('{"prompt_tokens": 5, "completion_tokens": 9223372036854775808}', (20, None)),
        ('{"prompt_tokens": 5, "completion_tokens": 2}', (20, 8)),
    ],
)
def test_nonsense_for_usage_is_not_counted_and_ends_nothing(
    judged: Judged, tmp_path: Path, usage: str, counted: tuple[int | None, int | None]
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("kind: prices\nmodels: {m: {input: 1000000, output: 1000000}}\n")
    choice = json.dumps({"message": {"content": "[[A]]"}, "finish_reason": "stop"})
    body = f'{{"choices": [{choice}], "usage": {usage}}}'
    with FaultServer(lambda _: Reply(body=body.encode())) as server:
        assert judged(server, "--limit", 2, "--price_file", prices).code == 0
    manifest = judged.stored()
    assert (manifest["counts"]["tokens_in"], manifest["counts"]["tokens_out"]) == counted
    amount = sum(counted) if None not in counted else None  # type: ignore[arg-type]
    assert manifest["cost"]["amount"] == amount


@pytest.mark.parametrize(
    ("reply", "outcome", "reasoning"),
    [
        (answer("[[B]]", message={"reasoning_content": "[[A]]"}), "rejected", "[[A]]"),
        (answer("<think>[[A]]</think>\n[[B]]"), "rejected", "[[A]]"),
        (answer("<think>surely [[A]]", finish_reason="length"), "unparsed", "surely [[A]]"),
        (answer(None, message={"reasoning_content": "[[A]]"}), "unparsed", "[[A]]"),
    ],
)
def test_what_is_thought_aloud_is_kept_and_never_read(
    judged: Judged, reply: Reply, outcome: str, reasoning: str
) -> None:
    with FaultServer(lambda _: reply) as server:
        judged(server, "--limit", 2)
    found = [line for line in judged.lines() if line["order"] == "chosen_first"]
    assert {line["outcome"] for line in found} == {outcome}
    assert {line["reasoning"] for line in found} == {reasoning}


def test_reasons_that_differ_by_a_number_alone_are_counted_as_one(judged: Judged) -> None:
    def reply(body: Body) -> Reply:
        if chance(body) < 0.5:
            return error(400, f"no such input, request {int(chance(body) * 1e9):09d}")
        return OK

    with FaultServer(reply) as server:
        said = judged(server)
    errors = judged.metrics["errors"]
    assert f"({errors} x HTTP 400: no such input, request …)" in said.err
