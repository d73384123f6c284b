"""From the tokens a model wrote to a Completion: text, reasoning, counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from harness.models.base import Completion
from harness.models.chat.flight import Row
from harness.reasoning import split_reasoning

_HALF = "�"  # what the bytes of a character cut in two are decoded to


class AnswerReader:
    """Decodes answers for one tokenizer, one set of stop strings and of end tokens."""

    def __init__(
        self, tokenizer: Any, stop: Sequence[str], ends: frozenset[int] = frozenset()
    ) -> None:
        self.tokenizer = tokenizer
        self.stop = tuple(text for text in stop if text)
        # a token is a byte at least, and some are invisible
        self._reach = max((len(text.encode()) for text in self.stop), default=0) + 8
        self._hidden = _hidden(tokenizer) | ends  # some models end with an ordinary token

    def text(self, ids: Sequence[int]) -> str:
        """The string of these tokens, without special tokens other than think tags.

        Those are kept even where the tokenizer calls them special, or a thought could not be
        told from an answer.
        """
        shown = [token for token in ids if token not in self._hidden]
        return str(self.tokenizer.decode(shown, clean_up_tokenization_spaces=False))

    def stopped(self, ids: Sequence[int]) -> bool:
        """Whether a stop string ends in the newest token."""
        if not self.stop:
            return False
        newest = self.text(ids[-self._reach :])
        return any(text in newest for text in self.stop)

    def completion(self, row: Row, reason: str | None, error: str | None) -> Completion:
        """What came of a row. `tokens_out` counts the end token, as servers do."""
        read, wrote = len(row.prompt), len(row.out)
        if error is not None:
            return Completion(error=error, tokens_in=read, tokens_out=wrote)
        text = self._cut(self.text(row.out))
        if reason == "length":
            text = text.rstrip(_HALF)
        reasoning, answer = split_reasoning(text, opened=row.opened)
        thought = None if reasoning is None else self._thought(row.out, text, answer)
        return Completion(answer, reasoning, reason, read, wrote, thought)

    def _cut(self, text: str) -> str:
        """What stands before the first stop string."""
        places = [place for stop in self.stop if (place := text.find(stop)) >= 0]
        return text[: min(places)] if places else text

    def _thought(self, ids: Sequence[int], text: str, answer: str) -> int:
        """How many tokens the reasoning and its tags took: those decoded before the answer."""
        if not answer:
            return len(ids)
        begins = text.rindex(answer)
        return bisect_left(range(len(ids) + 1), begins, key=lambda n: len(self.text(ids[:n])))


def _hidden(tokenizer: Any) -> frozenset[int]:
    added = tokenizer.added_tokens_decoder.items()
    special = {int(i): token.content for i, token in added if token.special}
    special |= dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    return frozenset(token for token, text in special.items() if not _is_tag(text))


def _is_tag(text: str) -> bool:
    """Whether a token opens or closes a thought: what follows it is then read otherwise."""
    return split_reasoning(f"{text}x")[1] not in (f"{text}x", f"{text}x".strip())
