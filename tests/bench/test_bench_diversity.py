"""The benchmark of measuring: its rows, its texts, and files it cannot read."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from harness.bench.diversity import bench_diversity, markdown
from harness.cli.main import cli
from harness.errors import DataError


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_every_way_is_held_against_its_own_segmenter():
    bench = bench_diversity(language="en", chars=3_000, processes=2)
    ways = [row.way for row in bench.rows]
    assert ways == [
        "word regex, bare",
        "word regex, words",
        "word regex, all measures",
        "word regex, all measures, 2 processes",
    ]
    assert bench.rows[0].times_bare == 1.0 and bench.chars >= 3_000
    assert all(row.way in markdown(bench) for row in bench.rows)


def test_chinese_texts_are_made_of_words():
    bench = bench_diversity(chars=500)
    assert [row.way for row in bench.rows][:3] == [
        "jieba, bare",
        "jieba, words",
        "jieba, all measures",
    ]
    assert bench.language == "zh" and bench.chars >= 500


def test_texts_and_pairs_are_read_from_a_file_over_and_over(tmp_path):
    file = write(
        tmp_path / "rows.jsonl",
        {"response": "one two"},
        {"chosen": {"response": "three"}, "rejected": {"response": "four"}},
    )
    bench = bench_diversity(language="en", chars=40, file=file)
    assert (bench.texts, bench.chars) == (8, 44)


@pytest.mark.parametrize(
    "row", [{"text": "one"}, {"response": None}, {"chosen": {"response": "one"}}, {"chosen": "one"}]
)
def test_a_row_without_a_response_is_named(tmp_path, row):
    file = write(tmp_path / "rows.jsonl", {"response": "one"}, row)
    with pytest.raises(DataError, match=r"rows\.jsonl line 2: no response"):
        bench_diversity(language="en", chars=10, file=file)


def test_a_file_without_a_text_is_refused(tmp_path):
    with pytest.raises(DataError, match="no text in it"):
        bench_diversity(language="en", chars=10, file=write(tmp_path / "rows.jsonl"))


def test_the_command_prints_and_writes_the_table(tmp_path):
    out = tmp_path / "table.md"
    flags = ["--language", "en", "--chars", "50", "--processes", "1", "--out", str(out)]
    done = CliRunner().invoke(cli, ["bench", "diversity", *flags])
    assert done.exit_code == 0, done.output
    assert "| word regex, all measures" in done.output and "| 1.00x" in out.read_text().replace(
        "  ", ""
    )
