"""How many calls are in flight, and how long one that failed waits."""

from __future__ import annotations

import dataclasses
import email.utils
import random
import time
from typing import Any

import pytest
from fault_server import OK, FaultServer, Reply, answer, error, in_turn, scripted
from server_client import ask, client

from harness.models.server.limits import Limits
from harness.models.server.retry import Retries, retry_after


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


def test_no_new_call_is_sent_into_a_storm_until_one_is_answered_or_given_up() -> None:
    limits = Limits(8)
    assert not limits.choked
    limits.refused(0)
    assert limits.choked
    limits.answered(0)
    assert not limits.choked
    limits.refused(1)
    limits.gave_up()
    assert not limits.choked
    limits.answered(2)
    limits.refused(2)
    assert limits.choked


def test_while_all_are_refused_only_the_first_few_are_asked_again() -> None:
    over = time.monotonic() + 0.4
    with FaultServer(lambda _: OK if time.monotonic() > over else error(503)) as server:
        model = client(server.url, at_once=4, retries=Retries(most=20, first=0.01, longest=0.05))
        found, _ = ask(model, [f"{n}" for n in range(40)])
        assert all(completion.error is None for completion in found.values())
        assert sum(calls > 1 for calls in server.calls.values()) <= 8


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
    monkeypatch.setattr("harness.models.server.run.LONGEST_PAUSE", 0.05)
    with FaultServer(in_turn(error(503, headers={"retry-after": "86400"}), OK)) as server:
        found, said = ask(client(server.url), ["a"])
    assert found["a"].error is None
    assert any("86400 s" in line for line in said)


def test_calls_that_wait_hold_no_place_of_others() -> None:
    with FaultServer(scripted()) as server:
        slow = Retries(most=1, first=0.5)
        found, _ = ask(client(server.url, at_once=1, retries=slow), ["fault=dropped", "a", "b"])
    assert list(found) == ["a", "b", "fault=dropped"]
