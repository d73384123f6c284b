"""Large JSONL: pairs that stay in their file are the pairs that would be held in memory."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.data import Dataset, load_pairs, still_file, verify_source
from harness.data.columns import columns
from harness.data.file_pairs import FilePairs
from harness.data.kept import KeptPairs
from harness.errors import DataError
from harness.models.base import ModelSettings
from harness.records import candidate
from harness.request import RunRequest, select
from harness.results import pair_facts, pairs_sha256
from harness.specs import TaskSpec

Rows = Callable[..., dict[str, Any]]
Both = Callable[..., tuple[Dataset, Dataset]]


@pytest.fixture
def both(wpb_zh: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    """The pairs of some bytes, held in memory and left in their file."""

    def read(content: bytes, **options: Any) -> tuple[Dataset, Dataset]:
        file = tmp_path / "pairs.jsonl"
        file.write_bytes(content)
        kept = load_pairs(wpb_zh, file=file, **options)
        monkeypatch.setattr(still_file, "LARGE", 1)
        return kept, load_pairs(wpb_zh, file=file, **options)

    return read


@pytest.fixture
def large(both: Both, make_row: Rows) -> FilePairs:
    """Nine pairs of three prompts in two genres, left in their file."""
    rows = [
        make_row(i, prompt=f"ask {i % 3}", tag=("诗歌", "散文")[i % 2], chosen_score=i)
        for i in range(9)
    ]
    pairs = both(jsonl(rows))[1].pairs
    assert isinstance(pairs, FilePairs)
    return pairs


def jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def told(data: Dataset) -> tuple[Any, ...]:
    """All that is said of a file, its pairs aside."""
    return data.sha256, data.dropped, data.dropped_rows, data.notices, data.rows, data.file


def test_odd_but_good_lines_are_read_alike(both: Both, make_row: Rows) -> None:
    repeated = jsonl([make_row(1)]).replace(b'"word_len": 2', b'"word_len": {"a": 1, "a": 2}')
    lines = [
        b"\xef\xbb\xbf" + jsonl([make_row(1)]),
        b"\r\n \t\n",
        b" \t" + jsonl([make_row(1)]).strip() + b" \r\n",
        jsonl([make_row(2, chosen_response='a\u2028b\x85c\u0000d 😀 \\ "')]),
        json.dumps(make_row(3, prompt="写\n一首😀诗")).encode() + b"\n",  # all escapes
        jsonl([make_row(4, note=float("nan"), prompt_id=17, chosen_score=None)]),
        json.dumps(make_row(5, note="\ud83d", rejected_model=None)).encode() + b"\n",
        jsonl([make_row(6, note=10**400, chosen_score=2.5, tag="nowhere")]),
        repeated,
        jsonl([make_row(7, prompt=" / ", chosen_response="bad  7 ")]),
        jsonl([make_row(8)]).rstrip(),
    ]
    kept, large = both(b"".join(lines))
    assert isinstance(kept.pairs, KeptPairs) and isinstance(large.pairs, FilePairs)
    assert tuple(large.pairs) == kept.pairs
    assert tuple(large.pairs[i] for i in range(len(large.pairs))) == kept.pairs
    assert told(large) == told(kept)
    assert len(kept.pairs) == 10
    assert pairs_sha256(large.pairs) == pairs_sha256(kept.pairs)
    assert list(pair_facts(large.pairs)) == list(pair_facts(kept.pairs))


def test_bad_rows_are_found_alike(both: Both, make_row: Rows) -> None:
    twice = json.dumps(make_row(2)).replace('"tag":', '"tag": "x", "tag":').encode()
    escaped = json.dumps(make_row(2)).replace('"tag":', '"t\\u0061g": "x", "tag":').encode()
    torn, half = jsonl([make_row(3)])[:30], json.dumps(make_row(4, prompt="\ud83d")).encode()
    deep, long = b"[" * 100_000, b"1" * 5_000
    lines = [twice, escaped, torn, half, deep, long, b"5", b"oops", b'{"a": 1} {}', b"null"]
    content = b"\n".join([jsonl([make_row(1)]).strip(), *lines, jsonl([make_row(9)])])
    kept, large = both(content, bad_rows="drop")
    assert told(large) == told(kept)
    assert len(kept.dropped) == 10
    assert [pair.row for pair in large.pairs] == [1, 12]
    with pytest.raises(DataError) as refused:
        both(content)
    assert "10 of 12 rows cannot be used" in str(refused.value)


WHOLE = [
    b"\n \n",
    b'{"data": []}',
    b'"text"',
    b"prompt,tag\na,b",
    b"1\n2",
    b'{"prompt": "\xff',
    b'\xef\xbb\xbf{"prompt": 1}\n\n "\xff"',
    b'{"prompt": "\xe4\xb8\n',
    '{"a": 1}'.encode("utf-16"),
    b"[" * 100_000,
    b'[{"prompt": 1}, {"prompt": 2}]',
]


@pytest.mark.parametrize("content", WHOLE)
def test_a_file_that_cannot_be_used_is_refused_in_the_same_words(
    wpb_zh: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_bytes(content)
    with pytest.raises(DataError) as kept:
        load_pairs(wpb_zh, file=file)
    monkeypatch.setattr(still_file, "LARGE", 1)
    with pytest.raises(DataError) as large:
        load_pairs(wpb_zh, file=file)
    assert str(large.value) == str(kept.value)


def test_a_file_without_an_object_is_not_read_to_its_end(
    wpb_zh: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still_file, "LARGE", 1)
    file = tmp_path / "table.jsonl"
    file.write_bytes(b"a,b\n" * 10_000 + b"\xff")  # not even UTF-8 at its end
    with pytest.raises(DataError, match="neither a JSON list nor JSON Lines of objects"):
        load_pairs(wpb_zh, file=file)


def test_a_json_list_of_any_size_is_held_in_memory(
    wpb_zh: TaskSpec, make_row: Rows, write_rows: Callable[..., Path], monkeypatch: Any
) -> None:
    monkeypatch.setattr(still_file, "LARGE", 1)
    assert isinstance(load_pairs(wpb_zh, file=write_rows([make_row()])).pairs, KeptPairs)


def test_of_many_bad_rows_the_first_are_kept_and_all_are_counted(
    both: Both, make_row: Rows
) -> None:
    content = jsonl([make_row(i, tag=None, prompt=0) for i in range(1_500)] + [make_row()])
    for data in both(content, bad_rows="drop"):
        assert (len(data.dropped), data.dropped_rows, data.rows) == (1_000, 1_500, 1_501)
    with pytest.raises(DataError) as refused:
        both(content)
    said = str(refused.value).splitlines()
    assert "1,500 of 1,501 rows" in said[0]
    assert (len(said), said[-2]) == (53, "  and 2,950 more")


def test_a_place_a_slice_and_a_pass_give_the_same_pairs(large: FilePairs) -> None:
    whole = list(large)
    assert [large[i] for i in range(-9, 9)] == whole + whole
    assert list(large[2:7:2]) == whole[2:7:2]
    assert list(large[::-1]) == whole[::-1]
    assert list(large[5:5]) == []
    with pytest.raises(IndexError):
        large[9]


def test_rows_far_apart_and_rows_longer_than_a_read_are_found(
    both: Both, make_row: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.data import file_pairs

    monkeypatch.setattr(file_pairs, "_SPAN", 1_000)
    monkeypatch.setattr(file_pairs, "_GAP", 200)
    rows = [make_row(i, chosen_response="好" * (7 * i % 11) ** 3 + str(i)) for i in range(40)]
    kept, large = both(jsonl(rows))
    assert tuple(large.pairs) == kept.pairs
    assert tuple(large.pairs[::3]) == kept.pairs[::3]


def test_threads_may_read_at_once(large: FilePairs) -> None:
    whole = list(large)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda i: (large[i % 9], list(large[i % 9 :])), range(200)):
            assert found == (whole[-len(found[1])], whole[-len(found[1]) :])


def test_a_file_changed_since_it_was_checked_is_noticed(large: FilePairs, tmp_path: Path) -> None:
    with (tmp_path / "pairs.jsonl").open("ab") as stream:
        stream.write(b"\n")
    for use in (list, lambda pairs: pairs[3]):
        with pytest.raises(DataError, match=r"pairs\.jsonl: changed while it was being read"):
            use(large)


def test_a_file_of_the_same_size_written_anew_is_noticed(large: FilePairs, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    time = file.stat().st_mtime_ns
    file.write_bytes(file.read_bytes())
    os.utime(file, ns=(time, time + 1))
    with pytest.raises(DataError, match="changed"):
        list(large)


def test_a_file_replaced_by_another_is_read_on(large: FilePairs, tmp_path: Path) -> None:
    before = list(large)
    (tmp_path / "new").write_bytes(b"")
    (tmp_path / "new").replace(tmp_path / "pairs.jsonl")
    assert list(large) == before


def test_a_selection_stays_in_the_file_and_is_that_of_pairs_in_memory(
    both: Both, make_row: Rows
) -> None:
    rows = [make_row(i % 40, tag=("诗歌", "散文", "Odd")[i % 3]) for i in range(90)]
    kept, large = both(jsonl(rows))
    for limits in ({"limit": 7}, {"limit": 0.5}, {"genres": ("Poetry", "Other"), "limit": 11}):
        request = RunRequest(tasks=(), model="", settings=ModelSettings(seed=3), **limits)
        one, other = select(kept.pairs, request), select(large.pairs, request)
        assert isinstance(one, KeptPairs) and isinstance(other, FilePairs)
        assert tuple(other) == one
        assert list(pair_facts(other)) == list(pair_facts(one))


def test_the_columns_are_those_of_the_texts(large: FilePairs) -> None:
    known = columns(large)
    for row, pair in enumerate(large):
        sides = (pair.chosen, known.chosen_id, known.chosen_key, known.chosen_chars), (
            pair.rejected, known.rejected_id, known.rejected_key, known.rejected_chars,
        )  # fmt: skip
        for side, ids, keys, chars in sides:
            assert f"{ids[row]:016x}" == candidate(pair, side).id
            assert f"{keys[row]:016x}" == hashlib.sha256(side.response.encode()).hexdigest()[:16]
            assert chars[row] == len(side.response)
        assert known.prompt_chars[row] == len(pair.prompt)
    assert list(known.heads()) == [pair.head for pair in large]


def test_reading_holds_no_texts(both: Both, make_row: Rows, wpb_zh: TaskSpec) -> None:
    rows = [make_row(i, chosen_response=f"{i}" + "字" * 20_000) for i in range(300)]
    data = both(jsonl(rows))[1]
    size = 300 * 60_000
    del rows
    tracemalloc.start()
    try:
        data = load_pairs(wpb_zh, file=Path(data.pairs._file.path))  # type: ignore[attr-defined]
        assert sum(len(pair.chosen.response) for pair in data.pairs) > 300 * 20_000
        list(pair_facts(data.pairs))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 1.5


def test_progress_counts_the_megabytes_of_the_file(
    both: Both, make_row: Rows, wpb_zh: TaskSpec, tmp_path: Path
) -> None:
    said: list[Any] = []

    class Heard:
        def notice(self, message: str) -> None: ...
        def finish(self) -> None: ...

        def start(self, what: str, total: int, unit: str) -> None:
            said.append((what, total, unit))

        def advance(self, n: int, *, tokens: int = 0) -> None:
            said.append(n)

    both(jsonl([make_row(i, chosen_response="字" * 400_000) for i in range(8)]))
    load_pairs(wpb_zh, file=tmp_path / "pairs.jsonl", progress=Heard())
    assert said[0] == ("reading pairs.jsonl", 10, "MB")
    assert len(said) > 2 and sum(said[1:]) == 10


def test_a_large_file_is_verified_by_its_sum_and_its_rows(
    wpb_zh: TaskSpec, make_row: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still_file, "LARGE", 1)
    file = tmp_path / "pairs.jsonl"
    file.write_bytes(jsonl([make_row(1), make_row(2)]))
    pins = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "expect": 2}
    spec = wpb_zh.model_copy(update={"source": wpb_zh.source.model_copy(update=pins)})
    assert verify_source(spec, file=file).rows == 2
    file.write_bytes(jsonl([make_row(1)]))
    with pytest.raises(DataError, match="sha256 expected"):
        verify_source(spec, file=file)


def test_the_real_pairs_are_the_same_from_their_file(both: Both, shared_data: Path) -> None:
    for name in ("wpb_pairs_zh_dev.jsonl", "creative_pairs_en_dev.jsonl"):
        kept, large = both((shared_data / name).read_bytes())
        assert tuple(large.pairs) == tuple(kept.pairs)
        assert told(large) == told(kept)
