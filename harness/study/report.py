"""A study's report: the paper's tables beside ours, from the results the stages left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.reports.arena import arena_tables
from harness.reports.render_md import markdown
from harness.reports.tables import Table
from harness.spec_files import load_named
from harness.specs import WritingSpec
from harness.study.published import Published, published
from harness.study.resolve import Study
from harness.study.tables import (
    diversity_table,
    faults_table,
    length_table,
    mixture_table,
)
from harness.study.wins import gap_table, matrix_tables

# what the report says in words of its own
_TOLD = ("judge.model=", "judge=none", "human=", "limit=", "scale=", "reference=", "recipes=")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the stages left their outputs: trainings and runs by label, the arena."""

    trained: Mapping[str, Path]
    runs: Mapping[str, Sequence[Path]]
    arena: Path | None


def study_results(study: Study, outcome: Outcome) -> dict[str, Any]:
    """results.json of a study: what each stage found, put together; nothing is computed anew."""
    manifests = {label: _read(path / "manifest.json") for label, path in outcome.trained.items()}
    texts: dict[str, dict[str, Any]] = {task: {} for task in study.spec.tasks}
    for label, paths in outcome.runs.items():
        for results in (_read(path / "results.json") for path in paths):
            texts[results["task"]][label] = results
    return {
        "schema": 1,
        "kind": "study",
        "name": study.spec.name,
        "labels": [member.label for member in study.members],
        "reference": study.spec.reference,
        "overrides": [_plain(text) for text in study.overrides],
        "scale": study.spec.scale,
        "limit": study.spec.limit,
        "trainings": {label: _training(one) for label, one in manifests.items()},
        "texts": texts,
        "arena": None if outcome.arena is None else _read(outcome.arena / "results.json"),
    }


def study_report(study: Study, outcome: Outcome, results: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    return markdown(study_tables(study, results)).replace("## ", "# ", 1)


def study_tables(study: Study, results: Mapping[str, Any]) -> list[Table]:
    """Everything the report says, in its order."""
    tasks = [load_named("tasks", name, WritingSpec, "writing task") for name in study.spec.tasks]
    papers = {task.name: published(task) for task in tasks}
    first = next((paper for paper in papers.values() if paper is not None), None)
    found = [
        Table(f"Study {study.spec.name}", (), (), tuple(_opening(study, results, papers))),
        mixture_table(results, first),
    ]
    languages: set[str] = set()
    for task in tasks:
        paper = papers[task.name]
        if task.language not in languages:  # the arena has one matrix a language
            found += matrix_tables(results, task, paper)
        languages.add(task.language)
        found.append(length_table(results, task, paper))
        found.append(diversity_table(results, task, paper))
        found.append(faults_table(results, task, paper))
    by_language: dict[str, Published | None] = {task.language: papers[task.name] for task in tasks}
    found += gap_table(results, by_language)
    if results["arena"] is not None:
        head, *others = arena_tables(results["arena"])
        found += [
            Table(head.title.replace("arena: ", "The arena in full: ", 1), (), (), head.notes),
            *others,
        ]
    return found


def _training(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the report needs of a training; the ids of the rows stay in its manifest."""
    kept = (
        "recipe", "identity_sha256", "parameters", "steps", "tokens", "tokens_per_epoch",
        "first_loss", "last_loss", "first_eval_loss", "last_eval_loss", "overrides", "base",
        "compute_dtype", "contamination",
    )  # fmt: skip
    mixture = manifest["mixture"]
    sources = {
        name: {key: value for key, value in source.items() if key != "ids"}
        for name, source in mixture["sources"].items()
    }
    found = {key: manifest[key] for key in kept}
    return found | {"mixture": {**mixture, "sources": sources}}


def _opening(
    study: Study, results: Mapping[str, Any], papers: Mapping[str, Published | None]
) -> list[str]:
    """What was done, and how it differs from the paper: the first thing to know of a number."""
    spec = study.spec
    said = [_sentence(spec.about)] if spec.about else []
    said.append(_recipes(study))
    told = [_judges(results)]
    changed = [text for text in study.overrides if not text.startswith(_TOLD)]
    if changed:
        told.append("changed by --set: " + ", ".join(map(_plain, changed)))
    if spec.scale != 1:
        told.append(f"the recipes' numbers of rows times {spec.scale:g}")
    prompts = {task: _prompts(results["texts"][task].values()) for task in spec.tasks}
    sources = sorted({paper.source for paper in papers.values() if paper is not None})
    if not sources:
        told.append("prompts: " + ", ".join(f"{n} of {task}" for task, n in prompts.items()))
        return [*said, f"How it was done: {'; '.join(told)}."]
    said.append(f"What is headed paper is reported in {', '.join(sources)}, and not ours.")
    for task, n in prompts.items():
        paper = papers[task]
        if paper is None or n != str(paper.prompts):
            theirs = "" if paper is None else f", the paper {paper.prompts}"
            told.append(f"{task} has {n} {'prompt' if n == '1' else 'prompts'}{theirs}")
    return [*said, f"What differs from the paper, or may: {'; '.join(told)}."]


def _recipes(study: Study) -> str:
    """Which recipe each label is, with what the study itself changes in it."""
    named = []
    for label, one in study.spec.recipes.items():
        own = f" with {_keys(one.set)}" if one.set else ""
        named.append(f"{label} is {Path(one.recipe).stem}{own}")
    every = f"; in all of them {_keys(study.spec.set)}" if study.spec.set else ""
    return f"Recipes: {'; '.join(named)}{every}."


def _keys(changed: Mapping[str, Any]) -> str:
    return ", ".join(_plain(f"{key}={value}") for key, value in changed.items())


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _judges(results: Mapping[str, Any]) -> str:
    arena = results["arena"]
    if arena is None:
        return "nobody judged, so there are no win rates"
    if arena["model"]:
        return f"judged by {arena['model']['name']}, not by people"
    others = [run for run in arena["runs"] if run not in results["labels"]]
    unknown = f", who ranked {', '.join(others)} as well, no label of this study" if others else ""
    return f"judged by people of your own{unknown}"


def _prompts(runs: Iterable[Mapping[str, Any]]) -> str:
    return " or ".join(str(n) for n in sorted({run["data"]["prompts"] for run in runs}))


def _plain(override: str) -> str:
    """A `--set` without the folders of this machine; the addresses of servers stay."""
    return re.sub(r"(?<![\w:/])[\w.~-]*/[\w./~-]*/", "", override)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
