"""What is learnt from a triplet: the ids of query, thought and answer, and which of them count.

The query is rendered exactly as a run asks the finished model (harness/models/chat/prompt.py), so
that training and writing see the same tokens. The loss is taken from the first token after it to
the end-of-turn token; whatever a template writes behind that is kept and does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import ModelError
from harness.models.chat.prompt import ChatPrompt
from harness.records import Message, Triplet
from harness.specs import Sampling, Target

IGNORED = -100  # torch's cross entropy leaves such labels out


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of one row, (T,), cut where it was too long; the labels are ids[start:end]."""

    ids: npt.NDArray[np.int32]
    start: int
    end: int
    n_tokens: int  # before it was cut

    def labels(self) -> list[int]:
        """The ids that count, IGNORED everywhere else, (T,)."""
        own: list[int] = self.ids[self.start : self.end].tolist()
        return [IGNORED] * self.start + own + [IGNORED] * (len(self.ids) - self.end)


class Targets:
    """Turns triplets into examples for one tokenizer and one target format.

    `opened` says that the template's own prompt ends with an open think tag. Raises ModelError
    for a tokenizer without a chat template, or one whose template takes no answer.
    """

    def __init__(self, tokenizer: Any, target: Target, where: str, max_length: int) -> None:
        self.target, self.where, self.max_length = target, where, max_length
        self.prompt = ChatPrompt(tokenizer, where)
        self._tail = self.prompt.tail()
        self._ends = self._end_ids()
        self.opened = self.prompt.opened(self._asked("x"))
        self.notices = self._remarks()
        self._made: dict[str, Example] = {}

    def example(self, triplet: Triplet) -> Example:
        """The example of a row, made once."""
        if triplet.id not in self._made:
            self._made[triplet.id] = self._make(triplet)
        return self._made[triplet.id]

    def n_tokens(self, triplet: Triplet) -> int:
        """How long the whole row is, in tokens, before it is cut."""
        return self.example(triplet).n_tokens

    def learns(self, triplet: Triplet) -> bool:
        """Whether anything of the row is learnt: not where its query alone fills `max_length`."""
        return self.example(triplet).start < self.max_length

    def text(self, triplet: Triplet) -> str:
        """What stands after the query: thought between its tags, then the answer."""
        thought = triplet.thought.strip() if triplet.thought and self.target.thought else None
        begin, end = f"<{self.target.tag}>", f"</{self.target.tag}>"
        if self.opened:  # the template has written the open tag already
            return f"{thought}\n{end}\n\n{triplet.answer}" if thought else _closed(end, triplet)
        if thought is None:
            return triplet.answer
        return f"{begin}\n{thought}\n{end}\n\n{triplet.answer}"

    def _make(self, triplet: Triplet) -> Example:
        asked = self._asked(triplet.query)
        answered = self.text(triplet)
        before, whole = self.prompt.ids([asked, asked + answered + self._tail])
        if whole[: len(before)] != before:
            # tokens would merge over the border; asked for an answer, the model sees it kept
            whole = [*before, *self.prompt.ids([answered + self._tail])[0]]
        tail = self._ends[1]
        if tail and whole[-len(tail) :] != tail:
            raise ModelError(f"{self.where}: the end of a turn is tokenised in several ways")
        if not tail:
            whole = [*whole, *self._ends[0]]
        end = len(whole) - len(tail) + len(self._ends[0]) if tail else len(whole)
        kept = whole[: self.max_length]
        return Example(np.asarray(kept, np.int32), len(before), min(end, len(kept)), len(whole))

    def _asked(self, query: str) -> str:
        system = [] if self.target.system is None else [Message("system", self.target.system)]
        return self.prompt.render([*system, Message("user", query)], Sampling())

    def _end_ids(self) -> tuple[list[int], list[int]]:
        """The ids that end a turn, which are learnt, and all the template writes after an answer.

        Where it writes no special token the end-of-sequence token stands in for it.
        """
        tail = self.prompt.ids([self._tail])[0] if self._tail else []
        special = self.prompt.special()
        place = next((i for i, token in enumerate(tail) if token in special), None)
        if place is not None:
            return tail[: place + 1], tail
        self._tail = ""
        end = self.prompt.tokenizer.eos_token_id
        if end is None:
            raise ModelError(
                f"{self.where}: neither the chat template nor the tokenizer has a token that "
                "ends an answer, so a model would never learn to stop"
            )
        return [end], []

    def _remarks(self) -> tuple[str, ...]:
        from harness.reasoning import split_reasoning

        if not self.target.thought:
            return ()
        tag = self.target.tag
        if split_reasoning(f"<{tag}>\nx\n</{tag}>\n\ny") != ("x", "y"):
            return (f"<{tag}> is no tag that `harness run` knows: thoughts will count as text",)
        return ()


def _closed(end: str, triplet: Triplet) -> str:
    """An answer without a thought, where the prompt has opened one."""
    return f"\n{end}\n\n{triplet.answer}"
