"""Do people prefer the text with more varied words? Measures of texts against their quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.metrics.accuracy import mean
from harness.metrics.arena import Units
from harness.metrics.table import BoolArray, FloatArray, IntArray
from harness.metrics.uncertainty import as_list, cluster_ci95, cluster_totals
from harness.records import Measures

MEASURES = ("ttr", "mattr50", "mtld", "hdd42", "distinct2", "words", "chars")
MATCHED = 1.25  # longer over shorter in characters, up to which two texts are of one length
FEWEST_TEXTS = 3  # of a prompt, below which their ranks say nothing


@dataclass(frozen=True, slots=True)
class JudgedTexts:
    """N texts of which some are known to be better than others, in C comparisons.

    `prompt` (N) are codes, `quality` (N) ranks the texts of one prompt, `chars` (N) their
    lengths, `measures` arrays of N with nan where a measure is not defined. `better` and `worse`
    (C) are rows of two texts of one prompt.
    """

    prompt: IntArray
    quality: FloatArray
    chars: FloatArray
    measures: Mapping[str, FloatArray]
    better: IntArray
    worse: IntArray


def scored_texts(rows: Iterable[Measures]) -> JudgedTexts:
    """Texts with human scores: the quality is the score, and every two texts of one prompt with
    different scores are a comparison. Texts without a score are left out."""
    scored = [row for row in rows if row.score is not None]
    prompt = _prompt_codes([(row.language, row.prompt_id) for row in scored])
    quality = np.array([row.score for row in scored], np.float64)
    better, worse = _unequal(prompt, quality)
    return _judged(prompt, quality, _columns(scored), better, worse)


def won_texts(units: Units, rows: Mapping[str, Iterable[Measures]]) -> JudgedTexts:
    """Texts of an arena: every valid unit that is no tie is a comparison.

    `rows` has the measures of each run, by the run's name; a run's text for a prompt is the mean
    over its repeats. Its quality is the mean of 1 for a win, 0 for a loss and 0.5 for a tie over
    its units. Units with a text that was not measured are left out.
    """
    places: dict[tuple[str, str, str], int] = {}
    column: list[int] = []
    listed: list[Measures] = []
    for run, own in rows.items():
        for row in own:
            column.append(places.setdefault((run, row.language, row.prompt_id), len(places)))
            listed.append(row)
    texts = _means(np.array(column, np.int64), _columns(listed), len(places))
    first, second = (_texts_of(units, side, places) for side in (units.first, units.second))
    there = ~units.failed & (first >= 0) & (second >= 0)
    first, second, value = first[there], second[there], units.value[there]
    n = np.bincount(np.concatenate([first, second]), minlength=len(places))
    won = np.concatenate([1 + value, 1 - value]) / 2
    score = np.bincount(np.concatenate([first, second]), won, minlength=len(places))
    with np.errstate(invalid="ignore"):
        quality = score / n
    decided = value != 0
    ahead = np.where(value > 0, first, second)[decided]
    behind = np.where(value > 0, second, first)[decided]
    prompt = _prompt_codes([(language, prompt_id) for _, language, prompt_id in places])
    return _judged(prompt, quality, texts, ahead, behind)


def diversity_and_quality(texts: JudgedTexts, *, seed: int) -> dict[str, Any]:
    """Whether a text that measures higher is the better one, for each measure and for length.

    For each of MEASURES: `higher_wins`, the share of comparisons in which the better text has the
    higher value, over the `n` with two different values, `ci95`; `matched`, the same three over
    the comparisons whose lengths in characters differ by a ratio of at most 1.25; `spearman`, the
    rank correlation of measure and quality within a prompt (equal values share their mean rank),
    averaged over the `spearman_prompts` with at least 3 texts that have both, neither constant,
    and `spearman_ci95`. Intervals by bootstrap of prompts (docs/design.md 5.5), as comparisons
    share texts. `texts`, `prompts`, `comparisons` and `comparisons_matched` are counts. Null where
    nothing can be said.
    """
    longer = np.maximum(texts.chars[texts.better], texts.chars[texts.worse])
    shorter = np.minimum(texts.chars[texts.better], texts.chars[texts.worse])
    everything, matched = np.ones(longer.size, np.bool_), longer <= MATCHED * shorter
    return {
        "texts": texts.prompt.size,
        "prompts": int(np.unique(texts.prompt).size),
        "comparisons": texts.better.size,
        "comparisons_matched": int(matched.sum()),
        "measures": {
            name: {
                **_higher_wins(texts, values, everything, seed),
                "matched": _higher_wins(texts, values, matched, seed),
                **_spearman(texts, values, seed),
            }
            for name, values in texts.measures.items()
        },
    }


def within_ranks(values: FloatArray, group: IntArray) -> FloatArray:
    """Ranks from 1 of N values within their groups, equal values sharing their mean rank."""
    turn = np.lexsort((values, group))
    ordered, owner = values[turn], group[turn]
    new_group = np.diff(owner, prepend=-1) != 0
    new = new_group | (np.diff(ordered, prepend=0) != 0)
    begins = np.flatnonzero(new)
    sizes = np.diff(begins, append=values.size)
    group_begin = np.maximum.accumulate(np.where(new_group, np.arange(values.size), 0))
    tie_rank = begins + (sizes + 1) / 2
    ranks = np.empty(values.size)
    ranks[turn] = np.repeat(tie_rank, sizes) - group_begin
    return ranks


def correlations(x: FloatArray, y: FloatArray, group: IntArray) -> FloatArray:
    """Pearson's correlation of N x and y within each of G groups; nan where one is constant."""
    size = np.bincount(group)

    def centred(values: FloatArray) -> FloatArray:
        return np.asarray(values - (np.bincount(group, values) / size)[group], np.float64)

    x, y = centred(x), centred(y)
    both, own, theirs = (np.bincount(group, product) for product in (x * y, x * x, y * y))
    with np.errstate(invalid="ignore"):
        return np.asarray(both / np.sqrt(own * theirs), np.float64)


def _higher_wins(
    texts: JudgedTexts, values: FloatArray, among: BoolArray, seed: int
) -> dict[str, Any]:
    more = values[texts.better] - values[texts.worse]
    differ = among & (np.abs(more) > 0)  # nan is not
    won = (more[differ] > 0).astype(np.float64)
    sums, sizes = cluster_totals(won, texts.prompt[texts.better[differ]])
    return {
        "higher_wins": mean(won),
        "n": won.size,
        "ci95": as_list(cluster_ci95(sums, sizes, seed=seed)),
    }


def _spearman(texts: JudgedTexts, values: FloatArray, seed: int) -> dict[str, Any]:
    there = ~np.isnan(values) & ~np.isnan(texts.quality)
    there &= np.bincount(texts.prompt[there], minlength=there.size)[texts.prompt] >= FEWEST_TEXTS
    _, prompt = np.unique(texts.prompt[there], return_inverse=True)
    rho = correlations(
        within_ranks(values[there], prompt), within_ranks(texts.quality[there], prompt), prompt
    )
    rho = rho[~np.isnan(rho)]
    alone = np.ones(rho.size, np.int64)
    return {
        "spearman": mean(rho),
        "spearman_prompts": rho.size,
        "spearman_ci95": as_list(cluster_ci95(rho, alone, seed=seed)),
    }


def _judged(
    prompt: IntArray, quality: FloatArray, texts: FloatArray, better: IntArray, worse: IntArray
) -> JudgedTexts:
    columns = dict(zip(MEASURES, texts.T, strict=True))
    return JudgedTexts(prompt, quality, columns["chars"], columns, better, worse)


def _columns(rows: Sequence[Measures]) -> FloatArray:
    """The measures of N texts, (N, 7), nan for what is null."""
    table = [[getattr(row, name) for name in MEASURES] for row in rows]
    return np.array(table, np.float64).reshape(-1, len(MEASURES))


def _means(place: IntArray, table: FloatArray, size: int) -> FloatArray:
    """Means of the rows of each place over what is defined, nan where nothing is."""
    known = ~np.isnan(table)
    means = []
    for column, here in zip(table.T, known.T, strict=True):
        n = np.bincount(place[here], minlength=size)
        with np.errstate(invalid="ignore"):
            means.append(np.bincount(place[here], column[here], minlength=size) / n)
    return np.stack(means, axis=1)


def _texts_of(units: Units, side: IntArray, places: Mapping[tuple[str, str, str], int]) -> IntArray:
    """The row of the text that stands on one side of each unit, -1 for none."""
    runs = [units.runs[code] for code in side.tolist()]
    languages = [units.languages[code] for code in units.language.tolist()]
    prompts = [units.prompts[code] for code in units.prompt.tolist()]
    keys = zip(runs, languages, prompts, strict=True)
    return np.array([places.get(key, -1) for key in keys], np.int64)


def _prompt_codes(names: Sequence[tuple[str, str]]) -> IntArray:
    """(language, prompt_id) as numbers from 0, sorted by name."""
    place = {name: code for code, name in enumerate(sorted(set(names)))}
    return np.array([place[name] for name in names], np.int64)


def _unequal(prompt: IntArray, quality: FloatArray) -> tuple[IntArray, IntArray]:
    """Every two texts of one prompt whose quality differs: the better and the worse."""
    better, worse = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    turn = np.argsort(prompt, kind="stable")
    for own in np.split(turn, np.flatnonzero(np.diff(prompt[turn])) + 1):
        one, other = np.triu_indices(own.size, 1)
        lead = quality[own[one]] - quality[own[other]]
        better.append(np.where(lead > 0, own[one], own[other])[lead != 0])
        worse.append(np.where(lead > 0, own[other], own[one])[lead != 0])
    return np.concatenate(better), np.concatenate(worse)
