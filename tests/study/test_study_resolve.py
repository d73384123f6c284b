"""Studies as they ship, and every `--set` where it belongs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.specs import SftTraining
from harness.study.resolve import Study, known_studies, read_study, resolve
from harness.study.stages import judge_stage, write_stage
from harness.training.recipe import known_recipes, read_recipe

NONE = "judge=none"
STUDIES = sorted(known_studies())


def members(*overrides: str, name: str = "coig_writer", judge: str = NONE) -> dict[str, Any]:
    """The recipes of a study by label, after the overrides."""
    return {one.label: one.spec for one in resolve(name, [judge, *overrides]).members}


def rows(recipes: dict[str, Any], source: str) -> list[int | None]:
    return [recipe.data[source].n for recipe in recipes.values()]


def message(*overrides: str, name: str = "coig_writer") -> str:
    with pytest.raises(UsageError) as raised:
        resolve(name, overrides)
    return str(raised.value)


@pytest.mark.parametrize("name", STUDIES)
def test_a_shipped_study_is_called_as_its_file_and_trains_writers_that_ship(name: str) -> None:
    spec = read_study(known_studies()[name])
    assert spec.name == name and spec.about
    for one in spec.recipes.values():
        assert isinstance(read_recipe(known_recipes()[one.recipe]), SftTraining)
    assert spec.reference in spec.recipes
    resolve(name, [NONE])


def test_the_papers_study_has_the_papers_mixtures() -> None:
    found = members()
    assert list(found) == ["CW", "CW+1k", "CW+5k", "CW+10k", "G"]
    assert rows(found, "creative") == [None, None, None, None, 0]
    assert rows(found, "general_zh") == rows(found, "general_en") == [0, 1000, 5000, 10000, 10000]


def test_the_study_of_equal_steps_gives_every_mixture_the_same_steps() -> None:
    found = members(name="coig_writer_steps")
    assert {recipe.max_steps for label, recipe in found.items() if label != "CW+10k"} == {2034}
    largest = found["CW+10k"]  # three epochs of 1,665 + 20,000 rows by 32
    assert largest.max_steps is None and largest.epochs * -(-21665 // 32) == 2034


def test_a_key_of_the_study_stays_out_of_the_recipes() -> None:
    study = resolve("coig_writer", [NONE, "limit=6", "seed=5"])
    assert (study.spec.limit, study.spec.seed) == (6, 5)
    assert all(one.overrides == () and one.spec.seed == 0 for one in study.members)


@pytest.mark.parametrize("prefix", ["CW+1k", "coig_cw_1k"])
def test_a_key_behind_a_label_or_a_recipe_changes_that_recipe_alone(prefix: str) -> None:
    found = members(f"{prefix}.max_steps=7")
    assert {label: one.max_steps for label, one in found.items() if one.max_steps} == {"CW+1k": 7}


def test_a_recipe_of_two_labels_is_changed_in_both() -> None:
    found = members("demo.learning_rate=1e-4", "creative.max_steps=3", name="demo")
    assert {one.learning_rate for one in found.values()} == {1e-4}
    assert [one.max_steps for one in found.values()] == [40, 3]


def test_any_other_key_goes_to_every_recipe() -> None:
    found = members("max_steps=7", "lora.r=8", "data.creative.file=rows.jsonl")
    assert {one.max_steps for one in found.values()} == {7}
    assert {one.lora.r for one in found.values()} == {8}
    assert {one.data["creative"].file for one in found.values()} == {
        str(Path("rows.jsonl").absolute())
    }


def test_numbers_of_rows_go_only_where_the_recipe_draws_from_the_source() -> None:
    found = members("data.creative.n=40", "data.general_zh.n=9", "data.general_en.eval_n=2")
    assert rows(found, "creative") == [40, 40, 40, 40, 0]
    assert rows(found, "general_zh") == [0, 9, 9, 9, 9]
    assert [one.data["general_en"].eval_n for one in found.values()] == [0, 2, 2, 2, 2]


def test_a_later_set_wins_over_an_earlier_one() -> None:
    assert members("max_steps=7", "CW.max_steps=9")["CW"].max_steps == 9
    assert members("CW.max_steps=9", "max_steps=7")["CW"].max_steps == 7


def test_a_study_of_ones_own_may_have_dots_in_its_labels(tmp_path: Path) -> None:
    document = {
        "kind": "study", "name": "own", "recipes": {"v1": "demo", "v1.5": "demo"},
        "tasks": ["demo_writing_zh"], "judge": None,
    }  # fmt: skip
    file = tmp_path / "own.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    study = resolve(str(file), ["v1.5.max_steps=3", "v1.max_steps=4"])
    assert [one.spec.max_steps for one in study.members] == [4, 3]


@pytest.mark.parametrize("chosen", ["[CW+10k,G]", "[coig_cw_10k,coig_general]"])
def test_recipes_are_chosen_by_label_or_by_name_in_the_order_given(chosen: str) -> None:
    study = resolve("coig_writer", [NONE, f"recipes={chosen}"])
    assert [one.label for one in study.members] == ["CW+10k", "G"]
    assert study.spec.reference == "G"


def test_a_recipe_that_the_study_lacks_comes_under_its_own_name() -> None:
    study = resolve("coig_writer", [NONE, "recipes=[CW,coig_cw_10k_answers]"])
    assert [one.label for one in study.members] == ["CW", "coig_cw_10k_answers"]
    assert study.spec.reference is None, "the reference is not among them"


def test_scale_multiplies_the_recipes_rows_and_not_those_that_were_set() -> None:
    found = members("scale=0.01", "CW+10k.data.general_en.n=7")
    assert rows(found, "creative") == [17, 17, 17, 17, 0]
    assert rows(found, "general_zh") == [0, 10, 50, 100, 100]
    assert rows(found, "general_en") == [0, 10, 50, 7, 100]
    assert rows(members("scale=0.00001"), "general_zh") == [0, 1, 1, 1, 1], "never none by scale"


def write(study: Study) -> str:
    return write_stage(study, study.members[0], Path("M"), "", Path("out")).command


def test_settings_of_writing_and_judging_become_the_flags_of_their_commands() -> None:
    study = resolve(
        "coig_writer",
        [
            "writing.flags.device=cpu", "writing.flags.trust_remote_code=true",
            "writing.gen_kwargs=max_tokens=60", "task_data.coig_writer_zh=zh.jsonl", "limit=6",
            "judge.model=fake:hash", "judge.name=pairwise", "judge.flags.num_concurrent=2",
        ],
    )  # fmt: skip
    said = write(study)
    assert "--device cpu --trust_remote_code" in said and "--gen_kwargs max_tokens=60" in said
    assert "--data coig_writer_zh=zh.jsonl" in said and "--limit 6" in said
    judge = judge_stage(study.spec, [Path("R")], [], Path("out"))
    assert judge is not None
    assert "arena R --model fake:hash --judge pairwise" in judge.command
    assert "--num_concurrent 2" in judge.command


def test_vllm_writes_where_it_is_the_backend() -> None:
    assert "--model vllm:M " in write(resolve("coig_writer", [NONE, "writing.backend=vllm"]))


def test_a_judge_set_to_none_and_then_named_is_that_judge() -> None:
    study = resolve("coig_writer", [NONE, "judge.flags.num_concurrent=2", "judge.model=fake:hash"])
    assert study.spec.judge is not None and study.spec.judge.flags == {"num_concurrent": 2}


def test_judge_none_ends_after_measuring() -> None:
    assert judge_stage(resolve("coig_writer", [NONE]).spec, [], [], Path("out")) is None


def test_people_judge_without_a_model() -> None:
    study = resolve("coig_writer", ["human=[zh.json,en.json]"])
    judge = judge_stage(study.spec, [], [], Path("out"))
    assert judge is not None and judge.name == "judge (people)"
    assert "--human zh.json --human en.json" in judge.command


def test_nobody_to_judge_is_said_before_anything_is_trained() -> None:
    said = message()
    assert "nobody is named to judge" in said
    assert all(way in said for way in ("judge.model=", "human=", "judge=none"))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("max_stepss=3", "did you mean 'max_steps'?"),
        ("CW.max_stepss=3", "did you mean 'max_steps'?"),
        ("coig_cw_10kk.max_steps=3", "did you mean 'coig_cw_10k'?"),
        ("data.poetry.n=3", "unknown key 'poetry': known: creative"),
        ("judge.modle=x", "did you mean 'model'?"),
        ("writing.flagz.device=cpu", "did you mean 'flags'?"),
        ("assumed.flags.x=1", "unknown key 'flags'"),
        ("recipes.flags.x=1", "unknown key 'flags'"),
        ("recipes=[CW,GG]", "did you mean 'G'?"),
        ("recipes=3", "write a list"),
        ("recipes=[]", "field recipes"),
        ("recipes=demo_reward", "trains no writer"),
        ("reference=GG", "did you mean 'G'?"),
        ("task_data.foo=x", "unknown task 'foo': known: coig_writer_"),
        ("limit=0", "field limit"),
        ("scale=-1", "field scale"),
        ("writing=5", "field writing"),
        ("limit", "write it as key=value"),
    ],
)
def test_a_bad_set_is_refused_with_the_nearest_that_would_do(override: str, said: str) -> None:
    assert said in message(NONE, override)


def test_flags_of_what_was_made_no_mapping_are_refused() -> None:
    assert "holds no keys" in message(NONE, "writing=5", "writing.flags.device=cpu")


def test_an_unknown_study_names_the_nearest() -> None:
    assert "did you mean 'coig_writer'?" in message(name="coig_writter")


def test_two_labels_of_one_mixture_are_told() -> None:
    none = [
        f"mixed.data.general_{name}.{key}=0" for name in ("zh", "en") for key in ("n", "eval_n")
    ]
    study = resolve("demo", none)
    assert study.notices == ("creative and mixed are trained on the same: one model twice",)
    assert resolve("demo").notices == ()
