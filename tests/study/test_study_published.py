"""The paper's numbers as a study shows them."""

from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from harness.spec_files import load_named
from harness.specs import WritingSpec
from harness.study.published import Published, published
from harness.study.wins import gap_table

MODELS = ("CW", "CW+1k", "CW+5k", "CW+10k", "G")
# arXiv 2510.14763v1, tables 2 and 3, the upper triangles
WINS = {
    "zh": (204, [39.22, 32.35, 25.98, 35.78, 39.71, 32.35, 42.16, 41.67, 50.00, 62.75]),
    "en": (353, [38.5, 27.2, 24.1, 23.5, 35.4, 32.3, 30.0, 49.3, 42.2, 46.46]),
}
PAIRS = [(a, b) for i, a in enumerate(MODELS) for b in MODELS[i + 1 :]]


def paper(language: str) -> Published:
    found = published(load_named("tasks", f"coig_writer_{language}", WritingSpec, "writing task"))
    assert found is not None
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_cells_are_the_papers_and_the_intervals_those_of_whole_counts(language: str) -> None:
    found, (n, rates) = paper(language), WINS[language]
    assert found.prompts == n
    for (row, column), rate in zip(PAIRS, rates, strict=True):
        cell = found.win(row, column)
        assert cell is not None
        assert 100 * cell[0] == pytest.approx(rate, abs=0.06)
        k = round(cell[0] * n)
        assert cell[0] == pytest.approx(k / n)
        assert cell[1] == pytest.approx(proportion_confint(k, n, method="wilson"))
        back = found.win(column, row)
        assert back is not None and back[0] == pytest.approx(1 - cell[0])


def test_wilsons_interval_of_the_papers_best_cell_is_the_one_by_hand() -> None:
    # 128 of 204: (p + z2/2n +- z sqrt(p q / n + z2/4n2)) / (1 + z2/n), z = 1.959964
    cell = paper("zh").win("CW+10k", "G")
    assert cell is not None and cell[0] == 128 / 204
    assert cell[1] == pytest.approx((0.5593, 0.6909), abs=1e-4)


def test_the_gap_of_the_best_mixture_is_the_papers() -> None:
    labels = list(MODELS)
    side = {"win_rate": 0.5}
    arena = {
        "language_gap": [
            {
                "runs": [a, b],
                "gap": 0.0,
                "gap_ci95": [-0.1, 0.1],
                "languages": {"zh": side, "en": side},
            }
            for a, b in PAIRS
        ]
    }
    results = {"labels": labels, "reference": "G", "arena": arena}
    [table] = gap_table(results, {"zh": paper("zh"), "en": paper("en")})
    gaps = dict(zip(table.values("label"), table.values("paper"), strict=True))
    assert round(100 * gaps["CW+10k"], 1) == 16.3
    assert list(gaps) == labels[:-1], "the reference has none against itself"
    assert "every interval holds zero" in table.notes[0]


def test_lengths_variety_rows_and_chinese_answers_are_the_papers() -> None:
    zh, en = paper("zh"), paper("en")
    assert (zh.length("G", "chars"), zh.length("CW", "tokens")) == (1137.3, 606.9)
    assert (zh.ttr("CW", "mean"), zh.ttr("CW+10k", "median")) == (0.522, 0.586)
    assert en.in_chinese("CW") == pytest.approx(0.122, abs=5e-4) and zh.in_chinese("CW") is None
    assert zh.rows("CW+5k") == {"creative": 1665, "general_zh": 5000, "general_en": 5000}


def test_a_model_or_a_task_that_no_paper_has_is_null() -> None:
    zh = paper("zh")
    assert zh.win("CW", "mine") is None and zh.win("mine", "CW") is None
    assert zh.win("CW", "CW") is None
    assert zh.ttr("mine", "mean") is None and zh.rows("mine") is None
    demo = load_named("tasks", "demo_writing_zh", WritingSpec, "writing task")
    assert published(demo) is None
