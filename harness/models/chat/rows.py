"""From requests to rows: rendered, tokenised, and held to the context of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.models.base import ChatRequest, Completion, Done
from harness.models.chat.prompt import ChatPrompt
from harness.models.checkpoint import Checkpoint
from harness.specs import Sampling

if TYPE_CHECKING:  # imports torch
    from harness.models.chat.flight import Row

Notice = Callable[[str], None]


def answer_ends(checkpoint: Checkpoint, prompt: ChatPrompt) -> frozenset[int]:
    """The tokens that end an answer, wherever the model's files name them."""
    from harness.models.chat.engine import end_tokens

    named = {prompt.tokenizer.eos_token_id, prompt.end_of_turn()}
    return frozenset((end_tokens(checkpoint) | named) - {None})


class RowMaker:
    """Makes the rows of one model; what had to be changed about a prompt is said once.

    `limit` is the context in tokens; `dropped` collects parameters the template has no word for.
    """

    def __init__(self, prompt: ChatPrompt, *, limit: int | None, name: str) -> None:
        self.prompt, self.limit, self.name = prompt, limit, name
        self.dropped: list[str] = []
        self._said: set[str] = set()

    def facts(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """What a manifest says of a checkpoint's prompts."""
        return {
            "context": checkpoint.context,
            "max_length": self.limit,
            "architecture": checkpoint.architecture,
            "revision": checkpoint.revision,
            "chat_template_sha256": self.prompt.template_sha256(),
            "system_role": "merged" if self.prompt.merges_system else "own",
            "dropped_parameters": list(self.dropped),
        }

    def windows(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Notice,
        *,
        size: int,
    ) -> Iterator[list[Row]]:
        """Rows of `size` requests at a time, the longest prompt first.

        A prompt that does not fit is over at once: an error. ModelError from the template is for
        all, as the messages of one judge are alike.
        """
        for parameter in self.prompt.unknown(sampling):
            self._say(notice, parameter, f"its chat template knows no {parameter}: left out")
            if parameter not in self.dropped:
                self.dropped.append(parameter)
        waiting = iter(requests)
        while window := list(islice(waiting, size)):
            yield self._rows(window, sampling, done, notice)

    def _rows(
        self, window: list[ChatRequest], sampling: Sampling, done: Done, notice: Notice
    ) -> list[Row]:
        from harness.models.chat.flight import Row

        if self.prompt.merges_system and any(map(_has_system, window)):
            text = "its chat template takes no system message: put before the user's"
            self._say(notice, "system", text)
        rendered = [self.prompt.render(request.messages, sampling) for request in window]
        rows = []
        for request, text, ids in zip(window, rendered, self.prompt.ids(rendered), strict=True):
            room = sampling.max_tokens if self.limit is None else self.limit - len(ids)
            if room < 1:
                error = f"the prompt has {len(ids)} tokens and the context {self.limit}"
                self._say(notice, "context", f"{error}: such calls are errors")
                done(request, Completion(error=error, tokens_in=len(ids)))
                continue
            opened = self.prompt.opened(text)
            rows.append(Row(request, ids, min(room, sampling.max_tokens), opened))
        return sorted(rows, key=lambda row: -len(row.prompt))

    def _say(self, notice: Notice, key: str, message: str) -> None:
        if key not in self._said:
            self._said.add(key)
            notice(f"{self.name}: {message}")


def _has_system(request: ChatRequest) -> bool:
    return any(message.role == "system" for message in request.messages)
