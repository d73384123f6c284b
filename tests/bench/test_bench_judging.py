"""The benchmark of judging: its server answers as one should, its table is simple arithmetic."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner

from harness.bench.judging import (
    JudgingBench,
    Row,
    bench_judging,
    ideal_seconds,
    markdown,
    whole_rounds,
    write_judged,
)
from harness.bench.judging_memory import (
    MemoryRow,
    bench_judging_memory,
    memory_markdown,
    repeated_judge,
)
from harness.bench.latency_server import LatencyServer, serving, tokens
from harness.bench.ways import Load, prompts
from harness.cli.main import cli
from harness.data.wpb import read_pairs
from harness.errors import DataError, UsageError
from harness.spec_files import load_any
from harness.specs import PairwiseJudge

CALL = {"model": "any", "messages": [{"role": "user", "content": "雨 falls"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[LatencyServer]:
    with serving(0.05, answer="so [[A]]") as running:
        yield running


def test_the_server_answers_as_a_chat_completion_with_its_usage(server: LatencyServer) -> None:
    found = httpx.post(f"{server.base_url}/chat/completions", json=CALL).raise_for_status().json()
    [choice] = found["choices"]
    assert choice["message"] == {"role": "assistant", "content": "so [[A]]"}
    assert (found["model"], choice["finish_reason"]) == ("any", "stop")
    # 9 bytes in, 8 out, four bytes a token
    assert found["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


@pytest.mark.parametrize(("text", "count"), [("", 0), ("abcd", 1), ("abcde", 2), ("雨雨", 2)])
def test_a_token_of_the_server_is_four_bytes(text: str, count: int) -> None:
    assert tokens(text) == count


def test_the_server_counts_calls_and_how_many_waited_at_once(server: LatencyServer) -> None:
    server.seen()

    async def three_at_a_time() -> None:
        async with httpx.AsyncClient() as client:
            url = f"{server.base_url}/chat/completions"
            for _ in range(2):
                await asyncio.gather(*(client.post(url, json=CALL) for _ in range(3)))

    asyncio.run(three_at_a_time())
    seen = server.seen()
    assert (seen.calls, seen.most) == (6, 3)
    assert server.seen().calls == 0


def test_a_connection_of_the_server_serves_many_calls(server: LatencyServer) -> None:
    server.seen()
    with httpx.Client(base_url=server.base_url) as client:
        for _ in range(3):
            client.post("/chat/completions", json=CALL).raise_for_status()
        assert client.get("/models").json()["data"][0]["object"] == "model"
    assert server.seen().connections == 1


def test_the_server_refuses_what_is_no_call(server: LatencyServer) -> None:
    with httpx.Client(base_url=server.base_url) as client:
        assert client.get("/elsewhere").status_code == 404
        assert client.post("/chat/completions", content=b"{").status_code == 400
        assert client.post("/chat/completions", json={"model": "m"}).status_code == 400
        answer = client.post("/chat/completions", content=iter([b"{}"]))  # sent in chunks
        assert (answer.status_code, answer.headers["connection"]) == (411, "close")
        assert client.post("/chat/completions", json=CALL).status_code == 200


def test_the_server_is_gone_when_its_block_ends() -> None:
    with serving(0.0) as running:
        httpx.post(f"{running.base_url}/chat/completions", json=CALL).raise_for_status()
    with pytest.raises(httpx.ConnectError):
        httpx.post(f"{running.base_url}/chat/completions", json=CALL)


def test_the_ideal_and_the_ratio_are_a_hand_count() -> None:
    assert ideal_seconds(1280, 0.5, 128) == 5.0
    row = Row(128, 1280, "a way", seconds=6.0, ideal=5.0, most=128)
    assert row.ratio == 1.2


@pytest.mark.parametrize(
    ("calls", "concurrency", "expected"),
    [(None, 1, 8), (None, 16, 128), (None, 3, 24), (7, 1, 8), (100, 16, 112), (10, 3, 12)],
)
def test_calls_fill_every_connection_equally_often(
    calls: int | None, concurrency: int, expected: int
) -> None:
    assert whole_rounds(calls, concurrency) == expected


def test_the_table_says_what_was_measured_and_what_was_not() -> None:
    row = Row(16, 1600, "a way", seconds=105.0, ideal=100.0, most=16)
    bench = JudgingBench((row,), 1.0, "pairwise", 2, ("lm-eval: not installed",))
    text = markdown(bench)
    assert "| 16 | 1,600 | a way | 100.00 | 105.00 | 1.050 | 16 |" in " ".join(text.split())
    assert "after 1 s, client and server on 2 cores" in text
    assert "Left out: lm-eval: not installed." in text


def test_the_table_of_memory_has_a_rate() -> None:
    text = memory_markdown((MemoryRow(1000, 500, 3.5, 4.0, 150.2),), 0.05, 128)
    assert "| 1,000 | 500 | 3.5 | 4.0 | 250 | 150 |" in " ".join(text.split())


def test_made_pairs_are_such_as_the_reader_takes(tmp_path: Path) -> None:
    made, copied = tmp_path / "made.jsonl", tmp_path / "copied.jsonl"
    write_judged(made, 3, None)
    write_judged(copied, 7, made)

    def read(path: Path) -> list[str]:
        found = read_pairs(path.read_bytes(), name="x", language="zh", genre_of=str)
        return [pair.prompt for pair in found.pairs]

    assert len(read(made)) == 3
    assert read(copied) == (read(made) * 3)[:7]


@pytest.mark.parametrize("text", ["no JSON\n", "", "[]", '{"prompt": "a"}\n'])
def test_a_file_without_pairs_is_refused_by_name(text: str, tmp_path: Path) -> None:
    file = tmp_path / "rubbish.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"rubbish\.jsonl"):
        bench_judging(latency=0.01, concurrencies=(1,), calls=2, file=file)


def test_a_repeated_judge_differs_in_nothing_else(tmp_path: Path) -> None:
    judge = load_any("judges", "pairwise", (PairwiseJudge,), "judge")
    path = repeated_judge("pairwise", 20, tmp_path)
    again = load_any("judges", str(path), (PairwiseJudge,), "judge")
    assert again.repeats == 20
    assert again.model_copy(update={"repeats": judge.repeats}) == judge


def short_pairs(path: Path) -> Path:
    sides = {"chosen": {"response": "雨" * 20}, "rejected": {"response": "雪" * 10}}
    row = {"prompt": "写", "prompt_id": "1", "tag": "诗", **sides}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def test_every_way_makes_every_call_once_at_no_more_than_its_concurrency(tmp_path: Path) -> None:
    file = short_pairs(tmp_path / "pairs.jsonl")
    bench = bench_judging(latency=0.01, concurrencies=(4,), calls=8, file=file)
    ways = [row.way for row in bench.rows]
    assert ways[:2] == ["bare aiohttp", "harness, its calls"]
    assert ways[-1] == "harness run, the whole command"
    assert all((row.calls, row.ideal) == (8, 0.02) and 1 <= row.most <= 4 for row in bench.rows)


def test_a_judge_that_asks_several_times_is_refused(tmp_path: Path) -> None:
    judge = str(repeated_judge("pairwise", 3, tmp_path))
    with pytest.raises(UsageError, match="repeats is 3; measure it with 1"):
        prompts(Load("", short_pairs(tmp_path / "pairs.jsonl"), judge, 1))


def test_memory_counts_the_calls_of_repeats_and_of_more_pairs(tmp_path: Path) -> None:
    file = short_pairs(tmp_path / "pairs.jsonl")
    rows = bench_judging_memory(latency=0.001, concurrency=8, calls=(4, 12), file=file)
    assert [(row.calls, row.pairs) for row in rows] == [(4, 2), (12, 2), (12, 6)]
    assert all(row.peak > 10 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["judgin"], "did you mean 'judging'"),
        (["judging", "--num_concurrent", "1,x"], "--num_concurrent 1,x: whole numbers above 0"),
        (["judging", "--growth", "--calls", "3"], "--growth takes"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["bench", *arguments])
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)


@pytest.mark.parametrize(
    "arguments", [["--pairs", "0"], ["scoring", "--pairs", "0"], ["--pairs=0"]]
)
def test_flags_alone_are_those_of_scoring(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli, ["bench", *arguments])
    assert done.exit_code == 2 and "'--pairs': 0 is not in the range" in done.output


def test_the_growth_of_judging_is_at_a_twentieth_of_the_calls_and_at_all(tmp_path: Path) -> None:
    file = short_pairs(tmp_path / "pairs.jsonl")
    flags = ["--growth", "--calls", "45", "--latency", "0.001", "--data", str(file)]
    done = CliRunner().invoke(cli, ["bench", "judging", *flags, "--num_concurrent", "8"])
    assert done.exit_code == 0, done.output
    table = [line.split("|") for line in done.output.splitlines() if line.startswith("| ")]
    assert [row[1].strip() for row in table[1:]] == ["2", "40", "40"]


def test_the_help_names_all_parts_in_the_order_of_the_document() -> None:
    said = CliRunner().invoke(cli, ["bench", "--help"]).output.split("Commands:")[1]
    parts = [line.split()[0] for line in said.splitlines() if line.strip()]
    assert parts == [
        *("scoring", "likelihood", "peers", "judging", "diversity", "report", "start", "growth"),
        "all",
    ]
