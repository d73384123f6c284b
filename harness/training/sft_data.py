"""What a writer is trained on, from the recipe's sources to rows of token ids on disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.data.triplets import TripletFile, load_triplets
from harness.progress import Progress
from harness.records import Triplet
from harness.specs import SftTraining
from harness.training.mixture.contamination import TestTexts, load_test_texts
from harness.training.mixture.mixture import Mixture, make_mixture
from harness.training.network import Base, make_tokenizer
from harness.training.recipe import Recipe
from harness.training.sft import examples
from harness.training.targets import Targets
from harness.training.trainer import steps_of


class SftData:
    """The files of a recipe, read and checked; nothing is tokenised before `prepare`."""

    def __init__(
        self,
        spec: SftTraining,
        recipe: Recipe,
        progress: Progress,
        *,
        at_hand: bool = False,
    ) -> None:
        self.spec, self.progress = spec, progress
        # first what is never fetched: a test that is missing must not cost a download
        self.tests: TestTexts = load_test_texts(spec, home=recipe.home, progress=progress)
        self.files: dict[str, TripletFile] = {
            name: load_triplets(
                source, name=name, home=recipe.home, at_hand=at_hand, progress=progress
            )
            for name, source in spec.data.items()
            if source.n != 0 or source.eval_n
        }
        for file in self.files.values():
            for notice in file.notices:
                progress.notice(f"{file.name}: {notice}")

    def identity(self) -> dict[str, Any]:
        """What the data adds to the identity: bytes, not places."""
        return {
            "sources": {
                name: {
                    **source.model_dump(include={"n", "eval_n", "bad_rows", "empty_thought"}),
                    "sha256": self.files[name].sha256 if name in self.files else None,
                }
                for name, source in self.spec.data.items()
            },
            "tests": self.tests.facts(),
        }

    def prepare(self, folder: Path, base: Base) -> dict[str, Any]:
        """Draw, tokenise and write `tokenizer/`, `train/` and `eval/` into the folder.

        Returns the facts a manifest wants. Raises DataError for a mixture that cannot be drawn,
        ContaminationError where texts of the tests are in it.
        """
        targets, mixture = self.draw(base)
        rows = [row for drawn in mixture.sources.values() for row in drawn.train]
        held = [row for drawn in mixture.sources.values() for row in drawn.eval]
        targets.prompt.tokenizer.save_pretrained(folder / "tokenizer")
        made = examples(targets, rows, pack_to=self._pack_to)
        made.save_to_disk(folder / "train")
        if held:
            examples(targets, held).save_to_disk(folder / "eval")
        return self._facts(targets, mixture, rows, len(made))

    def count(self, base: Base) -> dict[str, Any]:
        """The facts that `prepare` would return; nothing is written."""
        targets, mixture = self.draw(base)
        rows = [row for drawn in mixture.sources.values() for row in drawn.train]
        packs = len(examples(targets, rows, pack_to=self._pack_to)) if self._pack_to else len(rows)
        return self._facts(targets, mixture, rows, packs)

    @property
    def _pack_to(self) -> int | None:
        return self.spec.max_length if self.spec.packing else None

    def _facts(
        self, targets: Targets, mixture: Mixture, rows: Sequence[Triplet], samples: int
    ) -> dict[str, Any]:
        tokens = sum(len(targets.example(row).ids) for row in rows)
        return {
            "samples": samples,
            "steps": self.steps(samples, tokens),
            "tokens_per_epoch": tokens,
            "learnt_per_epoch": sum(_learnt(targets, row) for row in rows),
            "vocab_size": len(targets.prompt.tokenizer),
            "chat_template_sha256": targets.prompt.template_sha256(),
            "template_opens_thought": targets.opened,
            "contamination": self.tests.facts(),
            "mixture": mixture.manifest(lambda row: len(targets.example(row).ids)),
        }

    def draw(self, base: Base) -> tuple[Targets, Mixture]:
        """The mixture, and the targets that its rows become."""
        spec = self.spec
        tokenizer = make_tokenizer(spec, base, self._texts())
        targets = Targets(tokenizer, spec.target, base.where, spec.max_length)
        for notice in targets.notices:
            self.progress.notice(notice)
        mixture = make_mixture(
            spec,
            self.files,
            tokens=targets.n_tokens,
            hit=self.tests.find if spec.contamination else None,
            progress=self.progress,
            learns=targets.learns,
        )
        return targets, mixture

    def steps(self, samples: int, tokens: int) -> int:
        """Optimiser steps: of the epochs, as many as asked for, or until `max_tokens` are seen."""
        if self.spec.max_tokens is None:
            return steps_of(self.spec, samples)
        an_epoch = math.ceil(samples / self.spec.global_batch_size)
        return max(1, math.ceil(self.spec.max_tokens * an_epoch / tokens))

    def _texts(self) -> list[str]:
        """What a tokenizer from scratch is learnt from: all rows of the sources in use."""
        rows: list[Triplet] = [row for file in self.files.values() for row in file.triplets]
        return [text for row in rows for text in (row.query, row.thought or "", row.answer)]


def _learnt(targets: Targets, row: Triplet) -> int:
    example = targets.example(row)
    return example.end - example.start
