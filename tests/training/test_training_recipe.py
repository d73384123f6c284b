"""Training recipes: strict YAML, and overrides that are typed and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.specs import SftTraining
from harness.training.recipe import known_recipes, load_recipe


@pytest.mark.parametrize("name", known_recipes())
def test_every_recipe_that_ships_is_valid_and_named_as_its_file(name: str) -> None:
    assert load_recipe(name).spec.name == name


def test_the_demo_takes_at_most_forty_steps() -> None:
    assert load_recipe("demo_reward").spec.max_steps <= 40


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'demo_reward'"):
        load_recipe("demo_rewards")


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("max_steps=7", "max_steps", 7),
        ("learning_rate=0.5", "learning_rate", 0.5),
        ("learning_rate=1e-3", "learning_rate", 0.001),  # text to YAML 1.1
        ("learning_rate=1", "learning_rate", 1.0),
        ("name='007'", "name", "007"),
        ("about=", "about", None),
    ],
)
def test_an_override_is_typed_as_yaml_types_it(override: str, key: str, value: object) -> None:
    if value is None:
        with pytest.raises(UsageError, match="field about"):
            load_recipe("demo_reward", [override])
    else:
        assert getattr(load_recipe("demo_reward", [override]).spec, key) == value


def test_an_override_reaches_inside_and_the_last_one_counts() -> None:
    recipe = load_recipe("demo_reward", ["model.hidden_size=12", "model.hidden_size=24"])
    assert recipe.spec.model is not None and recipe.spec.model.hidden_size == 24
    assert recipe.overrides == {"model.hidden_size": 24}


def test_an_override_takes_the_data_from_a_file() -> None:
    recipe = load_recipe("demo_reward", ["data.demo_zh.file=a=b.json"])
    assert recipe.spec.data["demo_zh"].file == str(Path("a=b.json").absolute())
    assert recipe.spec.data["demo_en"].file is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("max_step=7", "--set max_step: .*did you mean 'max_steps'"),
        ("model.hiden_size=7", "--set model.hiden_size: .*did you mean 'hidden_size'"),
        ("data.demo_z.file=x", "did you mean 'demo_zh'"),
        ("seed.x=1", "--set seed.x: seed holds no keys"),
        ("max_steps", "write it as key=value"),
        ("=3", "write it as key=value"),
        ("max_steps=[", "not YAML"),
        ("max_steps=many", "--set: field max_steps: .*'many'"),
        ("max_steps=0", "--set: field max_steps"),
        ("max_steps=1.5", "--set: field max_steps"),
        ("learning_rate=.nan", "--set: field learning_rate"),
        ("held_out=1", "--set: field held_out"),
        ("model.hidden_size=95", "hidden_size must be a multiple"),
        ("model={hidden_size: 8}", "field model.intermediate_size: Field required"),
    ],
)
def test_a_bad_override_is_refused_by_name(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_recipe("demo_reward", [override])


def test_a_bad_file_is_named_with_its_fields(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = known_recipes()["demo_reward"].read_text(encoding="utf-8")
    file.write_text(
        text.replace("max_steps: 40", "max_stepz: 40").replace("max_length: 1024", ""),
        encoding="utf-8",
    )
    with pytest.raises(UsageError) as caught:
        load_recipe(str(file))
    assert "mine.yaml: field max_length: Field required" in str(caught.value)
    assert "unknown key 'max_stepz': did you mean 'max_steps'?" in str(caught.value)


def extending(folder: Path, text: str, name: str = "mine") -> str:
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_recipe_lays_its_keys_over_those_of_the_one_it_extends(tmp_path: Path) -> None:
    text = "extends: coig_cw_1k\nname: mine\nmax_steps: 5\ndata: {general_en: {n: 7}}\n"
    spec, under = load_recipe(extending(tmp_path, text)).spec, load_recipe("coig_cw_1k").spec
    assert spec.max_steps == 5 and spec.data["general_en"].n == 7
    assert spec.data["general_en"].hub == under.data["general_en"].hub
    assert spec.data["general_zh"] == under.data["general_zh"]
    assert spec.learning_rate == under.learning_rate


def test_the_data_files_of_a_recipe_that_is_extended_elsewhere_stay_where_they_are(
    tmp_path: Path,
) -> None:
    spec = load_recipe(extending(tmp_path, "extends: demo\nname: mine\n")).spec
    assert Path(spec.data["creative"].file).is_file()


def test_recipes_that_extend_each_other_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    extending(tmp_path, "extends: ./b.yaml\n", "a")
    loop = extending(tmp_path, "extends: ./a.yaml\n", "b")
    with pytest.raises(UsageError, match="extends this recipe in its turn"):
        load_recipe(loop)
    with pytest.raises(UsageError, match=r"field extends: .*did you mean 'coig_cw'"):
        load_recipe(extending(tmp_path, "extends: coig_c\n"))


PAPER = {
    "coig_cw": (None, 0, 0), "coig_cw_1k": (None, 1000, 1000), "coig_cw_5k": (None, 5000, 5000),
    "coig_cw_10k": (None, 10_000, 10_000), "coig_general": (0, 10_000, 10_000),
}  # fmt: skip


@pytest.mark.parametrize("name", PAPER)
def test_the_five_recipes_have_the_papers_mixtures_and_settings(name: str) -> None:
    spec = load_recipe(name).spec
    assert isinstance(spec, SftTraining)
    assert tuple(source.n for source in spec.data.values()) == PAPER[name]
    assert list(spec.data) == ["creative", "general_zh", "general_en"]
    assert (spec.base, spec.epochs, spec.learning_rate) == ("Qwen/Qwen2.5-7B-Instruct", 3, 2e-5)
    assert (spec.global_batch_size, spec.warmup_ratio, spec.max_length) == (32, 0.1, 8192)
    assert set(spec.contamination) == {"coig_writer_zh", "coig_writer_en", "wpb_zh", "wpb_en"}


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("contamination=none", ()),
        ("contamination=", ()),
        ("contamination=[]", ()),
        ("contamination=[demo_zh]", ("demo_zh",)),
        ("contamination=demo_zh", ("demo_zh",)),
    ],
)
def test_no_contamination_check_can_be_said_in_several_ways(
    override: str, read: tuple[str, ...]
) -> None:
    spec = load_recipe("coig_cw", [override]).spec
    assert isinstance(spec, SftTraining) and spec.contamination == read


def test_lora_is_switched_on_by_one_of_its_keys() -> None:
    spec = load_recipe("coig_cw", ["lora.r=8"]).spec
    assert spec.lora is not None and (spec.lora.r, spec.lora.targets) == (8, ("all-linear",))
    with pytest.raises(UsageError, match=r"field lora.rank: .*unknown key"):
        load_recipe("coig_cw", ["lora.rank=8"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["base="], "name a base, or give both tokenizer and model"),
        (["max_steps=5", "max_tokens=5"], "only one can end the training"),
        (["data.creative.n=0"], "every source has n 0"),
        (["data.creative.m=0"], "unknown key 'm'"),
        (["target.tag=<think>"], "field target.tag"),
        (["ratio=0"], "field ratio"),
        (["over_long=cut"], "field over_long"),
    ],
)
def test_an_impossible_recipe_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_recipe("coig_cw", overrides)


def test_one_file_that_is_set_leaves_the_others_beside_the_recipe(tmp_path: Path) -> None:
    spec = load_recipe("demo", ["data.creative.file=rows.jsonl"]).spec
    assert isinstance(spec, SftTraining)
    assert spec.data["creative"].file == str(Path("rows.jsonl").absolute())
    assert spec.data["general_zh"].file == "demo_general_zh.jsonl"
