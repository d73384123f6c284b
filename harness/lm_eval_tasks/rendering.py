"""Prompts and texts as the strings that make lm-eval's sums equal to those of `likelihood:`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.errors import ModelError
from harness.lm_eval_tasks.settings import AUTO, Settings, say
from harness.models.checkpoint import Checkpoint, open_checkpoint
from harness.models.encode import Renderer, load_tokenizer
from harness.records import Candidate
from harness.spec_files import load_named
from harness.specs import Input, RewardRecipe

_HALF = ("bfloat16", "float16")
_PLAIN = "plain"  # the recipe for checkpoints without a chat template


@dataclass(frozen=True, slots=True)
class Cut:
    """A prompt and its text as one string, end-of-turn token included.

    `ids` are the string's tokens. The response's tokens begin at `ids[start]`, which is character
    `at` of the string.
    """

    string: str
    at: int
    ids: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Request:
    """One context and several continuations for lm-eval.

    The log-likelihood of text i is that of `choices[i]`, less that of `choices[borders[i]]`
    where `borders[i]` is not -1: lm-eval counts the white space before a text as part of it.
    """

    context: str
    choices: tuple[str, ...]
    borders: tuple[int, ...]


@lru_cache(maxsize=8)
def open_tokenizer(
    what: str, revision: str | None, trust_remote_code: bool
) -> tuple[Checkpoint, Any]:
    """The checkpoint that a model's arguments name, and its tokenizer."""
    checkpoint = open_checkpoint(what, revision=revision)
    return checkpoint, load_tokenizer(checkpoint, trust_remote_code=trust_remote_code)


class PairRendering:
    """Renders candidates as `likelihood:` does, for one checkpoint."""

    def __init__(self, settings: Settings) -> None:
        assert settings.checkpoint is not None
        checkpoint, self.tokenizer = open_tokenizer(
            settings.checkpoint, settings.revision, settings.trust_remote_code
        )
        self.where = str(checkpoint.path)
        self.renderer = Renderer(self.tokenizer, self._input(settings), self.where)
        own = checkpoint.config.get("dtype") or checkpoint.config.get("torch_dtype")
        self.half = (own if settings.dtype == "auto" else settings.dtype) in _HALF
        self.limit = settings.max_length or checkpoint.context

    def _input(self, settings: Settings) -> Input:
        name = settings.render
        if name == AUTO:
            if self.tokenizer.chat_template:
                return Input()
            say(f"{self.where} has no chat template: rendered by the recipe {_PLAIN}")
            name = _PLAIN
        return load_named("judges", name, RewardRecipe, "reward-model recipe").input

    def cuts(self, candidates: Sequence[Candidate]) -> list[Cut]:
        """Every candidate as a string; ModelError for one that is too long for the model."""
        rendered = [self.renderer.render(candidate) for candidate in candidates]
        texts = [candidate.text for candidate in candidates]
        rows = self.renderer.ids_and_starts(rendered, texts)
        self._refuse_long([len(ids) for ids, _ in rows])
        return [
            self._cut(string, tuple(ids.tolist()), max(start, 1))
            for string, (ids, start) in zip(rendered, rows, strict=True)
        ]

    def _refuse_long(self, lengths: Sequence[int]) -> None:
        long = [length for length in lengths if self.limit is not None and length > self.limit]
        if long:
            raise ModelError(
                f"{self.where}: {len(long):,} of {len(lengths):,} texts with their prompts are "
                f"longer than the model's {self.limit:,} tokens (the longest has {max(long):,}); "
                "lm-eval would cut them or stop. Leave them out of the data file, or use "
                "`harness run --truncate`, which counts what it cuts"
            )

    def _cut(self, rendered: str, ids: tuple[int, ...], start: int) -> Cut:
        """The string of a rendered conversation up to the token that ends it, and its cut.

        A BOS stands in the string itself: lm-eval adds none to a string that begins with one.
        """
        row, places = self._offsets(rendered)
        bos = self.renderer.bos
        lead = next((i for i, token in enumerate(row) if token != bos), len(row))
        head, body = ids[: ids[0] == bos], ids[ids[0] == bos :]
        begin = places[lead - 1][1] if lead else 0
        if body == row[lead : lead + len(body)]:
            string = rendered[begin : places[lead + len(body) - 1][1]]
        else:  # an end-of-sequence token that the template does not write
            string = rendered[begin:] + self.tokenizer.decode(body[-1:])
        string = (self.tokenizer.decode(head) if head else "") + string
        found, places = self._offsets(string, special=self._adds(string))
        if found != ids:
            raise ModelError(
                f"{self.where}: lm-eval would read {string[:40]!r}... as other tokens than "
                '`harness run` does; use that, or --metadata \'{"render": "lm_eval"}\''
            )
        return Cut(string, places[start][0], ids, start)

    def _offsets(
        self, string: str, *, special: bool = False
    ) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
        found = self.tokenizer(
            string, add_special_tokens=special, return_offsets_mapping=True, verbose=False
        )
        return tuple(found["input_ids"]), found["offset_mapping"]

    def _adds(self, string: str) -> bool:
        """lm-eval's rule: special tokens are added unless a BOS stands there."""
        bos = self.tokenizer.bos_token
        return bos is None or not string.startswith(bos)

    def encoded(self, string: str) -> tuple[int, ...]:
        """Token ids of a string in lm-eval."""
        found = self.tokenizer(string, add_special_tokens=self._adds(string), verbose=False)
        return tuple(found["input_ids"])

    def request(self, cuts: Sequence[Cut]) -> Request:
        """The request for texts of one prompt.

        lm-eval moves white space at the end of a context into the continuation and counts its
        tokens there. The context therefore ends before it, and where tokens stand between the
        context and a text, their own likelihood is asked for, too.
        """
        common = cuts[0].string[: min(cut.at for cut in cuts)]
        context = common.rstrip()
        if not context or not all(cut.string.startswith(common) for cut in cuts):
            raise ModelError(f"{self.where}: nothing stands before {cuts[0].string[:40]!r}...")
        choices = [cut.string[len(context) :] for cut in cuts]
        borders = []
        for cut in cuts:
            border = self._border(context, cut)
            if border and border not in choices[len(cuts) :]:
                choices.append(border)
            borders.append(choices.index(border, len(cuts)) if border else -1)
        return Request(context, tuple(choices), tuple(borders))

    def _border(self, context: str, cut: Cut) -> str:
        """What lm-eval counts as part of a text and is none; empty where there is nothing."""
        n = len(self.encoded(context))
        if n == cut.start:
            return ""
        border = cut.string[len(context) : cut.at]
        if n > cut.start or self.encoded(context + border) != cut.ids[: cut.start]:
            raise ModelError(
                f"{self.where}: the border between a prompt and its text "
                f"{cut.string[cut.at : cut.at + 40]!r}... falls within a token, which lm-eval "
                "cannot be asked about; use `harness run`"
            )
        return border
