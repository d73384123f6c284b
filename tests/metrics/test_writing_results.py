"""The numbers of a writing run, by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import UsageError
from harness.metrics.writing import DIVERSITY, WRITING_METRICS, writing_results
from harness.records import Measures, Text


def owed(prompt_id="p", genre="Fiction", tag="story", text="x", error=None, repeat=0):
    return Text(prompt_id, tag, genre, "zh", text, error=error, repeat=repeat)


def measured(text: Text, **fields) -> Measures:
    plain = Measures(
        prompt_id=text.prompt_id, tag=text.tag, genre=text.genre, language="zh",
        repeat=text.repeat, text_id="0", chars=100, words=50, types=25, tokens=None, ttr=0.5,
        mattr50=0.5, mtld=40.0, hdd42=0.6, distinct2=None, seq_rep8=0.0, nearest=0.0,
        written_in="zh", wrong_language=False, empty=False, truncated=False, refusal=False,
        runaway=False, near_duplicate=False, score=None,
    )  # fmt: skip
    return replace(plain, **fields)


def results(texts, measures, metrics=tuple(WRITING_METRICS), seed=0):
    found = writing_results(texts, measures, metrics=metrics, seed=seed)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


@pytest.fixture
def run():
    """Five texts owed: one failed, one in English, one refused, two stories alike."""
    texts = [
        owed("p", repeat=0),
        owed("p", repeat=1),
        owed("q", tag="poem"),
        owed("r", "Poetry", "poem"),
        owed("s", "Script", "play", text=None, error="timeout"),
    ]
    changes = [
        {"chars": 100, "words": 60, "tokens": 70, "ttr": 0.5, "nearest": 0.8, "near_duplicate": True},
        {"chars": 200, "words": 90, "tokens": 90, "ttr": 0.3, "runaway": True, "truncated": True},
        {"chars": 300, "words": 0, "ttr": None, "empty": True, "written_in": None, "seq_rep8": None},
        {"chars": 400, "words": 9, "ttr": 0.9, "wrong_language": True, "written_in": "en",
         "refusal": True, "nearest": 0.8, "near_duplicate": True},
    ]  # fmt: skip
    return texts, [measured(text, **own) for text, own in zip(texts, changes, strict=False)]


def test_lengths_are_means_and_medians_and_tokens_only_of_texts_that_were_counted(run):
    found = results(*run, ["length"])["metrics"]
    assert (found["chars"], found["chars_median"]) == (250.0, 250.0)
    assert (found["words"], found["words_median"]) == (39.75, 34.5)
    assert (found["tokens"], found["tokens_median"]) == (80.0, 80.0)


def test_diversity_is_a_mean_over_texts_that_have_it(run):
    found = results(*run, ["diversity"])["metrics"]
    assert found["ttr"] == pytest.approx(1.7 / 3) and found["ttr_median"] == 0.5
    assert found["ttr_n"] == 3 and found["mtld_n"] == 4
    assert found["distinct2"] is None and found["distinct2_n"] == 0
    assert found["distinct2_ci95"] is None and found["distinct2_median"] is None
    # the English one is left out
    assert found["in_language"]["n"] == 3
    assert found["in_language"]["ttr"] == pytest.approx(0.4)
    assert found["in_language"]["distinct2"] is None
    assert {
        "".join((name, end)) for name in DIVERSITY for end in ("", "_median", "_ci95", "_n")
    } | {"in_language"} == set(found)


def test_the_interval_resamples_prompts_with_all_their_texts():
    # two prompts of three equal texts each: a resample's mean is 0.2, 0.4 or 0.6 by chance
    texts = [owed(prompt, repeat=number) for prompt in "pq" for number in range(3)]
    measures = [measured(text, ttr=0.2 if text.prompt_id == "p" else 0.6) for text in texts]
    found = results(texts, measures, ["diversity"])["metrics"]
    assert found["ttr"] == pytest.approx(0.4)
    assert found["ttr_ci95"] == pytest.approx([0.2, 0.6])
    assert found["mtld_ci95"] == pytest.approx([40.0, 40.0])


def test_the_interval_is_near_that_of_a_plain_bootstrap():
    rng = np.random.default_rng(5)
    values = rng.uniform(0.3, 0.7, 40)
    texts = [owed(f"p{number}") for number in range(40)]
    measures = [measured(text, ttr=value) for text, value in zip(texts, values, strict=True)]
    means = [rng.choice(values, 40).mean() for _ in range(4_000)]
    found = results(texts, measures, ["diversity"])["metrics"]["ttr_ci95"]
    assert found == pytest.approx(np.percentile(means, [2.5, 97.5]).tolist(), abs=0.006)
    assert results(texts, measures, ["diversity"], seed=1)["metrics"]["ttr_ci95"] != found
    assert results(texts, measures, ["diversity"])["metrics"]["ttr_ci95"] == found


def test_one_prompt_has_no_interval():
    texts = [owed("p", repeat=number) for number in range(3)]
    found = results(texts, [measured(text) for text in texts], ["diversity"])["metrics"]
    assert found["ttr"] == 0.5 and found["ttr_ci95"] is None


def test_wrong_language_is_a_share_of_the_texts_that_are_there(run):
    found = results(*run, ["language"])["metrics"]
    assert found == {
        "wrong_language": 0.25,
        "wrong_language_n": 1,
        "written_in": {"zh": 2, "en": 1, "other": 0, "none": 1},
    }


def test_failures_are_counts(run):
    assert results(*run, ["failures"])["metrics"] == {
        "n": 5,
        "texts": 4,
        "errors": 1,
        "coverage": 0.8,
        "empty": 1,
        "truncated": 1,
        "refusals": 1,
    }


def test_repetition_and_near_duplicates_are_shares(run):
    assert results(*run, ["repetition"])["metrics"] == {
        "repetition": 0.25,
        "seq_rep8": 0.0,
        "near_duplicates": 0.5,
        "nearest": 0.4,
    }


def test_genres_count_texts_owed_and_a_genre_without_a_text_has_null_means(run):
    genres = results(*run)["genres"]
    assert list(genres) == ["Fiction", "Poetry", "Script"]
    assert (genres["Fiction"]["n"], genres["Fiction"]["prompts"]) == (3, 2)
    assert genres["Fiction"]["chars"] == 200.0 and genres["Fiction"]["ttr"] == pytest.approx(0.4)
    assert genres["Fiction"]["ttr_ci95"] is None  # under ten prompts
    assert genres["Fiction"]["repetition"] == pytest.approx(1 / 3)
    assert genres["Poetry"]["wrong_language"] == 1.0 and genres["Poetry"]["refusals"] == 1
    script = genres["Script"]
    assert (script["n"], script["prompts"], script["errors"]) == (1, 1, 1)
    assert {script[key] for key in ("chars", "words", "tokens", "wrong_language", *DIVERSITY)} == {
        None
    }


def test_a_genre_of_ten_prompts_has_an_interval():
    texts = [owed(f"p{number}") for number in range(10)]
    measures = [measured(text, ttr=number / 10) for number, text in enumerate(texts)]
    low, high = results(texts, measures)["genres"]["Fiction"]["ttr_ci95"]
    assert 0.2 < low < 0.45 < high < 0.7
    nine = results(texts[:9], measures[:9])["genres"]["Fiction"]
    assert nine["ttr_ci95"] is None


def test_tags_have_few_keys(run):
    tags = results(*run)["tags"]
    assert tags["poem"] == {"n": 2, "prompts": 2, "chars": 350.0, "words": 4.5, "ttr": 0.9}
    assert tags["play"] == {"n": 1, "prompts": 1, "chars": None, "words": None, "ttr": None}


@pytest.mark.parametrize("texts", [[], [owed(text=None, error="timeout")]])
def test_a_run_without_a_text_has_no_number(texts):
    found = results(texts, [])["metrics"]
    nulls = (*DIVERSITY, "chars", "tokens", "wrong_language", "repetition", "nearest", "ttr_ci95")
    assert {found[key] for key in nulls} == {None}
    assert found["texts"] == found["empty"] == 0
    assert found["coverage"] == (0.0 if texts else None)


@pytest.mark.parametrize("name", WRITING_METRICS)
def test_every_metric_works_alone_and_shares_no_key_with_another(run, name):
    own = results(*run, [name])["metrics"]
    others = [other for other in WRITING_METRICS if other != name]
    assert own and not set(own) & set(results(*run, others)["metrics"])


def test_an_unknown_metric_is_named(run):
    with pytest.raises(UsageError, match="unknown metric 'diversty': did you mean 'diversity'"):
        results(*run, ["diversty"])
