"""The mixture: its sources side by side, its ratios, its part of the manifest, its refusals."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.data.triplets import TripletFile, load_triplets
from harness.errors import DataError, UsageError
from harness.progress import Silent
from harness.records import Triplet
from harness.specs import SftTraining, TripletSource
from harness.training.mixture.contamination import ContaminationError, Hit
from harness.training.mixture.mixture import Mixture, make_mixture, ratio_line, wanted

Row = dict[str, str]
SOURCES = ("creative", "general_zh", "general_en")


def recipe(data: Mapping[str, dict[str, Any]], **changes: Any) -> SftTraining:
    known = {"kind": "sft", "name": "some", "base": "who/what", "learning_rate": 1e-5}
    sizes = {"max_length": 8192, "global_batch_size": 32}
    return SftTraining.model_validate({**known, **sizes, "data": data, **changes})


def mix(
    files: Mapping[str, TripletFile],
    data: Mapping[str, dict[str, Any]],
    *,
    hit: Callable[[Triplet], Hit | None] | None = None,
    progress: Any = None,
    **changes: Any,
) -> Mixture:
    found = recipe(data, **changes)
    used = {name: files[name] for name, one in found.data.items() if one.n != 0 or one.eval_n}
    return make_mixture(found, used, tokens=length, hit=hit, progress=progress or Silent())


def length(row: Triplet) -> int:
    """What stands in for tokens: characters."""
    return len(row.query) + len(row.thought or "") + len(row.answer)


def rows_of(name: str, n: int) -> list[Row]:
    """Rows unlike each other and those of other names."""
    draw = random.Random(name)

    def words(k: int) -> str:
        return " ".join(f"{draw.randrange(10**6)}" for _ in range(k))

    return [{"query": words(6), "thought": words(5), "answer": words(12)} for _ in range(n)]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., dict[str, TripletFile]]:
    """Files of rows by source name: a number of them, or the rows themselves."""

    def write(**sources: int | list[Row]) -> dict[str, TripletFile]:
        found = {}
        for name, rows in sources.items():
            made = rows_of(name, rows) if isinstance(rows, int) else rows
            path = tmp_path / f"{name}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
            found[name] = load_triplets(TripletSource(file=str(path)), name=name)
        return found

    return write


def split(n: int | None, *general: int | None, ratio: float) -> list[int | None]:
    data = {"creative": {"n": n}, **{f"g{i}": {"n": one} for i, one in enumerate(general)}}
    found = wanted(recipe(data, ratio=ratio), {})
    return [found[f"g{i}"] for i in range(len(general))]


def test_a_ratio_is_split_evenly_over_the_general_sources_in_use() -> None:
    assert split(1665, None, 9, ratio=12.012) == [10_000, 10_000]
    assert split(1665, None, None, ratio=3) == [2498, 2497]
    assert split(10, None, None, None, ratio=1.1) == [4, 4, 3]
    assert split(10, 0, 5, 0, ratio=2) == [0, 20, 0]
    assert split(None, 7, 7, ratio=2) == [None, None]


def test_without_a_ratio_every_source_has_its_own_number() -> None:
    data = {"creative": {"n": None}, "general_zh": {"n": 3}, "general_en": {"n": 0}}
    assert wanted(recipe(data), {}) == {"creative": None, "general_zh": 3, "general_en": 0}


def test_a_ratio_counts_the_creative_rows_that_can_be_drawn(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    creative = rows_of("creative", 20)
    files = written(creative=[*creative, *creative[:5]], general_zh=80, general_en=80)
    data = {"general_zh": {"n": 1}, "general_en": {}, "creative": {"eval_n": 3}}
    mixed = mix(files, data, ratio=3)
    assert {name: len(one.train) for name, one in mixed.sources.items()} == {
        "general_zh": 26, "general_en": 25, "creative": 17,
    }  # fmt: skip
    assert list(mixed.sources) == list(data)
    assert mixed.ratio_samples == 51 / 17


@pytest.mark.parametrize(
    ("data", "ratio", "said"),
    [
        ({"creative": {"n": 0}, "general_zh": {}}, 2, "data.creative.n is 0"),
        ({"creative": {}, "general_zh": {"n": 0}}, 2, "no general source has an n above 0"),
        ({"creative": {}}, 2, "no general source has an n above 0"),
        ({"creative": {"n": 9}, "general_zh": {}}, 0.01, "of 9 creative rows that is no general"),
        ({"creative": {}, "general_zh": {}}, 0.01, "of 10 creative rows that is no general row"),
    ],
)
def test_a_ratio_that_no_draw_can_have_is_wrong_use(
    written: Callable[..., dict[str, TripletFile]], data: Any, ratio: float, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        mix(written(creative=10, general_zh=10), data, ratio=ratio)
    assert said in str(caught.value) and "--set ratio=null" in str(caught.value)


def test_a_ratio_with_too_few_general_rows_names_the_largest_that_can_be_drawn(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    files = written(creative=7, general_zh=31, general_en=30)
    data: dict[str, dict[str, Any]] = {
        "creative": {},
        "general_zh": {},
        "general_en": {"eval_n": 2},
    }
    with pytest.raises(DataError) as caught:
        mix(files, data, ratio=12)
    assert str(caught.value).split("\n") == [
        "ratio 12 of 7 creative rows:",
        "  general_zh: 42 asked, 31 rows, 31 can be drawn",
        "  general_en: 42 asked and 2 to evaluate on, 30 rows, 30 can be drawn",
        "--set ratio=8.14",
    ]
    mixed = mix(files, data, ratio=8.14)
    assert [len(one.train) for one in mixed.sources.values()] == [7, 29, 28]
    with pytest.raises(DataError):
        mix(files, data, ratio=8.25)  # 58 rows: one more than 28 and 29


def test_all_sources_that_are_too_small_come_in_one_message(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    files = written(creative=3, general_zh=4, general_en=50)
    with pytest.raises(DataError) as caught:
        mix(files, {"creative": {"n": 5}, "general_zh": {"n": 6}, "general_en": {"n": 7}})
    assert str(caught.value).split("\n") == [
        "creative: 5 asked, 3 rows, 3 can be drawn; --set data.creative.n=3",
        "general_zh: 6 asked, 4 rows, 4 can be drawn; --set data.general_zh.n=4",
    ]


def test_recipes_that_differ_in_one_source_share_the_rows_of_the_others(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    general = rows_of("general_zh", 30)
    files = written(creative=[*general[:10], *rows_of("creative", 5)], general_zh=general)
    both = mix(files, {"creative": {}, "general_zh": {"n": 20}})
    alone = mix(files, {"creative": {"n": 0}, "general_zh": {"n": 20}})
    more = mix(files, {"creative": {"n": 3}, "general_zh": {"n": 30}})
    assert both.sources["general_zh"].train == alone.sources["general_zh"].train
    assert more.sources["general_zh"].train[:20] == alone.sources["general_zh"].train


def test_rows_that_stand_in_two_sources_are_kept_and_told_once(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    told: list[str] = []

    class Heard(Silent):
        def notice(self, message: str) -> None:
            told.append(message)

    general = rows_of("general_zh", 12)
    files = written(creative=general[:4], general_zh=general)
    mixed = mix(files, {"creative": {"eval_n": 1}, "general_zh": {}}, progress=Heard())
    assert told == ["rows that stand in two sources and are kept in both: 4"]
    assert mixed.shared == 4 and len(mixed.sources["general_zh"].train) == 12


def hits(task_of: Callable[[Triplet], str | None]) -> Callable[[Triplet], Hit | None]:
    def hit(row: Triplet) -> Hit | None:
        task = task_of(row)
        if task is None:
            return None
        exact = task == "wpb_zh"
        how: Any = "exact" if exact else "ngram"
        return Hit(
            task=task, prompt_id=f"p{row.row}", how=how, text="prompt", share=1 if exact else 0.62
        )

    return hit


def test_contaminated_rows_of_all_sources_end_the_training_in_one_message(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    files = written(creative=8, general_zh=30)
    hit = hits(lambda row: None if row.row % 2 else ("wpb_zh" if row.row < 8 else "coig_writer_zh"))
    data = {"creative": {}, "general_zh": {}}
    with pytest.raises(ContaminationError) as caught:
        mix(files, data, hit=hit)
    head, *lines = str(caught.value).split("\n")
    assert head == "19 rows of the mixture hold texts that models are tested on:"
    assert lines[:2] == ["  of coig_writer_zh: 13", "  of wpb_zh: 6"]
    assert len(lines) == 2 + 10 + 2 and lines[-2] == "  and 9 more"
    assert "  creative row 8: the prompt of coig_writer_zh p8 (ngram, 62 % of it)" in lines
    assert "  creative row 2: the prompt of wpb_zh p2 (exact)" in lines
    assert "--set contaminated=drop" in lines[-1] and "--set contamination=" in lines[-1]


def test_contaminated_rows_can_be_left_out(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    files = written(creative=8)
    hit = hits(lambda row: "wpb_zh" if row.row == 3 else None)
    mixed = mix(files, {"creative": {}}, hit=hit, contaminated="drop")
    assert 3 not in [row.row for row in mixed.sources["creative"].train]
    assert mixed.manifest(length)["sources"]["creative"]["contaminated"] == 1


def test_the_manifest_has_a_source_of_no_rows_as_nothing(
    written: Callable[..., dict[str, TripletFile]],
) -> None:
    made = mix(written(general_zh=5), {"creative": {"n": 0}, "general_zh": {}}).manifest(length)
    none = made["sources"]["creative"]
    assert (none["n"], none["tokens"], none["ids"], none["file"]) == (0, 0, [], None)
    assert none["sha256_ids"] == hashlib.sha256(b"").hexdigest()
    assert (made["ratio_samples"], made["ratio_tokens"]) == (None, None)
    assert ratio_line(made)[-1] == "creative:general: there is no creative row"


def test_the_lines_say_rows_tokens_and_both_ratios() -> None:
    counts = dict.fromkeys(
        ("dropped", "duplicates", "near_duplicates", "over_long", "contaminated", "truncated",
         "without_thought"), 0,
    )  # fmt: skip
    source = {**counts, "file": "f", "eval": {"n": 0}}
    sources = {
        "creative": {**source, "n": 1665, "tokens": 4_000_000, "rows": 1700, "duplicates": 35},
        "general_zh": {**source, "n": 20_000, "tokens": 37_600_000, "rows": 110_000,
                       "truncated": 12, "eval": {"n": 100}},
        "general_en": {**source, "n": 0, "tokens": 0, "rows": 0, "file": None},
    }  # fmt: skip
    made = {"sources": sources, "ratio_samples": 20_000 / 1665, "ratio_tokens": 9.4}
    assert ratio_line(made) == [
        "source      samples      tokens  of the file's rows",
        "creative      1,665   4,000,000  1,700, 35 duplicates",
        "general_zh   20,000  37,600,000  110,000, 100 kept back to evaluate on, 12 cut to max_length",
        "general_en        0           0  none is used",
        "all          21,665  41,600,000",
        "creative:general 1:12.01 in samples, 1:9.40 in tokens",
    ]


KEYS = {
    "n", "tokens", "sha256_ids", "ids", "file", "sha256", "revision", "rows", "visited",
    "duplicates", "near_duplicates", "over_long", "truncated", "contaminated", "without_thought",
    "eval",
}  # fmt: skip


def best_of_pool(folder: Path) -> list[Row]:
    """The best-scored response to each prompt, the first of equals."""
    best: dict[str, Any] = {}
    for line in (folder / "wpb_pool_zh_dev.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(line)
        before = best.setdefault(row["prompt_id"], row)
        if (row["score"] or 0) > (before["score"] or 0):
            best[row["prompt_id"]] = row
    return [{"query": row["prompt"], "answer": row["response"]} for row in best.values()]


@pytest.fixture
def real(shared_data: Path, tmp_path: Path) -> dict[str, Path]:
    creative = tmp_path / "creative.jsonl"
    rows = [json.dumps(row, ensure_ascii=False) for row in best_of_pool(shared_data)]
    creative.write_text("\n".join(rows) + "\n", encoding="utf-8")
    general = {name: shared_data / f"{name}.jsonl" for name in SOURCES[1:]}
    return {"creative": creative, **general}


def read(paths: Mapping[str, Path]) -> dict[str, TripletFile]:
    return {
        name: load_triplets(TripletSource(file=str(path)), name=name)
        for name, path in paths.items()
    }


def test_a_real_mixture_is_that_of_an_independent_count(real: dict[str, Path]) -> None:
    numbers = {"creative": 101, "general_zh": 600, "general_en": 600}
    data = {name: {"n": n, "eval_n": 20 if n > 101 else 0} for name, n in numbers.items()}
    mixed = mix(read(real), data, near_duplicates=None, seed=5, max_length=1000)
    made = json.loads(json.dumps(mixed.manifest(length)))
    chars = {}
    for name, n in numbers.items():
        theirs = [json.loads(line) for line in real[name].read_bytes().split(b"\n")[:-1]]
        sizes = {}
        for row in theirs:
            parts = row["query"], "", row["answer"]
            sizes[hashlib.sha256("\0".join(parts).encode()).hexdigest()] = sum(map(len, parts))
        key = {one: hashlib.sha256(f"5\0eval\0{one}".encode()).hexdigest() for one in sizes}
        held = sorted(sizes, key=lambda one: key[one])[: data[name]["eval_n"]]
        order = sorted(
            sizes.keys() - set(held),
            key=lambda one: hashlib.sha256(f"5\0{one}".encode()).hexdigest(),
        )
        source = made["sources"][name]
        assert set(source) >= KEYS
        assert source["ids"] == order[:n] and source["n"] == n
        assert (
            source["sha256_ids"]
            == hashlib.sha256("\n".join(sorted(order[:n])).encode()).hexdigest()
        )
        assert source["sha256"] == hashlib.sha256(real[name].read_bytes()).hexdigest()
        assert (source["rows"], source["file"]) == (len(theirs), real[name].name)
        assert source["duplicates"] == len(theirs) - len(sizes)
        assert source["without_thought"] == n
        chars[name] = sum(sizes[one] for one in order[:n])
        assert source["tokens"] == chars[name]
        assert source["eval"] == {
            "n": len(held),
            "tokens": sum(sizes[one] for one in held),
            "sha256_ids": hashlib.sha256("\n".join(sorted(held)).encode()).hexdigest(),
        }
        assert source["truncated"] == sum(sizes[one] > 1000 for one in [*order[:n], *held])
    assert made["ratio_samples"] == pytest.approx(1200 / 101)
    general = chars["general_zh"] + chars["general_en"]
    assert made["ratio_tokens"] == pytest.approx(general / chars["creative"])
    assert ratio_line(made)[-1] == (
        f"creative:general 1:11.88 in samples, 1:{general / chars['creative']:.2f} in tokens"
    )


def test_a_real_mixture_is_the_same_from_shuffled_files(
    real: dict[str, Path], tmp_path: Path
) -> None:
    shuffled = {}
    for name, path in real.items():
        lines = path.read_bytes().split(b"\n")[:-1]
        random.Random(name).shuffle(lines)
        shuffled[name] = tmp_path / f"shuffled_{name}.jsonl"
        shuffled[name].write_bytes(b"\n".join(lines) + b"\n")
    data = {"creative": {}, "general_zh": {"n": 500}, "general_en": {"n": 500, "eval_n": 9}}
    changed = {"file", "sha256"}  # they are those of other files
    one, other = (mix(read(paths), data).manifest(length) for paths in (real, shuffled))
    for name in SOURCES:
        ours, theirs = (made["sources"].pop(name) for made in (one, other))
        assert {k: v for k, v in ours.items() if k not in changed} == {
            k: v for k, v in theirs.items() if k not in changed
        }
    assert one == other


def test_near_duplicates_of_real_rows_are_left_out_and_the_sums_hold(real: dict[str, Path]) -> None:
    made = mix(read(real), {name: {} for name in SOURCES}, near_duplicates=0.5).manifest(length)
    for name in SOURCES:
        source = made["sources"][name]
        gone = source["near_duplicates"] + source["over_long"] + source["contaminated"]
        assert source["n"] + gone == source["visited"]
        assert source["visited"] + source["duplicates"] + source["dropped"] == source["rows"]
    assert sum(made["sources"][name]["near_duplicates"] for name in SOURCES) > 0


def test_a_real_ratio_that_cannot_be_drawn_says_what_can_be(real: dict[str, Path]) -> None:
    data: dict[str, dict[str, Any]] = {name: {} for name in SOURCES}
    with pytest.raises(DataError) as caught:
        mix(read(real), data, ratio=100)
    said = re.search(r"--set ratio=([0-9.]+)$", str(caught.value))
    assert said and "general_zh: 5,050 asked, 1,399 rows" in str(caught.value)
    mixed = mix(read(real), data, ratio=float(said[1]))
    assert mixed.ratio_samples == pytest.approx(float(said[1]), abs=0.01)
