"""Judge files: those that ship do what they say, and a bad one is refused by file and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.prompts import fill
from harness.spec_files import SpecError, find_specs, parse_spec
from harness.specs import NumberVerdict, PairwiseJudge, PointwiseJudge
from harness.specs.templates import PAIRWISE, template_problems
from harness.verdicts import parse_pick, parse_rating

SHIPPED = ("pairwise", "pairwise_verdict_only", "rubric", "rm_r1", "rm_r1_reasoning")
VALUES = {"prompt": "THE TASK", "text_a": "FIRST", "text_b": "SECOND", "text": "ALONE"}
GOOD: dict[str, Any] = {
    "kind": "pairwise",
    "name": "mine",
    "prompts": {"en": {"user": "{{ prompt }} [X] {{ text_a }} {{ text_b }}"}},
    "verdict": {"parser": "last_label", "a": "[[A]]", "b": "[[B]]"},
}


def shipped(name: str) -> Any:
    return parse_spec(find_specs("judges")[name])


def filled(name: str, language: Any) -> list[str]:
    """The messages of a shipped judge."""
    values = VALUES | {"genre": "Fiction"}
    return [message.content for message in fill(shipped(name), language, values).messages]


def refusal(folder: Path, **changes: Any) -> str:
    """What a good file is refused with after these changes, without its path."""
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD | changes, allow_unicode=True), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        parse_spec(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: field ") for line in lines)
    return "\n".join(line.removeprefix(f"{path}: ") for line in lines)


# those that ship


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_judge_shows_everything_once_in_both_languages(name: str) -> None:
    spec = shipped(name)
    assert spec.name == name
    assert spec.about
    assert spec.source
    for language in ("zh", "en"):
        content = "\n".join(filled(name, language))
        shown = ("ALONE",) if spec.kind == "pointwise" else ("FIRST", "SECOND")
        assert [content.count(value) for value in ("THE TASK", *shown)] == [1] * (1 + len(shown))
        assert "{{" not in content


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_stands_alone_between_two_delimiters(name: str) -> None:
    spec = shipped(name)
    for language in ("zh", "en"):
        lines = filled(name, language)[-1].splitlines()
        for value in ("FIRST", "SECOND") if spec.kind == "pairwise" else ("ALONE",):
            at = lines.index(value)
            assert {lines[at - 1], lines[at + 1]} <= set(spec.delimiters)


@pytest.mark.parametrize("name", ["pairwise", "pairwise_verdict_only", "rubric"])
def test_a_judge_speaks_the_language_of_its_task(name: str) -> None:
    chinese, english = (filled(name, language)[0] for language in ("zh", "en"))
    assert english.isascii()
    assert sum("\u4e00" <= char <= "\u9fff" for char in chinese) > len(chinese) / 2


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "rubric"])
def test_an_answer_in_the_form_that_is_asked_for_is_read(name: str) -> None:
    spec = shipped(name)
    for language in ("zh", "en"):
        asked = "\n".join(filled(name, language))
        for label, mark in ((spec.verdict.a, "a"), (spec.verdict.b, "b")):
            assert label in asked
            assert parse_pick(spec.verdict, f"Reasons.\n{label}\n", "stop").label == mark


def test_an_answer_in_the_form_of_the_rubric_is_read() -> None:
    verdict = shipped("rubric").verdict
    assert verdict == NumberVerdict(parser="last_number", min=0, max=3)
    for answer in ("Two good images.\nRating: 2", "有 3 处精彩。\n评分：2", "评分：2 分"):
        assert parse_rating(verdict, answer, "stop") == (2.0, None)


def test_the_control_differs_from_pairwise_in_its_last_paragraph_alone() -> None:
    for language in ("zh", "en"):
        [reasoned], [bare] = filled("pairwise", language), filled("pairwise_verdict_only", language)
        assert reasoned.split("\n\n")[:-1] == bare.split("\n\n")[:-1]
        assert reasoned.split("\n\n")[-1] != bare.split("\n\n")[-1]
    assert shipped("pairwise_verdict_only").sampling.max_tokens < 64


def test_rm_r1_is_asked_within_its_own_marks() -> None:
    block = (
        "[Client Question]\nTHE TASK\n\n"
        "[The Start of Chatbot A's Response]\nFIRST\n[The End of Chatbot A's Response]\n\n"
        "[The Start of Chatbot B's Response]\nSECOND\n[The End of Chatbot B's Response]"
    )
    for language in ("zh", "en"):
        system, user = filled("rm_r1", language)
        assert user == block
        tags = "type rubric justify eval quote_A summary_A quote_B summary_B solution answer"
        assert all(f"<{tag}>" in system and f"</{tag}>" in system for tag in tags.split())
        [turn] = filled("rm_r1_reasoning", language)
        assert f"\n\n{block}\n\n" in turn


@pytest.mark.parametrize(("name", "tokens"), [("rm_r1", 8192), ("rm_r1_reasoning", 16384)])
def test_rm_r1_is_greedy_and_read_by_all_three_rules(name: str, tokens: int) -> None:
    spec = shipped(name)
    assert (spec.sampling.temperature, spec.sampling.top_p) == (0, 1)
    assert spec.sampling.max_tokens == tokens
    assert (spec.verdict.parser, *spec.verdict.also) == ("last_label", "only_label", "tail_label")
    assert (spec.verdict.a, spec.verdict.fallback.a) == ("<answer>[[A]]</answer>", "[[A]]")


# one's own


def test_a_small_file_of_one_s_own_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    spec = parse_spec(path)
    assert isinstance(spec, PairwiseJudge)
    assert (spec.repeats, spec.verdict.tie, spec.sampling.temperature) == (1, None, 0)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ promt }} {{ text_a }}", "unknown variable 'promt': did you mean 'prompt'?"),
        ("{{ prompt }} {{ text_a }}", "variable 'text_b' is not used: put {{ text_b }} in a"),
        ("{{ prompt }", "user: not a jinja2 template: line 1: unexpected '}'"),
        ("x\n{% if %}", "user: not a jinja2 template: line 2: Expected an expression"),
        ("{{ prompt|shout }}", "user: not a jinja2 template: line 1: No filter named 'shout'"),
        ("{{ [1, 2]|random }}", "user: not a jinja2 template: line 1: No filter named 'random'"),
        ("{% include 'other' %}", "user: a template cannot take in other files"),
    ],
)
def test_what_is_wrong_with_a_template_is_told_by_language(
    template: str, problem: str, tmp_path: Path
) -> None:
    assert f"field prompts.en: {problem}" in refusal(tmp_path, prompts={"en": {"user": template}})


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("{{ ''.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ prompt.format(1) }}", "KeyError: 'x'"),
        ("{{ prompt.encode().x }}", "has no attribute 'x'"),
        ("{{ text_a[5] }}", "has no element 5"),
        ("{{ 1 / prompt|length }}", "ZeroDivisionError"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "Range too big"),
        ("{{ genre() }}", "'str' object is not callable"),
    ],
)
def test_what_a_template_would_do_in_a_run_shows_at_validation(more: str, problem: str) -> None:
    user = "{{ prompt }}{{ text_a }}{{ text_b }}"
    [found] = template_problems((more, user), PAIRWISE, (), ())
    assert found.startswith("system: cannot be filled with '")
    assert problem in found


def test_code_in_a_template_is_welcome_if_it_always_does_the_same() -> None:
    user = "{% for t in [text_a, text_b] %}{{ loop.index }} {{ t }}{% endfor %}{{ prompt|trim }}"
    more = "{% for i in range(3) %}{{ i }}{% endfor %}{{ {'zh': 1}[language] }}{{ genre|lower }}"
    assert template_problems((None, user + more), PAIRWISE, (), (), language="zh") == []


def test_a_variable_may_be_left_out_on_purpose_only_if_it_is() -> None:
    user = "{{ text_a }} {{ text_b }}"
    assert template_problems((None, user), PAIRWISE, ("prompt",), ()) == []
    assert template_problems((None, user), PAIRWISE, ("prompt", "text_b", "txt"), ()) == [
        "without: variable 'text_b' is used",
        "without: unknown variable 'txt': did you mean 'text_b'?",
    ]


def test_a_delimiter_has_to_stand_in_some_message_as_text(tmp_path: Path) -> None:
    prompts = {
        "en": {"user": "{{ prompt }} [X] {{ text_a }} {{ text_b }} {# [Y] #}"},
        "zh": {"user": "{{ prompt }} {% raw %}【甲】{% endraw %} {{ text_a }} {{ text_b }}"},
    }
    message = refusal(tmp_path, prompts=prompts, delimiters=["[X]", "【甲】", "[Y]"])
    assert message == (
        "field delimiters.2: stands in no message of any language, so it parts nothing (got '[Y]')"
    )


@pytest.mark.parametrize(
    ("mark", "problem"),
    [("#", "a delimiter needs two characters"), ("[[a]]", "a delimiter cannot also be a label")],
)
def test_a_delimiter_that_guards_nothing_is_refused(
    mark: str, problem: str, tmp_path: Path
) -> None:
    prompts = {"en": {"user": f"{mark} {{{{ prompt }}}} {{{{ text_a }}}} {{{{ text_b }}}}"}}
    message = refusal(tmp_path, prompts=prompts, delimiters=[mark])
    assert message.startswith(f"field delimiters.0: {problem}")


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ({"b": "［［A］］"}, "field verdict.b: the same label as a (got '［［A］］')"),
        ({"tie": "[[B]]"}, "field verdict.tie: the same label as b (got '[[B]]')"),
        ({"a": "[[A]] "}, "field verdict.a: a label neither begins nor ends with white space"),
        ({"a": ""}, "field verdict.a: String should have at least 1 character"),
        (
            {"fallback": {"a": "A", "b": "B", "tie": "C"}},
            "field verdict.fallback.tie: a tie, where none is offered (got 'C')",
        ),
        (
            {"fallback": {"a": "A", "b": "B"}, "parser": "only_label"},
            "field verdict.fallback: only last_label looks for other labels",
        ),
        ({"parser": "first_label"}, "field verdict.parser: Input should be 'last_label'"),
        ({"labels": 1}, "field verdict.labels: unknown key 'labels'"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(
    verdict: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path, verdict=GOOD["verdict"] | verdict).startswith(expected)


def test_a_stop_string_must_not_end_an_answer_inside_its_label(tmp_path: Path) -> None:
    message = refusal(tmp_path, sampling={"stop": ["\n\n", "]]"]})
    assert message.splitlines() == [
        f"field sampling.stop.1: ends an answer inside the label '[[{x}]]' (got ']]')" for x in "AB"
    ]
    assert "field sampling.stop.0: String" in refusal(tmp_path, sampling={"stop": [""]})


def test_a_scale_is_finite_and_ordered(tmp_path: Path) -> None:
    scale = {"kind": "pointwise", "prompts": {"en": {"user": "{{ prompt }} {{ text }}"}}}
    for low, high, said in ((3, 3, "min 3 is not below max 3"), (0, float("inf"), "finite")):
        verdict = {"parser": "last_number", "min": low, "max": high}
        assert said in refusal(tmp_path, verdict=verdict, **scale)


def test_a_pointwise_template_has_one_text(tmp_path: Path) -> None:
    verdict = {"parser": "last_number", "min": 0, "max": 3}
    message = refusal(tmp_path, kind="pointwise", verdict=verdict)
    assert "field prompts.en: unknown variable 'text_a': did you mean 'text'?" in message
    assert issubclass(PointwiseJudge, type(shipped("rubric")))


def test_an_unknown_language_or_key_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, prompts={"fr": {"user": "x"}, "en": {"usr": "x"}})
    assert "field prompts.fr.[key]: Input should be 'zh' or 'en'" in message
    assert "field prompts.en.usr: unknown key 'usr': did you mean 'user'?" in message
