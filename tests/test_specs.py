"""What a person writes in YAML is checked once, and every bad field is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.spec_files import SpecError, find_specs, load_any, load_named, parse_spec
from harness.specs import GroupSpec, RewardRecipe, Sampling, TaskSpec, WritingSpec, spec_sha256

WRITING = """\
kind: writing
name: mine
language: zh
source: {reader: prompts, file: prompts.jsonl}
genres: wpb_appendix_b
metrics: [length]
"""
RECIPE = "kind: reward\nname: mine\n"
TASK = """\
kind: preference
name: mine
language: zh
source: {reader: wpb, file: pairs.json}
genres: wpb_appendix_b
metrics: [accuracy]
"""


def written(folder: Path, text: str | bytes, name: str = "mine.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(folder: Path, text: str | bytes) -> str:
    """The message a file is refused with."""
    path = written(folder, text)
    with pytest.raises(SpecError) as caught:
        parse_spec(path)
    assert caught.value.exit_code == 2
    message = str(caught.value)
    assert all(line.startswith(f"{path}: ") for line in message.splitlines())
    return message.replace(f"{path}: ", "")


@pytest.mark.parametrize("name", sorted(find_specs("tasks")))
def test_every_shipped_task_parses_under_its_own_name(name: str) -> None:
    spec = parse_spec(find_specs("tasks")[name])
    assert getattr(spec, "name", None) == name


def test_defaults_are_those_of_a_plain_classifier(tmp_path: Path) -> None:
    recipe = parse_spec(written(tmp_path, RECIPE))
    assert isinstance(recipe, RewardRecipe)
    assert (recipe.head.read, recipe.head.weights, recipe.head.outputs) == (
        "last_token",
        "score",
        1,
    )
    assert (recipe.input.format, recipe.input.system, recipe.input.bos) == ("chat", None, "auto")


def test_an_unknown_key_names_the_nearest_one(tmp_path: Path) -> None:
    message = refusal(tmp_path, RECIPE + "atention: [eager]\n")
    assert message == "field atention: unknown key 'atention': did you mean 'attention'?"


def test_an_unknown_key_inside_a_field_names_the_nearest_one_there(tmp_path: Path) -> None:
    message = refusal(tmp_path, RECIPE + "match: {architecture: [X]}\n")
    assert "field match.architectures: Field required" in message
    assert (
        "field match.architecture: unknown key 'architecture': did you mean 'architectures'?"
        in (message)
    )


def test_all_bad_fields_are_named_at_once(tmp_path: Path) -> None:
    text = TASK.replace("zh", "de").replace("metrics: [accuracy]", "metrics: []\nextra: 1")
    message = refusal(tmp_path, text.replace("reader: wpb", "reader: 3"))
    fields = [line.split(": ")[0] for line in message.splitlines()]
    assert fields == ["field language", "field source.reader", "field metrics", "field extra"]


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, TASK.replace("language: zh\n", "")) == "field language: Field required"


@pytest.mark.parametrize(
    ("text", "field", "got"),
    [
        ("max_length: '2048'", "field max_length", "'2048'"),
        ("max_length: 0", "field max_length", "0"),
        ("remote_code: 'yes'", "field remote_code", "'yes'"),
        ("attention: packed", "field attention", "'packed'"),
        ("attention: [flash]", "field attention.0", "'flash'"),
        ("attention: []", "field attention", "[]"),
        ("dtype: float64", "field dtype", "'float64'"),
        ("head: {index: -1}", "field head.index", "-1"),
        ("input: {format: xml}", "field input.format", "'xml'"),
        ("match: {architectures: []}", "field match.architectures", "[]"),
    ],
)
def test_a_wrong_type_or_value_is_named_with_what_was_given(
    tmp_path: Path, text: str, field: str, got: str
) -> None:
    message = refusal(tmp_path, RECIPE + text + "\n")
    assert message.startswith(field + ": ")
    assert message.endswith(f"(got {got})")


def test_a_name_is_lower_case_words(tmp_path: Path) -> None:
    assert refusal(tmp_path, "kind: reward\nname: My Model\n").startswith("field name: ")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "", "3\n"])
def test_a_file_that_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text) == "must be a mapping of keys to values"


def test_a_file_that_is_not_utf8_names_the_byte(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"kind: reward\nabout: \xff") == "not UTF-8 (byte 20)"


def test_a_file_that_is_not_yaml_names_the_line(tmp_path: Path) -> None:
    message = refusal(tmp_path, "kind: reward\nname: [mine\n")
    assert message.startswith("not YAML: ")
    assert "line 2" in message or "line 3" in message


def test_a_file_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"gone\.yaml: No such file"):
        parse_spec(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("kind: rewards\n", "unknown kind 'rewards': did you mean 'reward'?"),
        (
            "kind: 3\n",
            "unknown kind '3': known: board, families, genres, group, pairwise, pointwise, preference, prices, reward, writing",
        ),
        ("", "unknown kind 'None': did you mean 'genres'?"),
    ],
)
def test_an_unknown_kind_names_the_nearest_or_all(tmp_path: Path, kind: str, end: str) -> None:
    message = refusal(tmp_path, kind + "name: mine\n")
    assert message.startswith("field kind: unknown kind ")
    if kind:
        assert message.endswith(end)


@pytest.mark.parametrize("given", ["", ", revision: abc", f", sha256: {'a' * 64}"])
def test_a_hub_source_needs_a_revision_and_a_sum(tmp_path: Path, given: str) -> None:
    text = TASK.replace("file: pairs.json", f"file: pairs.json, repo: owner/name{given}")
    message = refusal(tmp_path, text)
    assert message.startswith("field source: a hub source needs a pinned revision and a sha256")


def test_a_pinned_hub_source_is_accepted(tmp_path: Path) -> None:
    pinned = f"file: pairs.json, repo: owner/name, revision: abc, sha256: {'a' * 64}"
    assert isinstance(
        parse_spec(written(tmp_path, TASK.replace("file: pairs.json", pinned))), TaskSpec
    )


def test_a_sum_that_is_not_one_is_refused(tmp_path: Path) -> None:
    text = TASK.replace("file: pairs.json", "file: pairs.json, sha256: ABC")
    assert refusal(tmp_path, text).startswith("field source.sha256: ")


def test_the_index_of_an_output_is_below_their_number(tmp_path: Path) -> None:
    message = refusal(tmp_path, RECIPE + "head: {outputs: 5, index: 5}\n")
    assert message.startswith("field head: index 5 is not below outputs 5")


@pytest.mark.parametrize(
    "given",
    [
        "format: text",
        "template: '{{ text }}'",
        "format: chat, template: '{{ text }}'",
        "format: pair, template: '{{ text }}'",
    ],
)
def test_a_template_goes_with_format_text_and_only_there(tmp_path: Path, given: str) -> None:
    message = refusal(tmp_path, RECIPE + f"input: {{{given}}}\n")
    assert message.startswith("field input: template is required with format: text, and only there")


@pytest.mark.parametrize("given", ["format: text, template: '{{ text }}'", "format: pair"])
def test_a_system_message_goes_with_a_chat_template_only(tmp_path: Path, given: str) -> None:
    message = refusal(tmp_path, RECIPE + f"input: {{{given}, system: hello}}\n")
    assert "system has no place in format: " in message


@pytest.mark.parametrize("given", ["read: method", "read: output", "name: score"])
def test_remote_heads_and_only_they_have_a_name(tmp_path: Path, given: str) -> None:
    message = refusal(tmp_path, RECIPE + f"head: {{{given}}}\n")
    assert message.startswith("field head: name is required with read: method or output")


def test_a_users_file_wins_over_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    own = written(tmp_path, RECIPE.replace("mine", "plain"), "plain.yaml")
    assert find_specs("judges", (tmp_path,))["plain"] == own
    assert find_specs("judges")["plain"] != own


def test_two_files_of_one_name_under_the_users_paths_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "a", RECIPE)
    written(tmp_path / "b", RECIPE)
    with pytest.raises(UsageError, match="'mine' is also"):
        find_specs("judges", (tmp_path,))


def test_an_include_path_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--include_path .*: no such directory"):
        find_specs("judges", (tmp_path / "gone",))


def test_an_unknown_recipe_names_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="unknown recipe 'armrm': did you mean 'armorm'"):
        load_named("judges", "armrm", RewardRecipe, "recipe")


def test_a_recipe_may_be_named_by_its_file(tmp_path: Path) -> None:
    path = written(tmp_path, RECIPE)
    assert load_named("judges", str(path), RewardRecipe, "recipe").name == "mine"


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, TASK)
    with pytest.raises(UsageError, match="not a recipe \\(its kind is 'preference'\\)"):
        load_named("judges", str(path), RewardRecipe, "recipe")


def test_a_group_is_found_where_tasks_are() -> None:
    spec = load_any("tasks", "wpb", (TaskSpec, GroupSpec), "task")
    assert isinstance(spec, GroupSpec)
    assert spec.tasks == ("wpb_zh", "wpb_en")


@pytest.mark.parametrize("reader", ["wpb", "prompts", "coig_writer"])
def test_a_writing_task_needs_no_sampling_of_its_own(tmp_path: Path, reader: str) -> None:
    spec = parse_spec(written(tmp_path, WRITING.replace("prompts,", f"{reader},")))
    assert isinstance(spec, WritingSpec)
    assert (spec.source.reader, spec.system, spec.repeats) == (reader, None, 1)
    assert spec.sampling == Sampling(temperature=0.8, max_tokens=8192)


def test_bad_fields_of_a_writing_task_are_named_at_once(tmp_path: Path) -> None:
    text = WRITING.replace("reader: prompts", "reader: texts") + (
        "sampling: {temperature: -1, max_token: 5}\nrepeats: 0\njudge: pairwise\n"
    )
    fields = [line.split(": ")[0] for line in refusal(tmp_path, text).splitlines()]
    assert fields == [
        "field source.reader", "field sampling.temperature", "field sampling.max_token",
        "field repeats", "field judge",
    ]  # fmt: skip


def test_pairs_are_read_by_no_reader_of_prompts(tmp_path: Path) -> None:
    message = refusal(tmp_path, TASK.replace("reader: wpb", "reader: prompts"))
    assert message.startswith("field source.reader: ")


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("coig_writer", ("coig_writer_zh", "coig_writer_en")),
        ("demo_writing", ("demo_writing_zh", "demo_writing_en")),
    ],
)
def test_the_shipped_groups_of_writing_tasks_have_both_languages(
    name: str, members: tuple[str, ...]
) -> None:
    assert load_named("tasks", name, GroupSpec, "group").tasks == members
    languages = [load_named("tasks", one, WritingSpec, "task").language for one in members]
    assert languages == ["zh", "en"]


def test_the_sum_of_a_spec_is_of_what_it_says_not_of_its_layout(tmp_path: Path) -> None:
    one = parse_spec(written(tmp_path, RECIPE + "max_length: 5\n", "a.yaml"))
    same = parse_spec(written(tmp_path, "{max_length: 5, name: mine, kind: reward}", "b.yaml"))
    other = parse_spec(written(tmp_path, RECIPE + "max_length: 6\n", "c.yaml"))
    assert spec_sha256(one) == spec_sha256(same) != spec_sha256(other)
