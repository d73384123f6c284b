"""What a run is named by (its identity) and what it reports (results.json). No model, no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import Dataset
from harness.data.clusters import clusters
from harness.data.columns import columns
from harness.data.prompts import PromptSet
from harness.metrics.measures import definitions
from harness.metrics.preference import preference_results
from harness.metrics.sources import self_preference
from harness.metrics.table import PairTable, VerdictTable, pair_table, verdict_table
from harness.metrics.tokens import Segmenter, tokenizer_facts
from harness.metrics.writing import writing_results
from harness.records import (
    Measures,
    Pair,
    PairFacts,
    Prompt,
    Text,
    Verdict,
    json_line,
)
from harness.reparse import rules as further_rules
from harness.specs import Judge, PairwiseJudge, TaskSpec, WritingSpec, spec_sha256

_CHUNK = 4096  # lines made into Python objects at once


def pair_facts(pairs: Sequence[Pair]) -> Iterator[PairFacts]:
    """The lines of pairs.jsonl, one by one; no text is read for them where `pairs` know their
    columns."""
    known, links = columns(pairs), clusters(pairs)
    heads = known.heads()
    for start in range(0, len(known), _CHUNK):
        part = slice(start, start + _CHUNK)
        numbers = zip(
            links[part].tolist(),
            known.chosen_id[part].tolist(),
            known.rejected_id[part].tolist(),
            known.chosen_chars[part].tolist(),
            known.rejected_chars[part].tolist(),
            known.models_of(known.chosen_model[part]),
            known.models_of(known.rejected_model[part]),
            _scores(known.chosen_score[part]),
            _scores(known.rejected_score[part]),
            strict=True,
        )
        for cluster, chosen, rejected, *rest in numbers:
            yield PairFacts(*next(heads), cluster, f"{chosen:016x}", f"{rejected:016x}", *rest)


def _scores(column: NDArray[np.float64]) -> list[float | None]:
    """Human scores, null where there is none."""
    return [None if score != score else score for score in column.tolist()]


def tables_in_memory(
    pairs: Sequence[Pair], verdicts: Iterable[Verdict]
) -> tuple[PairTable, VerdictTable]:
    """The tables that a run folder with these pairs and verdicts would give."""
    table = pair_table(json_line(facts).encode() for facts in pair_facts(pairs))
    return table, verdict_table(table, (json_line(verdict).encode() for verdict in verdicts))


def pairs_sha256(pairs: Sequence[Pair]) -> str:
    """One sum over which pairs a run takes and which genres they count for."""
    digest = hashlib.sha256()
    for pair_id, _, tag, genre, _ in columns(pairs).heads():
        digest.update(f"{pair_id}\0{tag}\0{genre}\n".encode())
    return digest.hexdigest()


def task_identity(spec: TaskSpec, data: Dataset, pairs: Sequence[Pair]) -> dict[str, Any]:
    """What a task contributes to the identity: its spec, its data, the pairs taken."""
    return {
        "task": spec.name,
        "task_sha256": spec_sha256(spec),
        "data_sha256": data.sha256,
        "pairs_sha256": pairs_sha256(pairs),
        "dropped_rows": data.dropped_rows,
    }


def writing_identity(
    spec: WritingSpec, data: PromptSet, prompts: Sequence[Prompt]
) -> dict[str, Any]:
    """The same of a writing task: its spec, its data, the prompts taken."""
    return {
        "task": spec.name,
        "task_sha256": spec_sha256(spec),
        "data_sha256": data.sha256,
        "prompts_sha256": prompts_sha256(prompts),
        "dropped_rows": data.dropped_rows,
    }


def prompts_sha256(prompts: Sequence[Prompt]) -> str:
    """One sum over which prompts a run takes and which genres they count for."""
    digest = hashlib.sha256()
    for prompt in prompts:
        parts = (prompt.prompt_id, prompt.tag, prompt.genre, prompt.prompt)
        digest.update(("\0".join(parts) + "\n").encode())
    return digest.hexdigest()


def make_writing_results(
    spec: WritingSpec,
    data: PromptSet,
    prompts: Sequence[Prompt],
    texts: Sequence[Text],
    measures: Sequence[Measures],
    *,
    model: Mapping[str, Any],
    asked: Mapping[str, Any] | None,
    segmenter: Segmenter,
    seed: int,
) -> dict[str, Any]:
    """results.json of a run that wrote (docs/design.md 4.4).

    `texts` are those that count, errors among them, `measures` of those that are there; `asked`
    is how the model was asked, null for texts from elsewhere.
    """
    return {
        "schema": 1,
        "task": spec.name,
        "kind": spec.kind,
        "language": spec.language,
        "model": dict(model),
        "judge": None,
        "asked": dict(asked) if asked else None,
        "data": {
            "file": data.file,
            "sha256": data.sha256,
            "n": len(texts),
            "prompts": len(prompts),
            "clusters": len(prompts),
            "replaced": data.replaced,
            "dropped_rows": data.dropped_rows,
            "left_out": len(data.prompts) - len(prompts),
            "short_prompts": data.short_prompts,
        },
        "seed": seed,
        **writing_numbers(texts, measures, spec.metrics, segmenter, seed),
    }


def writing_numbers(
    texts: Sequence[Text],
    measures: Sequence[Measures],
    metrics: Sequence[str],
    segmenter: Segmenter,
    seed: int,
) -> dict[str, Any]:
    """Every number of results.json that comes from texts, and by which rules."""
    return {
        **writing_results(texts, measures, metrics=metrics, seed=seed),
        "tokenizer": tokenizer_facts(segmenter),
        "definitions": definitions(),
    }


def make_results(
    spec: TaskSpec,
    data: Dataset,
    pairs: Sequence[Pair],
    tables: tuple[PairTable, VerdictTable],
    *,
    model: Mapping[str, Any],
    judge: Mapping[str, str] | None,
    seed: int,
) -> dict[str, Any]:
    """results.json (docs/design.md 4.4); also what was left out of the file."""
    numbers = preference_results(*tables, metrics=spec.metrics, seed=seed)
    known = columns(pairs)
    return {
        "schema": 1,
        "task": spec.name,
        "kind": spec.kind,
        "language": spec.language,
        "model": dict(model),
        "judge": dict(judge) if judge else None,
        "data": {
            "file": data.file,
            "sha256": data.sha256,
            "n": len(pairs),
            "prompts": len(np.unique(known.prompt_key)),
            "clusters": int(tables[0].cluster.max()) + 1 if len(pairs) else 0,
            "replaced": data.replaced,
            "dropped_rows": data.dropped_rows,
            "left_out": len(data.pairs) - len(pairs),
            "gold_ties": int((known.chosen_score == known.rejected_score).sum()),
        },
        "seed": seed,
        **numbers,
    }


def judge_numbers(
    folder: Path,
    tables: tuple[PairTable, VerdictTable],
    judge: Judge,
    *,
    family: str | None,
    own: Collection[str],
    seed: int,
) -> dict[str, Any]:
    """What results.json says of a judge beside the common numbers.

    `rules`: the main numbers by every further rule of its file, null where there is none.
    `self_preference`: whether it favours texts of its own `family` of models, `own` being the
    sources of that family; null where the family is unknown or wrote none of the texts.
    """
    pairs, verdicts = tables
    rules = None
    if isinstance(judge, PairwiseJudge) and judge.verdict.also:
        rules = further_rules(folder, pairs, judge.verdict, seed=seed)
    favour = None
    if family is not None:
        of_family = np.array([name in own for name in pairs.models], np.bool_)
        numbers = self_preference(pairs, verdicts, of_family, seed)
        favour = {"family": family, **numbers} if numbers else None
    return {"rules": rules, "self_preference": favour}
