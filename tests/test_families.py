"""Which family a name belongs to, and that nothing but reports asks."""

from __future__ import annotations

import ast
import json
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.validate import validate
from harness.errors import UsageError
from harness.families import family_of, known_families
from harness.spec_files import SpecError, parse_spec
from harness.specs.families import meet

ROOT = Path(__file__).resolve().parent.parent


def table(folder: Path, families: str, name: str = "mine") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(f"kind: families\nname: {name}\nfamilies:\n{families}")
    return path


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("OpenAI-o3-high", "gpt"),
        ("gpt4o+AI-edited", "gpt"),
        ("gpt/first_draft", "gpt"),
        ("GPT3.5", "gpt"),
        ("openai/gpt-oss-20b", "gpt"),
        ("o4-mini", "gpt"),
        ("Claude-4-Sonnet-thinking", "claude"),
        ("us.anthropic.claude-sonnet-4", "claude"),
        ("doubao1.5-pro", "doubao"),
        ("ByteDance-Seed/Seed-OSS-36B-Instruct", "doubao"),
        ("QwenAPI-plus-latest", "qwen"),
        ("Qwen/QwQ-32B", "qwen"),
        ("gaotang/RM-R1-Qwen2.5-Instruct-7B", "qwen"),
        ("Gemini-2.5-pro.preview", "gemini"),
        ("DeepSeekAPI-R1", "deepseek"),
        ("llama370B+human-edited", "llama"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama"),
        ("mistralai/Mixtral-8x7B", "mistral"),
        ("THUDM/glm-4-9b-chat", "glm"),
        ("kimi-k2", "kimi"),
        ("HuggingFace-model", None),
        ("human", None),
        ("", None),
        ("not-gpt", None),
    ],
)
def test_a_name_belongs_to_its_family(name: str, family: str | None) -> None:
    assert family_of(name) == family


def test_every_source_of_the_dev_pairs_but_the_unnamed_one_has_a_family(shared_data: Path) -> None:
    names = set()
    for file in ("wpb_pairs_zh_dev.jsonl", "creative_pairs_en_dev.jsonl"):
        for line in (shared_data / file).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            names |= {row["chosen"]["model"], row["rejected"]["model"]}
    assert {name for name in names if family_of(name) is None} == {"HuggingFace-model"}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("gpt*", "gpt4*", True),
        ("gpt*", "*4o", True),
        ("a?c", "ab?", True),
        ("a?c", "ab", False),
        ("gpt*", "qwen*", False),
        ("*a", "*b", False),
        ("*a*", "*b*", True),
        ("x", "x", True),
        ("*", "", True),
        ("?", "", False),
    ],
)
def test_two_patterns_meet_where_some_name_fits_both(one: str, other: str, both: bool) -> None:
    assert meet(one, other) == meet(other, one) == both


def test_patterns_meet_exactly_where_a_short_name_fits_both() -> None:
    from fnmatch import fnmatchcase
    from itertools import product

    patterns = ["".join(p) for n in range(1, 4) for p in product("ab*?", repeat=n)]
    names = ["".join(p) for n in range(7) for p in product("ab", repeat=n)]
    fits = {pattern: {n for n in names if fnmatchcase(n, pattern)} for pattern in patterns}
    wrong = [
        pair
        for pair in combinations(patterns, 2)
        if meet(*pair) != bool(fits[pair[0]] & fits[pair[1]])
    ]
    assert wrong == []


def test_a_name_that_could_fit_two_families_is_refused_with_its_place(tmp_path: Path) -> None:
    path = table(tmp_path, "  one: ['my-*', 'x']\n  two: ['Y*', 'MY-g?t*']\n")
    with pytest.raises(SpecError) as error:
        parse_spec(path)
    assert str(error.value) == (
        f"{path}: field families.two.1: a name could fit this and 'my-*' of one (got 'MY-g?t*')"
    )


@pytest.mark.parametrize(
    ("families", "field"),
    [
        ("  one: []\n", "families.one"),
        ("  one: ['']\n", "families.one.0"),
        ("  one: ['g[ptx]*']\n", "families.one.0"),
        ("  {}\n", "families"),
        ("  One: ['a']\n", "families.One"),
    ],
)
def test_a_bad_table_is_refused_naming_the_field(tmp_path: Path, families: str, field: str) -> None:
    with pytest.raises(SpecError, match=rf"field {field}"):
        parse_spec(table(tmp_path, families))


def test_the_shipped_table_is_valid_by_the_command(tmp_path: Path) -> None:
    answer = CliRunner().invoke(validate, ["families"])
    assert answer.exit_code == 0 and "families.yaml: ok" in answer.stdout


def test_a_table_of_ones_own_comes_before_the_shipped_one(tmp_path: Path) -> None:
    table(tmp_path, "  ours: ['gpt-ours*', 'house-*']\n")
    assert family_of("gpt-ours-7b", (tmp_path,)) == "ours"
    assert family_of("gpt-4.1", (tmp_path,)) == "gpt"
    assert "ours" in known_families((tmp_path,)) and "ours" not in known_families()


def test_a_table_of_the_same_name_replaces_the_shipped_one(tmp_path: Path) -> None:
    table(tmp_path, "  ours: ['house-*']\n", "families")
    assert family_of("gpt-4.1", (tmp_path,)) is None
    assert known_families((tmp_path,)) == ("ours",)


def test_a_name_in_two_tables_of_ones_own_is_refused_naming_both(tmp_path: Path) -> None:
    table(tmp_path, "  ours: ['house-*']\n", "one")
    table(tmp_path, "  theirs: ['house-7*']\n", "two")
    assert family_of("house-3b", (tmp_path,)) == "ours"
    with pytest.raises(
        UsageError, match=r"'house-7b' fits two families of models: ours \(one\), theirs \(two\)"
    ):
        family_of("house-7b", (tmp_path,))


def test_how_a_model_is_run_knows_no_family() -> None:
    running = [
        *(ROOT / "harness" / "models").rglob("*.py"),
        *(ROOT / "harness" / "judging").rglob("*.py"),
        *(ROOT / "harness" / "scoring").rglob("*.py"),
        *(ROOT / "harness" / "executors").rglob("*.py"),
        *(ROOT / "harness" / name for name in ("prompts.py", "verdicts.py", "batching.py")),
    ]
    wrong = [
        path.name
        for path in running
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module in ("harness.families", "harness.specs.families")
    ]
    assert len(running) > 10 and wrong == []
