"""Runs that wrote, one or two over the same prompts, as items: each prompt with what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DataError
from harness.records import Measures, Prompt, Text, TextKey
from harness.reports.overall import labels
from harness.reports.text import plain
from harness.stored import FinishedWriting, read_measures, read_writing
from harness.viewer.items import MARKS, Fold, Item, Side, View
from harness.viewer.words import head_facts, said, title_of

_FLAGS = {
    "runaway": "runaway",
    "near_duplicate": "near duplicate",
    "refusal": "refusal",
    "truncated": "truncated",
    "empty": "empty",
}
_NONE = "none"  # a text without a flag, so that these can be looked at alone
_SORTED = ("chars", "ttr", "mattr50", "mtld", "seq_rep8", "nearest", "score")


@dataclass(frozen=True, slots=True)
class Writer:
    """A finished run that wrote, under a name that tells it apart."""

    name: str
    run: FinishedWriting
    measures: dict[TextKey, Measures]


def writers_view(folders: Sequence[Path]) -> View:
    """One run that wrote, or two: their texts side by side where they share a prompt."""
    writers = read_writers(folders)
    first = writers[0].run
    prompts = [{p.prompt_id: p.prompt for p in writer.run.prompts} for writer in writers]
    shared = [
        prompt
        for prompt in first.prompts
        if all(own.get(prompt.prompt_id) == prompt.prompt for own in prompts)
    ]
    if not shared:
        raise DataError(f"{folders[0]} and {folders[-1]} share no prompt: nothing to show together")
    left_out = [(len(own) - len(shared), w.name) for own, w in zip(prompts, writers, strict=True)]
    return View(
        " and ".join(writer.name for writer in writers) + f" on {first.results['task']}",
        "texts" if len(writers) == 1 else "prompts",
        head_facts([(writer.name, writer.run.results) for writer in writers]),
        tuple(f"{n:,} prompts only in {name}" for n, name in left_out if n),
        _items(writers, shared),
    )


def read_writers(folders: Sequence[Path]) -> list[Writer]:
    """Finished runs that wrote; DataError for anything else."""
    runs = [read_writing(folder) for folder in folders]
    named = labels([(run.folder.resolve().name, run.results) for run in runs])
    return [
        Writer(plain(name), run, {(one.prompt_id, one.repeat): one for one in _measured(run)})
        for name, run in zip(named, runs, strict=True)
    ]


def _measured(run: FinishedWriting) -> list[Measures]:
    return read_measures(run.folder)


def _items(writers: Sequence[Writer], prompts: Sequence[Prompt]) -> Iterator[Item]:
    repeats = max((key[1] for writer in writers for key in writer.run.texts), default=0) + 1
    for prompt in prompts:
        for repeat in range(repeats):
            key = prompt.prompt_id, repeat
            texts = [writer.run.texts.get(key) for writer in writers]
            if any(texts):
                yield _item(writers, prompt, key, texts, repeats)


def _item(
    writers: Sequence[Writer],
    prompt: Prompt,
    key: TextKey,
    texts: Sequence[Text | None],
    repeats: int,
) -> Item:
    measured = [writer.measures.get(key) for writer in writers]
    flags = [flags_of(text, one) for text, one in zip(texts, measured, strict=True)]
    lengths = " / ".join(f"{one.chars:,}" if one else "-" for one in measured)
    many = len(writers) > 1
    facets: dict[str, tuple[str, ...]] = {
        "genre": (plain(prompt.genre),),
        "tag": (plain(prompt.tag),),
    }
    sorts: dict[str, float | None] = {}
    for writer, one, own in zip(writers, measured, flags, strict=True):
        of = f" · {writer.name}" if many else ""
        facets[f"flags{of}"] = own or (_NONE,)
        facets[f"written in{of}"] = (str(one.written_in or _NONE),) if one else ()
        sorts |= {f"{name}{of}": getattr(one, name, None) for name in _SORTED}
    return Item(
        id=prompt.prompt_id if repeats == 1 else f"{prompt.prompt_id} · {key[1] + 1}",
        title=title_of(prompt.prompt),
        sub=f"{plain(prompt.tag)} · {lengths}",
        prompt=prompt.prompt,
        marks="|".join(MARKS["flag"] * len(own) for own in flags) if any(flags) else "",
        facts=said(
            ("genre", plain(prompt.genre)),
            ("tag", plain(prompt.tag)),
            ("repeat", key[1] + 1 if repeats > 1 else None),
        ),
        facets=facets,
        sorts={name: value for name, value in sorts.items() if not _nobody(name, writers)},
        sides=tuple(
            text_side(writer.name, text, one)
            for writer, text, one in zip(writers, texts, measured, strict=True)
        ),
    )


def _nobody(name: str, writers: Sequence[Writer]) -> bool:
    """Whether a sort is by people's scores and nobody gave any."""
    scored = any(one.score is not None for w in writers for one in w.measures.values())
    return name.startswith("score") and not scored


def flags_of(text: Text | None, measured: Measures | None) -> tuple[str, ...]:
    """What a reader should know of a text before trusting a number made of it."""
    if text is None or measured is None:
        return ("error",) if text is not None and text.error else ("no text",)
    wrong = [f"written in {measured.written_in or 'no language'}"] * measured.wrong_language
    return (*wrong, *(told for name, told in _FLAGS.items() if getattr(measured, name)))


def text_side(name: str, text: Text | None, measured: Measures | None) -> Side:
    """A text of a run with what was measured on it."""
    if text is None:
        return Side(name, None, note="no text")
    numbers = (
        ("characters", measured.chars),
        ("words", measured.words),
        ("TTR", measured.ttr),
        ("MATTR-50", measured.mattr50),
        ("MTLD", measured.mtld),
        ("HD-D", measured.hdd42),
        ("distinct-2", measured.distinct2),
        ("repeated 8-grams", measured.seq_rep8),
        ("nearest text", measured.nearest),
    ) if measured else ()  # fmt: skip
    return Side(
        name,
        text.text,
        note=None if text.text is not None else "no text: " + (text.error or "no reason given"),
        facts=said(
            *((label, _short(value)) for label, value in numbers),
            ("people's score", text.score),
            ("tokens", text.n_tokens),
            ("ended by", text.finish_reason),
        ),
        flags=flags_of(text, measured),
        folds=(Fold("reasoning", text.reasoning),) if text.reasoning else (),
    )


def _short(value: float | None) -> float | None:
    return round(value, 3) if isinstance(value, float) else value
