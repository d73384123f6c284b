"""Training recipes: strict YAML, and overrides that are typed and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.training.recipe import known_recipes, load_recipe


@pytest.mark.parametrize("name", known_recipes())
def test_every_recipe_that_ships_is_valid_and_named_as_its_file(name: str) -> None:
    assert load_recipe(name)[0].name == name


def test_the_demo_takes_at_most_forty_steps() -> None:
    assert load_recipe("demo_reward")[0].max_steps <= 40


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
        assert getattr(load_recipe("demo_reward", [override])[0], key) == value


def test_an_override_reaches_inside_and_the_last_one_counts() -> None:
    recipe, said = load_recipe("demo_reward", ["model.hidden_size=12", "model.hidden_size=24"])
    assert recipe.model.hidden_size == 24
    assert said == {"model.hidden_size": 24}


def test_an_override_takes_the_data_from_a_file() -> None:
    recipe, _ = load_recipe("demo_reward", ["data.demo_zh.file=a=b.json"])
    assert recipe.data["demo_zh"].file == "a=b.json"
    assert recipe.data["demo_en"].file is None


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
    file.write_text(text.replace("max_steps: 40", "max_stepz: 40"), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(str(file))
    assert "mine.yaml: field max_steps: Field required" in str(caught.value)
    assert "unknown key 'max_stepz': did you mean 'max_steps'?" in str(caught.value)
