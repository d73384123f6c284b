"""The numbers of a writing run: its metrics, its genres, its tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness.errors import UsageError, unknown_name
from harness.metrics.accuracy import mean
from harness.metrics.table import FloatArray, IntArray
from harness.metrics.tokens import Places
from harness.metrics.uncertainty import FEWEST_CLUSTERS, as_list, bootstrap_totals, percentiles95
from harness.records import Measures, Text

DIVERSITY = ("ttr", "mattr50", "mtld", "hdd42", "distinct2")
LENGTH = ("chars", "words", "tokens")
_FEWEST_PROMPTS = 2  # with one a resample can only repeat the data
_GENRE_KEYS = ("errors", "empty", "truncated", "refusals", "wrong_language", "repetition")
_TAG_MEANS = ("chars", "words", "ttr")


@dataclass(frozen=True, slots=True)
class WritingTable:
    """The texts owed, one a (prompt_id, repeat), and the measures of those that are there."""

    texts: Sequence[Text]
    measures: Sequence[Measures]

    def values(self, name: str) -> FloatArray:
        """A measure of each of the M texts that are there, (M,); nan where it is null."""
        return np.array([getattr(one, name) for one in self.measures], np.float64)

    def known(self, name: str) -> FloatArray:
        """The values of a measure that are there."""
        values = self.values(name)
        return values[~np.isnan(values)]

    def count(self, name: str) -> int:
        """Of how many texts something is true."""
        return sum(getattr(one, name) for one in self.measures)

    def prompt(self) -> IntArray:
        """The prompts of the M texts that are there as numbers, (M,)."""
        return Places().of([one.prompt_id for one in self.measures]).astype(np.int64)

    def by(self, what: Literal["genre", "tag"]) -> dict[str, WritingTable]:
        """A table for each genre or tag, by name."""
        texts: dict[str, list[Text]] = {}
        measures: dict[str, list[Measures]] = {}
        for text in self.texts:
            texts.setdefault(getattr(text, what), []).append(text)
        for one in self.measures:
            measures.setdefault(getattr(one, what), []).append(one)
        return {name: WritingTable(texts[name], measures.get(name, [])) for name in sorted(texts)}


Metric = Callable[[WritingTable, int], dict[str, Any]]


def length(table: WritingTable, _seed: int = 0) -> dict[str, Any]:
    """`chars`, `words`, `tokens`: means over texts, and `_median`; null where nobody counted."""
    found: dict[str, Any] = {}
    for name in LENGTH:
        found |= {name: mean(table.known(name)), f"{name}_median": _median(table.known(name))}
    return found


def diversity(table: WritingTable, seed: int) -> dict[str, Any]:
    """Five keys for each of `ttr`, `mattr50`, `mtld`, `hdd42` and `distinct2`, and `in_language`.

    The name alone is the mean over the `_n` texts that are long enough to have a value, `_median`
    their median, `_ci95` the percentile interval of the mean in 2,000 resamples of whole prompts
    under `seed`, null under two prompts. `in_language`: the means over the `n` texts in the
    task's language alone, as the others are cut into words by a rule that is not their own.
    """
    intervals = _intervals(table, DIVERSITY, seed=seed, fewest=_FEWEST_PROMPTS)
    found: dict[str, Any] = {}
    for name in DIVERSITY:
        known = table.known(name)
        found |= {
            name: mean(known),
            f"{name}_median": _median(known),
            f"{name}_ci95": intervals[name],
            f"{name}_n": known.size,
        }
    own = WritingTable(table.texts, [one for one in table.measures if not one.wrong_language])
    return found | {"in_language": {"n": len(own.measures), **_means(own, DIVERSITY)}}


def language(table: WritingTable, _seed: int = 0) -> dict[str, Any]:
    """`wrong_language`, a share of texts, `wrong_language_n`, and `written_in`, counts.

    Texts without letters are `none` in `written_in`, and not in a wrong language.
    """
    counts = Counter(one.written_in or "none" for one in table.measures)
    return {
        "wrong_language": mean(table.values("wrong_language")),
        "wrong_language_n": table.count("wrong_language"),
        "written_in": {name: counts[name] for name in ("zh", "en", "other", "none")},
    }


def failures(table: WritingTable, _seed: int = 0) -> dict[str, Any]:
    """Counts of what went wrong, and `coverage`, the share of texts that are there.

    `n` texts are owed, `texts` are there, `errors` ended in one; of those there so many are
    `empty` (white space alone), `truncated` (cut off at the limit of tokens), `refusals`.
    """
    owed, there = len(table.texts), len(table.measures)
    return {
        "n": owed,
        "texts": there,
        "errors": sum(text.error is not None for text in table.texts),
        "coverage": there / owed if owed else None,
        "empty": table.count("empty"),
        "truncated": table.count("truncated"),
        "refusals": table.count("refusal"),
    }


def repetition(table: WritingTable, _seed: int = 0) -> dict[str, Any]:
    """`repetition` and `near_duplicates`, shares of texts; `seq_rep8` and `nearest`, means.

    `repetition`: texts that loop. `near_duplicates`: texts much like one for another prompt.
    """
    return {
        "repetition": mean(table.values("runaway")),
        "seq_rep8": mean(table.known("seq_rep8")),
        "near_duplicates": mean(table.values("near_duplicate")),
        "nearest": mean(table.values("nearest")),
    }


WRITING_METRICS: Mapping[str, Metric] = {
    "length": length,
    "diversity": diversity,
    "language": language,
    "failures": failures,
    "repetition": repetition,
}


def writing_results(
    texts: Sequence[Text], measures: Sequence[Measures], *, metrics: Sequence[str], seed: int
) -> dict[str, Any]:
    """The keys metrics, genres and tags of results.json (docs/design.md 4.4), as plain JSON types.

    `texts` are those that count, errors among them, `measures` of those that are there; `metrics`
    are names in WRITING_METRICS, `seed` (0 or more) is behind every resample. `n` is of texts
    owed; means and shares are over texts that are there and null where there is none. A genre has
    `ttr_ci95` from ten prompts on. Raises UsageError for an unknown metric.
    """
    for name in metrics:
        if name not in WRITING_METRICS:
            raise UsageError(unknown_name("metric", name, WRITING_METRICS))
    table = WritingTable(texts, measures)
    numbers: dict[str, Any] = {}
    for name in metrics:
        numbers |= WRITING_METRICS[name](table, seed)
    return {
        "metrics": numbers,
        "genres": {name: _genre(own, seed) for name, own in table.by("genre").items()},
        "tags": {
            name: {**_size(own), **_means(own, _TAG_MEANS)} for name, own in table.by("tag").items()
        },
    }


def _genre(table: WritingTable, seed: int) -> dict[str, Any]:
    wrong = failures(table) | language(table) | repetition(table)
    return {
        **_size(table),
        **_means(table, (*LENGTH, *DIVERSITY)),
        "ttr_ci95": _intervals(table, ("ttr",), seed=seed, fewest=FEWEST_CLUSTERS)["ttr"],
        **{key: wrong[key] for key in _GENRE_KEYS},
    }


def _size(table: WritingTable) -> dict[str, int]:
    return {"n": len(table.texts), "prompts": len({text.prompt_id for text in table.texts})}


def _means(table: WritingTable, names: Sequence[str]) -> dict[str, float | None]:
    return {name: mean(table.known(name)) for name in names}


def _median(values: FloatArray) -> float | None:
    return float(np.median(values)) if values.size else None


def _intervals(
    table: WritingTable, names: Sequence[str], *, seed: int, fewest: int
) -> dict[str, list[float] | None]:
    """Percentile intervals of means over texts, resampling prompts with all their texts.

    One set of draws for all of the measures. Null where fewer prompts than `fewest` have one.
    """
    found: dict[str, list[float] | None] = dict.fromkeys(names)
    prompt = table.prompt()
    if len(table.measures) < fewest:
        return found
    values = np.stack([table.values(name) for name in names], axis=1)
    known = ~np.isnan(values)
    rows = np.concatenate([np.where(known, values, 0.0), known], axis=1)
    totals = bootstrap_totals(rows, prompt, seed=seed)
    for column, name in enumerate(names):
        sums, sizes = totals[:, column], totals[:, len(names) + column]
        if np.unique(prompt[known[:, column]]).size >= fewest:
            means = np.divide(sums, sizes, out=np.full(sums.shape, np.nan), where=sizes > 0)
            found[name] = as_list(percentiles95(means))
    return found
