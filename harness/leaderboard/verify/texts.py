"""A run that wrote: its texts for every prompt, measured again, and its numbers from them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from harness.data import PromptSet
from harness.errors import MissingExtra
from harness.leaderboard.archive import short
from harness.leaderboard.entries import at
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding, note
from harness.leaderboard.verify.numbers import told
from harness.metrics.measures import measure
from harness.metrics.tokens import Segmenter, tokenizer_facts
from harness.records import Measures, Prompt, Text, TextKey, canonical
from harness.results import writing_numbers
from harness.specs import WritingSpec
from harness.stored import MANIFEST, MEASURES, PROMPTS, RESULTS, TEXTS


def check_texts(case: Case) -> Iterator[Finding]:
    """texts.jsonl: for prompts of the run alone, each attempt once, all prompts answered."""
    prompts = {one.prompt_id: one for one in case.submission.records(PROMPTS, Prompt)}
    last: dict[TextKey, tuple[int, bool]] = {}
    for line, text in enumerate(case.submission.records(TEXTS, Text), 1):
        prompt = prompts.get(text.prompt_id)
        if prompt is None:
            said = f"prompt_id {short(text.prompt_id)} is not a prompt of this run"
            yield Finding("texts", said, TEXTS, line)
            continue
        if (text.tag, text.genre, text.language) != (prompt.tag, prompt.genre, prompt.language):
            yield Finding("texts", "tag, genre or language not its prompt's", TEXTS, line)
        if (text.text is None) != (text.error is not None):
            yield Finding("texts", "a text and an error, or neither", TEXTS, line)
        if not case.submission.meta.raw and text.reasoning is not None:
            yield Finding("raw", "thoughts, and it is said that none are here", TEXTS, line)
        attempt, failed = last.get(text.key, (0, True))
        if not failed or text.attempt != attempt + 1:
            said = f"attempt {text.attempt} after attempt {attempt}{'' if failed else ', no error'}"
            yield Finding("texts", said, TEXTS, line)
        last[text.key] = (text.attempt, text.text is None)
    repeats = at(case.results, "asked", "repeats")
    found: dict[str, list[int]] = {}
    for prompt_id, repeat in last:
        found.setdefault(prompt_id, []).append(repeat)
    for prompt_id in prompts:
        own = sorted(found.get(prompt_id, []))
        owed = repeats if isinstance(repeats, int) else max(len(own), 1)
        if len(own) != owed or own != list(range(len(own))):
            said = f"prompt {short(prompt_id)} has {len(own):,} texts of {owed:,}"
            yield Finding("texts", said, TEXTS)


def check_measures(case: Case) -> Iterator[Finding]:
    """measures.jsonl and results.json from the texts as they stand."""
    task, seed = case.standard.task, case.seed
    assert isinstance(task, WritingSpec)
    if seed is None:
        yield Finding("numbers", "no seed, so nothing can be computed again", RESULTS)
        return
    segmenter = at(case.manifest, "settings", "segmenter")
    if segmenter not in ("jieba", "rjieba"):
        yield Finding("identity", f"segmenter {short(segmenter)}: jieba or rjieba", MANIFEST)
        return
    try:
        facts = tokenizer_facts(segmenter)
    except MissingExtra as missing:
        yield note("numbers", f"texts were not measured again: {missing}")
        return
    if case.identity.get("tokenizer") != facts[task.language]:
        said = f"identity.tokenizer is not {facts[task.language]!r}, which measures here"
        yield Finding("identity", said, MANIFEST)
    yield from _measured(case, task, segmenter, seed)


def _measured(case: Case, task: WritingSpec, segmenter: Segmenter, seed: int) -> Iterator[Finding]:
    prompts = {one.prompt_id: one.prompt for one in case.submission.records(PROMPTS, Prompt)}
    place = {prompt_id: number for number, prompt_id in enumerate(prompts)}
    last = {text.key: text for text in case.submission.records(TEXTS, Text)}
    known = [text for text in last.values() if text.prompt_id in place]
    texts = sorted(known, key=lambda text: (place[text.prompt_id], text.repeat))
    measures = measure(texts, prompts, segmenter=segmenter)
    stored = case.submission.records(MEASURES, Measures)
    for line, (one, other) in enumerate(zip_longest(stored, measures), 1):
        if one is None or other is None:
            said = "a line more or less than there are texts"
            yield Finding("numbers", said, MEASURES, line)
            break
        unlike = [
            name
            for name in Measures.__slots__
            if canonical(getattr(one, name)) != canonical(getattr(other, name))
        ]
        if unlike:
            said = f"{', '.join(unlike)} of text {short(other.text_id)} measured otherwise"
            yield Finding("numbers", said, MEASURES, line)
    results = case.results
    expected = {
        **{"schema": 1, "task": task.name, "kind": task.kind, "language": task.language},
        **{key: results.get(key) for key in ("model", "judge", "asked", "seed")},
        "data": _data(case, len(texts), len(prompts)),
        **writing_numbers(texts, measures, task.metrics, segmenter, seed),
    }
    yield from told(results, expected)


def _data(case: Case, texts: int, prompts: int) -> dict[str, object]:
    stored, data = at(case.results, "data"), case.standard.data
    keys = ("file", "sha256", "replaced", "dropped_rows", "left_out", "short_prompts")
    found = {key: at(stored, key) for key in keys}
    if isinstance(data, PromptSet) and found["sha256"] == data.sha256:
        found["left_out"] = len(data.prompts) - prompts
        found["dropped_rows"] = data.dropped_rows
        found["short_prompts"] = data.short_prompts
    return found | {"n": texts, "prompts": prompts, "clusters": prompts}
