"""What published.json has to hold: the shapes of the two papers' tables."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from harness.records import Language
from harness.specs import StrictSpec

# wide enough that a slip of the press comes in and is found, not refused
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=10**6)]
Cells = Annotated[tuple[Number | None, ...], Field(max_length=200, strict=False)]
Counts = Annotated[tuple[Count, ...], Field(max_length=200, strict=False)]
Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=200, strict=False)]
Rows = Annotated[tuple[dict[str, Any], ...], Field(max_length=500, strict=False)]


class Head(StrictSpec):
    """What both shapes share; `reported` says that the numbers are others' and not recomputed."""

    source: Label
    reported: bool = True
    notes: Annotated[tuple[str, ...], Field(max_length=100, strict=False)] = ()


class Row(StrictSpec):
    """A row of accuracies in percent; null for a cell the paper leaves empty."""

    model: Label
    kind: Label
    language: Language
    accuracy_by_genre: Cells
    avg: Number | None = None
    std: Number | None = None


class Maps(StrictSpec):
    """Pairs of each genre, in the order of `genres`, as each table counts them."""

    table1_reward_models: dict[Language, Counts] = Field(default={})
    table2_llm_judges: dict[Language, Counts] = Field(default={})


class Preference(Head):
    """Accuracies by genre; `pairs` are all pairs of a language, where the paper says so.

    The rows are checked one by one, so that an error can name the model.
    """

    genres: Labels
    pairs: dict[Language, Count] = Field(default={})
    pairs_per_genre: Maps
    table1_reward_models: Rows = ()
    table2_llm_judges: Rows = ()

    @model_validator(mode="after")
    def _whole(self) -> Preference:
        if len(set(self.genres)) < len(self.genres):
            raise ValueError("genres: a genre stands there twice")
        for table, by_language in dict(self.pairs_per_genre).items():
            for language, counts in by_language.items():
                if len(counts) != len(self.genres):
                    raise ValueError(
                        f"pairs_per_genre.{table}.{language}: {len(counts)} numbers for "
                        f"{len(self.genres)} genres"
                    )
        return self


class Wins(StrictSpec):
    """Win rates in percent over `n` prompts: the model of the row beats that of the column."""

    n: Annotated[int, Field(gt=0, le=10**6)]
    matrix: Annotated[tuple[Cells, ...], Field(max_length=200, strict=False)]


class Ratios(StrictSpec):
    """Type-token ratios of each model."""

    unit: str = ""
    mean: Cells
    median: Cells


class Lengths(StrictSpec):
    """Mean lengths of each model's texts."""

    tokens: Cells
    chars: Cells


class Writing(Head):
    """Win rates and measures of models that write; every list is in the order of `models`."""

    models: Labels
    mixtures: dict[Label, dict[Label, Count]] = Field(default={})
    training: dict[str, Any] = Field(default={})
    win_rate_percent_row_beats_column: dict[Language, Wins]
    ttr: dict[Language, Ratios] = Field(default={})
    mean_output_length: dict[Language, Lengths] = Field(default={})
    english_prompts_answered_in_chinese_percent: Cells | None = None

    @model_validator(mode="after")
    def _whole(self) -> Writing:
        if len(set(self.models)) < len(self.models):
            raise ValueError("models: a model stands there twice")
        for where, cells in self._lists():
            if len(cells) != len(self.models):
                raise ValueError(f"{where}: {len(cells)} values for {len(self.models)} models")
        for language, wins in self.win_rate_percent_row_beats_column.items():
            if any(row[i] is not None for i, row in enumerate(wins.matrix)):
                raise ValueError(f"win_rate {language}: null has to stand on the diagonal")
        return self

    def _lists(self) -> list[tuple[str, tuple[Any, ...]]]:
        found: list[tuple[str, tuple[Any, ...]]] = []
        for language, wins in self.win_rate_percent_row_beats_column.items():
            found.append((f"win_rate {language}", wins.matrix))
            found += [
                (f"win_rate {language}, row {number}", row)
                for number, row in enumerate(wins.matrix, 1)
            ]
        for language, ratios in self.ttr.items():
            found += [
                (f"ttr.{language}.mean", ratios.mean),
                (f"ttr.{language}.median", ratios.median),
            ]
        for language, lengths in self.mean_output_length.items():
            found.append((f"mean_output_length.{language}.tokens", lengths.tokens))
            found.append((f"mean_output_length.{language}.chars", lengths.chars))
        answered = self.english_prompts_answered_in_chinese_percent
        if answered is not None:
            found.append(("english_prompts_answered_in_chinese_percent", answered))
        return found
