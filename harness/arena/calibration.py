"""Runs of an arena's judge over preference pairs: how often it is right where people are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.jobs import Judging
from harness.metrics.judge_error import Calibration, calibration
from harness.models import AnyModel
from harness.stored import read_run


@dataclass(frozen=True, slots=True)
class Calibrations:
    """The calibration of each language, and what results.json says of where it comes from."""

    of: Mapping[str, Calibration]
    rows: tuple[dict[str, Any], ...]


def read_calibrations(
    folders: Sequence[Path], model: AnyModel, judging: Judging | None, languages: Sequence[str]
) -> Calibrations:
    """The preference runs given as calibration, one a language.

    UsageError where a run is of another judge, of a language that the arena does not have, or
    the second of one.
    """
    found: dict[str, Calibration] = {}
    rows: list[dict[str, Any]] = []
    for folder in folders:
        run = read_run(folder)
        language = str(run.results["language"])
        _refuse_other_judge(folder, run.manifest["identity"], model, judging)
        if language not in languages:
            raise UsageError(
                f"--calibration {folder}: pairs in {language!r}, and the arena has texts in "
                f"{', '.join(languages)}"
            )
        if language in found:
            raise UsageError(f"--calibration {folder}: a second run in {language!r}")
        found[language] = calibration(run.pairs, run.verdicts)
        rows.append(
            {
                "task": run.results["task"],
                "language": language,
                "data_sha256": run.results["data"]["sha256"],
                "identity_sha256": run.manifest["identity_sha256"],
                "accuracy_half": run.results["metrics"].get("accuracy_half"),
            }
        )
    return Calibrations(found, tuple(rows))


def _refuse_other_judge(
    folder: Path, identity: Mapping[str, Any], model: AnyModel, judging: Judging | None
) -> None:
    row = judging.row(next(iter(judging.judge.prompts))) if judging else model.judge()
    mine: dict[str, Any] = {"model": dict(model.identity()), "judge": (row or {}).get("sha256")}
    mine |= judging.identity() if judging else {}
    unlike = [key for key, value in mine.items() if identity.get(key) != value]
    if unlike:
        raise UsageError(
            f"--calibration {folder}: another judge ({' and '.join(unlike)} differ); its accuracy "
            "says nothing of this one"
        )
