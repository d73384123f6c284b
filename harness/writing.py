"""The writing job: prompts in, a text each out, by a chat model or from where it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from harness.asking import Asking, ask, request_seed
from harness.models.base import ChatModel, ChatRequest, Completion
from harness.progress import Progress
from harness.records import Message, Prompt, Text, TextKey

Write = Callable[[Sequence[Text]], None]


def settled(texts: Mapping[TextKey, Text]) -> set[TextKey]:
    """What need not be written again: everything but errors."""
    return {key for key, text in texts.items() if text.error is None}


class TextWriter:
    """Asks a chat model to write: the requests still owed, and a text for each answer.

    A prompt is the user's message as it stands, `system` a message before it. Nothing ends a text
    but the model's own end, `max_tokens` and the context.
    """

    def __init__(
        self,
        prompts: Sequence[Prompt],
        model: ChatModel,
        asking: Asking,
        *,
        system: str | None,
        repeats: int,
    ) -> None:
        self.model, self.asking, self.repeats = model, asking, repeats
        self._system = () if system is None else (Message("system", system),)
        self._prompts = {prompt.prompt_id: prompt for prompt in prompts}

    def owed(self, there: Mapping[TextKey, Text]) -> Iterator[TextKey]:
        """The (prompt_id, repeat) without a text; an error is to do again."""
        done = settled(there)
        keys = ((name, repeat) for name in self._prompts for repeat in range(self.repeats))
        return (key for key in keys if key not in done)

    def request(self, prompt_id: str, repeat: int) -> ChatRequest:
        """The call behind one text; its seed depends on prompt and repeat alone."""
        name = f"{prompt_id}/{repeat}"
        messages = (*self._system, Message("user", self._prompts[prompt_id].prompt))
        return ChatRequest(name, messages, request_seed(self.asking.seed, name))

    def write(self, there: Mapping[TextKey, Text], write: Write, progress: Progress) -> None:
        """Write a line for everything owed, each as soon as its text is there."""
        owed = list(self.owed(there))
        attempts = {key: text.attempt for key, text in there.items()}

        def settle(request: ChatRequest, answer: Completion) -> bool:
            prompt_id, _, repeat = request.key.rpartition("/")
            key = (prompt_id, int(repeat))
            write([_line(self._prompts[prompt_id], key[1], answer, attempts.get(key, 0) + 1)])
            return answer.error is not None

        requests = (self.request(*key) for key in owed)
        ask(
            self.model, requests, len(owed), self.asking, settle, progress,
            doing="writing", unit="texts",
        )  # fmt: skip


def _line(prompt: Prompt, repeat: int, answer: Completion, attempt: int) -> Text:
    failed = answer.error is not None
    return Text(
        prompt.prompt_id,
        prompt.tag,
        prompt.genre,
        prompt.language,
        None if failed else answer.text,
        reasoning=answer.reasoning,
        finish_reason=answer.finish_reason,
        n_tokens=None if failed else _answer_tokens(answer),
        repeat=repeat,
        attempt=attempt,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        tokens_reasoning=answer.tokens_reasoning,
        error=answer.error,
    )


def _answer_tokens(answer: Completion) -> int | None:
    """Tokens of the text alone: all that were written less those of the reasoning.

    Null where a thought was not counted apart: then nobody knows the text's share.
    """
    if answer.tokens_out is None or (answer.reasoning and answer.tokens_reasoning is None):
        return None
    return max(0, answer.tokens_out - (answer.tokens_reasoning or 0))
