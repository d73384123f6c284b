"""Every recipe that ships: it parses, says where it is from, and matches what it is for."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import jinja2
import pytest

from harness.models.recipes import match_strength
from harness.spec_files import find_specs, load_yaml, parse_spec
from harness.specs import RewardRecipe


def recipes() -> dict[str, RewardRecipe]:
    specs = {name: parse_spec(path) for name, path in find_specs("judges").items()}
    return {name: spec for name, spec in specs.items() if isinstance(spec, RewardRecipe)}


RECIPES = recipes()
each_recipe = pytest.mark.parametrize("name", sorted(RECIPES))


def best(config: dict[str, Any]) -> str | None:
    """The name of the recipe a config.json is run by, None where none fits."""
    found = {
        name: strength
        for name, spec in RECIPES.items()
        if spec.match is not None and (strength := match_strength(spec.match, config)) is not None
    }
    return max(found, key=lambda name: found[name], default=None)


def nested(dotted: dict[str, Any]) -> dict[str, Any]:
    """{"a.b": 1} as {"a": {"b": 1}}, as a config.json holds it."""
    out: dict[str, Any] = {}
    for key, value in dotted.items():
        *above, last = key.split(".")
        place = out
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return out


def test_every_family_has_its_recipe() -> None:
    families = (
        "rm_mistral acemath_rm skywork_reward_gemma2 skywork_reward_llama31 skywork_reward_v2 "
        "internlm2_reward armorm qrm_llama3 qrm_gemma2 grm_sftreg grm_classifier urm inf_orm "
        "eurus_rm ultrarm offsetbias rm_rb2 qwen25_math_rm worldpm litbench "
        "sequence_classifier gemma2_classifier encoder_classifier plain"
    )
    assert set(families.split()) <= set(RECIPES)


@each_recipe
def test_a_recipe_says_what_it_is_and_where_from(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.name == name == find_specs("judges")[name].stem
    assert recipe.about and recipe.source
    assert "://" not in recipe.about + recipe.source


@each_recipe
def test_a_recipe_without_a_match_says_that_the_user_names_it(name: str) -> None:
    recipe = RECIPES[name]
    assert ("named by the user" in recipe.about) == (recipe.match is None)


@each_recipe
def test_the_command_on_top_is_one_that_uses_the_recipe(name: str) -> None:
    recipe = RECIPES[name]
    first = find_specs("judges")[name].read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# harness run --tasks wpb --model ")
    assert (f"--judge {name}" in first) == (recipe.match is None)
    assert ("--trust_remote_code" in first) == recipe.remote_code


# the generic recipes spell the defaults out
@pytest.mark.parametrize(
    "name", sorted(RECIPES.keys() - {"sequence_classifier", "gemma2_classifier"})
)
def test_every_setting_that_is_not_the_default_has_its_reason_above_it(name: str) -> None:
    lines = find_specs("judges")[name].read_text(encoding="utf-8").splitlines()
    settings = load_yaml(find_specs("judges")[name])
    blocks = {key: settings[key] for key in ("input", "head") if key in settings}
    top = [key for key in ("attention", "dtype", "max_length", "remote_code") if key in settings]
    # `name` and `template` go with the line above them, whose reason is theirs
    inner = [key for block in blocks.values() for key in block if key not in ("name", "template")]
    for key in [*top, *inner]:
        (at,) = [i for i, line in enumerate(lines) if line.lstrip().startswith(f"{key}: ")]
        assert lines[at - 1].lstrip().startswith("# "), f"{key}: no reason above it"


@each_recipe
def test_remote_code_is_declared_exactly_where_it_reads_the_score(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.remote_code == (recipe.head.read in ("method", "output"))


@each_recipe
def test_what_reads_its_own_score_is_never_packed_and_all_have_a_way_beside_packing(
    name: str,
) -> None:
    recipe = RECIPES[name]
    assert recipe.head.read == "last_token" or "packed" not in recipe.attention
    assert set(recipe.attention) - {"packed"}


@pytest.mark.parametrize("name", sorted(n for n, r in RECIPES.items() if r.input.template))
def test_a_template_holds_the_text_once_and_needs_nothing_else(name: str) -> None:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    template = environment.from_string(RECIPES[name].input.template or "")
    filled = template.render(prompt="PROMPT", text="TEXT")
    assert filled.count("TEXT") == 1
    assert filled.endswith("TEXT")


GEMMA2 = [
    "gemma2_classifier",
    "skywork_reward_gemma2",
    "qrm_gemma2",
    "grm_sftreg",
    "grm_classifier",
]


@pytest.mark.parametrize("name", GEMMA2)
def test_no_recipe_that_may_meet_a_gemma2_allows_sdpa(name: str) -> None:
    assert "sdpa" not in RECIPES[name].attention


def test_no_two_recipes_fit_a_checkpoint_equally_well() -> None:
    matched = [(name, spec.match) for name, spec in RECIPES.items() if spec.match is not None]
    for (one, a), (other, b) in combinations(matched, 2):
        clash = {k for k in a.config.keys() & b.config.keys() if a.config[k] != b.config[k]}
        if clash:
            continue
        for pattern in (*a.architectures, *b.architectures):
            config = {
                "architectures": [pattern.replace("*", "Some")],
                **nested({**a.config, **b.config}),
            }
            strengths = match_strength(a, config), match_strength(b, config)
            assert None in strengths or strengths[0] != strengths[1], (one, other, config)


@pytest.mark.parametrize(
    ("architecture", "extra", "recipe"),
    [
        ("LlamaForSequenceClassification", {}, "sequence_classifier"),
        ("Qwen3ForSequenceClassification", {"num_labels": 1}, "sequence_classifier"),
        ("Gemma2ForSequenceClassification", {}, "gemma2_classifier"),
        ("DebertaV2ForSequenceClassification", {}, "encoder_classifier"),
        ("INFORMForSequenceClassification", {}, "inf_orm"),
        ("LlamaForRewardModelWithGating", {"num_objectives": 19}, "armorm"),
        ("LlamaForRewardModelWithGating", {"num_quantiles": 19}, "qrm_llama3"),
        ("Gemma2ForQuantileSequenceClassification", {}, "qrm_gemma2"),
        ("LlamaForSequenceClassificationWithNormal_Weights", {}, "urm"),
        ("EurusRewardModel", {"model_type": "mistral"}, "eurus_rm"),
        # several families share these, or they have no head
        ("Qwen2ForRewardModel", {}, None),
        ("InternLM2ForRewardModel", {}, None),
        ("LlamaRewardModel", {}, None),
        ("LlamaForCausalLM", {"vhead_layer_type": "mlp"}, None),
    ],
)
def test_a_config_is_run_by_the_recipe_that_says_most_of_it(
    architecture: str, extra: dict[str, Any], recipe: str | None
) -> None:
    assert best({"architectures": [architecture], **extra}) == recipe


def test_the_name_of_a_model_changes_nothing() -> None:
    config = {"architectures": ["LlamaForSequenceClassification"], "_name_or_path": "x/ArmoRM"}
    assert best(config) == "sequence_classifier"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("sequence_classifier", "attention", ("packed", "sdpa", "eager")),
        ("gemma2_classifier", "attention", ("packed", "eager")),
        # an empty system message, not none at all
        ("worldpm", "input.system", ""),
        ("worldpm", "input.append", "<|endoftext|>"),
        (
            "acemath_rm",
            "input.system",
            "Please reason step by step, and check your final answer within \\boxed{}.",
        ),
        (
            "qwen25_math_rm",
            "input.system",
            "Please reason step by step, and put your final answer within \\boxed{}.",
        ),
        ("skywork_reward_v2", "input.system", None),
        ("skywork_reward_v2", "max_length", 16384),
        ("internlm2_reward", "dtype", "float16"),
        ("internlm2_reward", "head.name", "get_score"),
        ("armorm", "head.name", "score"),
        ("urm", "head.name", "logits"),
        ("grm_sftreg", "head.weights", "v_head.summary"),
        ("ultrarm", "head.weights", "regression_head"),
        ("ultrarm", "input.template", "Human: {{ prompt }}\n\nAssistant: {{ text }}"),
        ("eurus_rm", "input.template", "[INST] {{ prompt }} [/INST] {{ text }}"),
        ("litbench", "input.template", "{{ text }}"),
        ("plain", "input.template", "{{ prompt }}\n\n{{ text }}"),
        ("encoder_classifier", "input.format", "pair"),
        ("encoder_classifier", "head.read", "forward"),
    ],
)
def test_the_cards_facts_stand_in_the_recipes(name: str, field: str, value: Any) -> None:
    found: Any = RECIPES[name]
    for part in field.split("."):
        found = getattr(found, part)
    assert found == value
