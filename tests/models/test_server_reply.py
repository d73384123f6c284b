"""What is read out of a server's answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fault_server import OK, FaultServer, Reply, answer
from server_client import answers, client


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
        found = answers(client(server.url), "a")["a"]
    assert (found.text, found.reasoning, found.tokens_reasoning) == expected
    assert found.error is None


@pytest.mark.parametrize(
    "usage", [None, {}, "none", {"prompt_tokens": None, "completion_tokens": "3"}]
)
def test_counts_that_are_missing_or_no_numbers_are_null(usage: Any) -> None:
    reply = Reply(body={**OK.body, "usage": usage})
    with FaultServer(lambda body: reply) as server:
        found = answers(client(server.url), "a")["a"]
    assert (found.tokens_in, found.tokens_out, found.tokens_reasoning) == (None, None, None)
    assert found.text


def test_a_filtered_choice_without_a_message_is_an_empty_answer() -> None:
    body = {**OK.body, "choices": [{"index": 0, "finish_reason": "content_filter"}]}
    with FaultServer(lambda _: Reply(body=body)) as server:
        found = answers(client(server.url), "a")["a"]
        assert server.calls["a"] == 1
    assert (found.text, found.finish_reason, found.error) == ("", "content_filter", None)
