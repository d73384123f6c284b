"""Texts measured one by one, and against each other: the lines of measures.jsonl."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.metrics import diversity, language, refusals, repetition, similarity
from harness.metrics.tokens import Numbered, Segmenter, numbered, tokenize
from harness.metrics.workers import Workers
from harness.records import Language, Measures, Text, WrittenIn, short_id

_FAST = 10  # characters that rjieba or the word regex sees to while jieba cuts one


@dataclass(frozen=True, slots=True)
class _Alone:
    """What one text says by itself."""

    words: Numbered
    ttr: float | None
    mattr50: float | None
    mtld: float | None
    hdd42: float | None
    distinct2: float | None
    seq_rep8: float | None
    written_in: WrittenIn | None
    runaway: bool


def measure(
    texts: Sequence[Text],
    prompts: Mapping[str, str],
    *,
    segmenter: Segmenter,
    workers: Workers | None = None,
) -> list[Measures]:
    """The measures of every text that is there, in order (docs/design.md 5.15).

    `prompts` gives the prompt of a prompt_id. `workers` share out the texts; the numbers are the
    same without them.
    """
    there = [(text, text.text) for text in texts if text.text is not None]
    work = [(written, text.language) for text, written in there]
    look = partial(_alone, segmenter=segmenter)
    alone = (workers or Workers()).share(look, work, cost(work, segmenter))
    near = similarity.nearest([own.words for own in alone], [text.prompt_id for text, _ in there])
    return [
        _measures(text, written, own, nearest, prompts[text.prompt_id])
        for (text, written), own, nearest in zip(there, alone, near.tolist(), strict=True)
    ]


def cost(work: Iterable[tuple[str, Language]], segmenter: Segmenter) -> int:
    """How many characters of jieba's the work is worth."""
    slow = fast = 0
    for text, own in work:
        if own == "zh" and segmenter == "jieba":
            slow += len(text)
        else:
            fast += len(text)
    return slow + fast // _FAST


def _alone(work: Sequence[tuple[str, Language]], segmenter: Segmenter) -> list[_Alone]:
    # all are cut before any is measured: the segmenter's dictionary fills the processor's cache
    cut = [numbered(tokenize(text, own, segmenter)) for text, own in work]
    return [_one(text, words) for (text, _), words in zip(work, cut, strict=True)]


def _one(text: str, words: Numbered) -> _Alone:
    codes, types = words
    seq_rep8 = repetition.seq_rep(codes)
    return _Alone(
        words=words,
        ttr=len(types) / codes.size if codes.size else None,
        mattr50=diversity.mattr(codes),
        mtld=diversity.mtld(codes),
        hdd42=diversity.hdd(codes),
        distinct2=diversity.distinct_n(codes),
        seq_rep8=seq_rep8,
        written_in=language.written_in(text),
        runaway=repetition.is_runaway(text, seq_rep8),
    )


def _measures(text: Text, written: str, own: _Alone, nearest: float, prompt: str) -> Measures:
    return Measures(
        prompt_id=text.prompt_id,
        tag=text.tag,
        genre=text.genre,
        language=text.language,
        repeat=text.repeat,
        text_id=short_id(text.language, prompt, written),
        chars=len(written),
        words=own.words[0].size,
        types=len(own.words[1]),
        tokens=text.n_tokens,
        ttr=own.ttr,
        mattr50=own.mattr50,
        mtld=own.mtld,
        hdd42=own.hdd42,
        distinct2=own.distinct2,
        seq_rep8=own.seq_rep8,
        nearest=nearest,
        written_in=own.written_in,
        wrong_language=own.written_in not in (None, text.language),
        empty=not written.strip(),
        truncated=text.finish_reason == "length",
        refusal=refusals.is_refusal(written, text.finish_reason),
        runaway=own.runaway,
        near_duplicate=nearest >= similarity.NEAR_DUPLICATE,
        score=text.score,
    )


def definitions() -> dict[str, Any]:
    """What a reader of results.json needs to compute the measures again (docs/design.md 5.15)."""
    return {
        "filter": "lower-cased tokens that hold a letter or a number (Unicode L or N)",
        "mattr50": {"window": diversity.WINDOW},
        "mtld": {"threshold": diversity.THRESHOLD},
        "hdd42": {"draws": diversity.DRAWS},
        "distinct2": {"n": 2, "budget": diversity.BUDGET},
        "written_in": {
            "fewest_words": language.FEWEST_WORDS,
            "english_function_words": language.FUNCTION_WORDS,
            "kana_of_japanese": language.JAPANESE,
        },
        "refusal": {"chars": refusals.CHARS},
        "seq_rep8": {"n": repetition.N},
        "runaway": {
            "seq_rep8_over": repetition.SEQ_REP_LIMIT,
            "loop_times": repetition.LOOP_TIMES,
            "loop_chars": repetition.LOOP_CHARS,
            "loop_tail": repetition.LOOP_TAIL,
            "run": repetition.RUN,
            "divider_chars": repetition.DIVIDER_CHARS,
        },
        "near_duplicate": {
            "shingle": similarity.SHINGLE,
            "resemblance": similarity.NEAR_DUPLICATE,
        },
    }
