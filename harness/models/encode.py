"""From prompt and text to token ids, once: one rendering, one BOS, no date of the day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import jinja2
import numpy as np

from harness.errors import ModelError
from harness.models.base import Ids
from harness.models.checkpoint import Checkpoint
from harness.models.dates import DATE_STRING, dated
from harness.records import Candidate
from harness.specs import Input

_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.*", "spiece.model",
    "*.tiktoken",
)  # fmt: skip
_CHUNK = 512  # texts tokenised in one call


def load_tokenizer(checkpoint: Checkpoint, *, trust_remote_code: bool) -> Any:
    """The checkpoint's own tokenizer, or a ModelError that names what is missing."""
    from transformers import AutoTokenizer

    # transformers makes up an empty tokenizer for some model types
    if not any(file for name in _TOKENIZER_FILES for file in checkpoint.path.glob(name)):
        raise ModelError(
            f"{checkpoint.path}: no usable tokenizer: no tokenizer files in the folder"
        )
    try:
        return AutoTokenizer.from_pretrained(
            checkpoint.path, trust_remote_code=trust_remote_code, local_files_only=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{checkpoint.path}: no usable tokenizer: {first}") from None


class Renderer:
    """Renders and tokenises candidates for one checkpoint and one recipe input."""

    def __init__(self, tokenizer: Any, spec: Input, where: str) -> None:
        if spec.format == "chat" and not tokenizer.chat_template:
            raise ModelError(
                f"{where}: the tokenizer has no chat template; name a recipe that does without "
                "one (--judge plain), or add the template the model was trained with"
            )
        self.tokenizer = tokenizer
        self.spec = spec
        self.where = where
        self._text = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(
            spec.template or ""
        )
        self.bos: int | None = tokenizer.bos_token_id
        first = tokenizer("", add_special_tokens=True)["input_ids"][:1]
        self._tokenizer_adds = self.bos is not None and list(first) == [self.bos]
        if spec.bos == "one" and self.bos is None:
            raise ModelError(f"{where}: the recipe wants a BOS and the tokenizer has none")
        self.append_id = self._append_id()
        added = tokenizer.added_tokens_decoder.items()
        self._special = {int(i) for i, token in added if token.special} | set(
            tokenizer.all_special_ids
        )

    def _append_id(self) -> int | None:
        if self.spec.append is None:
            return None
        found = self.tokenizer.convert_tokens_to_ids(self.spec.append)
        # transformers gives Qwen2 tokenizers <|endoftext|> for an unknown token where none is set
        unknown = found == self.tokenizer.unk_token_id
        if found is None or (unknown and self.spec.append != self.tokenizer.unk_token):
            raise ModelError(f"{self.where}: the tokenizer has no token {self.spec.append!r}")
        return int(found)

    def template_sha256(self) -> str:
        """sha256 of the template in force: the chat template, or the recipe's text."""
        if self.spec.format == "pair":
            return hashlib.sha256(b"pair").hexdigest()
        template = self.spec.template or self.tokenizer.chat_template
        return hashlib.sha256(str(template).encode()).hexdigest()

    def messages(self, candidate: Candidate) -> list[dict[str, str]]:
        """The conversation a chat template is filled with."""
        system = (
            [] if self.spec.system is None else [{"role": "system", "content": self.spec.system}]
        )
        return [
            *system,
            {"role": "user", "content": candidate.prompt},
            {"role": "assistant", "content": candidate.text},
        ]

    def render(self, candidate: Candidate) -> str:
        """The string a candidate becomes."""
        if self.spec.format == "text":
            return self._text.render(prompt=candidate.prompt, text=candidate.text)
        try:
            rendered = self.tokenizer.apply_chat_template(
                self.messages(candidate),
                chat_template=dated(self.tokenizer.get_chat_template()),
                tokenize=False,
                date_string=DATE_STRING,
            )
        except (jinja2.TemplateError, ValueError, TypeError) as error:
            raise ModelError(f"{self.where}: the chat template refuses the text: {error}") from None
        return str(rendered)

    def candidate_ids(self, candidates: Sequence[Candidate]) -> list[Ids]:
        """Token ids of candidates, rendered or (for encoders) as the tokenizer joins a pair."""
        if self.spec.format != "pair":
            return self.ids([self.render(candidate) for candidate in candidates])
        batch = self.tokenizer(
            [candidate.prompt for candidate in candidates],
            [candidate.text for candidate in candidates],
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        return [np.asarray(row, dtype=np.int32) for row in batch["input_ids"]]

    def ids(self, strings: Sequence[str]) -> list[Ids]:
        """Token ids of rendered strings, special tokens only where the rule of `bos` puts them."""
        return [self._finish(row) for row, _ in self._rows(strings, offsets=False)]

    def ids_and_starts(self, strings: Sequence[str], texts: Sequence[str]) -> list[tuple[Ids, int]]:
        """As `ids`, ending with the end-of-turn token, and where each text begins.

        A token that straddles the border belongs to the text. What a template writes after
        the end-of-turn token is left out; where it writes none, the end-of-sequence token
        stands in for it.
        """
        if not self.tokenizer.is_fast:
            raise ModelError(f"{self.where}: likelihoods need a fast tokenizer (offsets)")
        found = []
        for string, text, (row, offsets) in zip(
            strings, texts, self._rows(strings, offsets=True), strict=True
        ):
            begin, after = self._place(string, text)
            first = next((i for i, (_, end) in enumerate(offsets) if end > begin), len(row))
            ends = [
                i
                for i in range(first, len(row))
                if offsets[i][0] >= after and row[i] in self._special
            ]
            kept = row[: ends[0] + 1] if ends else [*row, *self._end_of_sequence()]
            ids = self._finish(kept)
            found.append((ids, len(ids) - (len(kept) - first)))
        return found

    def _place(self, string: str, text: str) -> tuple[int, int]:
        """Where the text begins and ends: right before what the template writes after a text.

        Not simply its last occurrence: "end" also stands in "<|im_end|>", and a text whose
        last line break the template strips may occur in the prompt as it was.
        """
        after = len(string) - len(self._tail)
        if string.endswith(self._tail):
            for form in (text, text.rstrip(), text.lstrip(), text.strip()):
                if string.endswith(form, 0, after):
                    return after - len(form), after
        raise ModelError(
            f"{self.where}: the chat template changes the text ({text[:40]!r}...), "
            "so its likelihood cannot be read"
        )

    @cached_property
    def _tail(self) -> str:
        """What the template writes after a text."""
        mark = "\ue000"  # private use: in no template
        return self.render(Candidate("", "en", "x", mark)).rpartition(mark)[2]

    def _end_of_sequence(self) -> list[int]:
        end = self.tokenizer.eos_token_id
        return [] if end is None else [end]

    def _rows(
        self, strings: Sequence[str], *, offsets: bool
    ) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        for begin in range(0, len(strings), _CHUNK):
            batch = self.tokenizer(
                list(strings[begin : begin + _CHUNK]),
                add_special_tokens=False,
                return_attention_mask=False,
                return_offsets_mapping=offsets,
                verbose=False,
            )
            empty: list[list[tuple[int, int]]] = [[]] * len(batch["input_ids"])
            places = batch["offset_mapping"] if offsets else empty
            yield from zip(batch["input_ids"], places, strict=True)

    def _finish(self, row: list[int]) -> Ids:
        had = self.bos is not None and row[:1] == [self.bos]
        while self.bos is not None and row[:1] == [self.bos]:
            row = row[1:]
        # "auto": one where the template or, failing that, the tokenizer puts one
        keep = {"auto": had or self._tokenizer_adds, "one": True, "none": False}[self.spec.bos]
        if keep and self.bos is not None:
            row = [self.bos, *row]
        if self.append_id is not None and row[-1:] != [self.append_id]:
            row = [*row, self.append_id]
        return np.asarray(row, dtype=np.int32)
