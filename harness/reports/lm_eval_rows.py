"""The lines of lm-eval's samples_*.jsonl, from what a run has stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from harness.metrics.accuracy import pair_values
from harness.records import Measures, PairFacts, Rating, Score, Text, Verdict
from harness.stored import (
    PAIRS,
    SCORES,
    VERDICTS,
    FinishedRun,
    FinishedWriting,
    decoded,
    read_measures,
)

MEANS = ("ttr", "mattr50", "mtld", "hdd42", "distinct2", "chars", "words", "tokens", "seq_rep8")
SHARES = {"wrong_language": "wrong_language", "repetition": "runaway"}  # by their name in results
_ORDERS = {None: 0, "chosen_first": 0, "rejected_first": 1}


def chosen_index(pair_id: str) -> int:
    """The index, 0 or 1, at which the chosen text of a pair stands.

    The last bit of sha256(0 NUL pair_id): lm-eval takes index 0 where two are equal, so that a
    fixed side would win every tie.
    """
    return hashlib.sha256(f"0\0{pair_id}".encode()).digest()[-1] % 2


def sha256_text(text: str) -> str:
    """lm-eval's hash of a string."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def pair_samples(run: FinishedRun) -> Iterator[dict[str, Any]]:
    """A line a pair, in the order of the file.

    `acc` is the pair's value (ties 0), `acc_half` the same with ties half. Of scores: a response
    each at the pair's `chosen_index` order, `target` the index. Of a judge that compares: a
    response an order, its answers, and their outcomes. What it was asked is not stored, so that
    `arguments` is empty and `prompt_hash` null.
    """
    answers = _answers_of(run)
    columns = (pair_values(run.pairs, run.verdicts), pair_values(run.pairs, run.verdicts, tie=0.5))
    facts = decoded(run.folder / PAIRS, PairFacts)
    for number, (pair, acc, half) in enumerate(
        zip(facts, *(column.tolist() for column in columns), strict=True)
    ):
        target, resps, filtered = answers.of(pair)
        values = {"acc": acc, "acc_half": half}
        yield _line(number, asdict(pair), target, {}, resps, filtered, values)


def _line(
    number: int,
    doc: Mapping[str, Any],
    target: str,
    arguments: Mapping[str, Any],
    resps: Sequence[Any],
    filtered: Sequence[Any],
    values: Mapping[str, float],
) -> dict[str, Any]:
    """A line with lm-eval's keys and hashes."""
    prompt = arguments["gen_args_0"]["arg_0"] if arguments else None
    return {
        "doc_id": number,
        "doc": doc,
        "target": target,
        "arguments": arguments,
        "resps": resps,
        "filtered_resps": filtered,
        "filter": "none",
        "metrics": list(values),
        "doc_hash": sha256_text(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": None if prompt is None else sha256_text(prompt),
        "target_hash": sha256_text(target),
        **values,
    }


Answered = tuple[str, list[Any], list[Any]]  # target, resps, filtered_resps


class _Scored:
    """A response a text: its score."""

    def __init__(self, run: FinishedRun) -> None:
        lines = decoded(run.folder / SCORES, Score)
        self._scores = {one.id: one.raw if one.score is None else one.score for one in lines}

    def of(self, pair: PairFacts) -> Answered:
        both = [str(self._scores.get(text_id)) for text_id in _sides(pair)]
        return str(chosen_index(pair.pair_id)), [[[one]] for one in both], [[one] for one in both]


class _Rated:
    """A response a text: a judge's answers, and the scores read from them."""

    def __init__(self, run: FinishedRun) -> None:
        last = {(one.id, one.repeat): one for one in decoded(run.folder / SCORES, Rating)}
        self._ratings: dict[str, list[Rating]] = {}
        for (text_id, _), rating in sorted(last.items()):
            self._ratings.setdefault(text_id, []).append(rating)

    def of(self, pair: PairFacts) -> Answered:
        both = [self._ratings.get(text_id, []) for text_id in _sides(pair)]
        resps = [[one.raw for one in own] for own in both]
        return str(chosen_index(pair.pair_id)), resps, [[str(o.score) for o in own] for own in both]


class _Compared:
    """A response an order: a judge's answers, null where it gives none, and their outcomes."""

    def __init__(self, run: FinishedRun) -> None:
        last = {one.key: one for one in decoded(run.folder / VERDICTS, Verdict)}
        self._verdicts: dict[str, dict[int, list[Verdict]]] = {}
        for one in sorted(last.values(), key=lambda one: one.repeat):
            orders = self._verdicts.setdefault(one.pair_id, {})
            orders.setdefault(_ORDERS[one.order], []).append(one)

    def of(self, pair: PairFacts) -> Answered:
        orders = [own for _, own in sorted(self._verdicts.get(pair.pair_id, {}).items())]
        outcomes = [[one.outcome for one in own] for own in orders]
        return "chosen", [[one.raw for one in own] for own in orders], _unpacked(outcomes)


def _answers_of(run: FinishedRun) -> _Scored | _Rated | _Compared:
    if (run.manifest.get("judge") or {}).get("kind") == "pointwise":
        return _Rated(run)
    return _Scored(run) if (run.folder / SCORES).is_file() else _Compared(run)


def _sides(pair: PairFacts) -> tuple[str, str]:
    sides = pair.chosen_id, pair.rejected_id
    return sides if chosen_index(pair.pair_id) == 0 else (sides[1], sides[0])


def _unpacked(answers: Sequence[Sequence[Any]]) -> list[Any]:
    """One answer as lm-eval's take_first leaves it, several as take_first_k does."""
    return [own[0] if len(own) == 1 else list(own) for own in answers]


def text_samples(run: FinishedWriting) -> Iterator[dict[str, Any]]:
    """A line a prompt with its texts as the repeats of one response, null where there is none.

    A value is the mean of the prompt's texts that have it.
    """
    texts: dict[str, list[Text]] = {}
    for text in sorted(run.texts.values(), key=lambda text: text.repeat):
        texts.setdefault(text.prompt_id, []).append(text)
    measures: dict[str, list[Measures]] = {}
    for one in read_measures(run.folder):
        measures.setdefault(one.prompt_id, []).append(one)
    for number, prompt in enumerate(run.prompts):
        written = [text.text for text in texts.get(prompt.prompt_id, [])]
        arguments = _asked(run.results.get("asked"), prompt.prompt)
        values = _means(measures.get(prompt.prompt_id, []))
        yield _line(number, asdict(prompt), "", arguments, [written], _unpacked([written]), values)


def _means(measures: Sequence[Measures]) -> dict[str, float]:
    found = {}
    for name in (*MEANS, *SHARES):
        values = [getattr(one, SHARES.get(name, name)) for one in measures]
        known = [float(value) for value in values if value is not None]
        if known:
            found[name] = float(np.mean(known))
    return found


def _asked(asked: Mapping[str, Any] | None, prompt: str) -> dict[str, Any]:
    """What a chat model was asked, as lm-eval stores chats; nothing of texts from elsewhere."""
    if asked is None:
        return {}
    system = asked.get("system")
    chat = [] if system is None else [{"role": "system", "content": system}]
    chat.append({"role": "user", "content": prompt})
    return {
        "gen_args_0": {
            "arg_0": json.dumps(chat, ensure_ascii=False),
            "arg_1": generation_kwargs(asked["sampling"]),
        }
    }


def generation_kwargs(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """A run's sampling under lm-eval's names."""
    found = {
        "until": list(sampling["stop"]),
        "max_gen_toks": sampling["max_tokens"],
        "do_sample": sampling["temperature"] > 0,
        "temperature": sampling["temperature"],
    }
    named = {name: sampling.get(name) for name in ("top_p", "top_k")}
    return found | {name: value for name, value in named.items() if value is not None}
