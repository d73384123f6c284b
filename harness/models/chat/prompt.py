"""From messages to the token ids a chat model is asked with, by its own chat template, once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from harness.errors import ModelError, UsageError
from harness.models.base import ModelSettings
from harness.models.checkpoint import Checkpoint
from harness.models.dates import DATE_STRING, dated
from harness.models.encode import load_tokenizer
from harness.reasoning import split_reasoning
from harness.records import Message
from harness.specs import Sampling

_MARK = "\ue000"  # private use: in no template
_LAST_TAG = re.compile(r"([<\[][^<>\[\]\s]+[>\]])\s*$")
# the parts of a template that are code, the strings in them, and names
_CODE = re.compile(r"\{[%{].*?[%}]\}", re.DOTALL)
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")
_NAME = re.compile(r"[A-Za-z_]\w*")
# what the fields of Sampling are called in chat templates
_VARIABLES = {
    "thinking": ("enable_thinking", "thinking"),
    "reasoning_effort": ("reasoning_effort",),
}


def open_prompt(checkpoint: Checkpoint, settings: ModelSettings) -> ChatPrompt:
    """The tokenizer of a checkpoint and its chat template."""
    tokenizer = load_tokenizer(checkpoint, trust_remote_code=settings.trust_remote_code)
    return ChatPrompt(tokenizer, str(checkpoint.path))


def refuse_truncation(settings: ModelSettings) -> None:
    """UsageError for --truncate: cutting a judge's prompt would cut what it is to judge."""
    if settings.truncate != "error":
        raise UsageError(
            f"--truncate {settings.truncate} has no meaning for a chat model: a prompt that does "
            "not fit its context is an error of that call alone"
        )


class ChatPrompt:
    """Renders conversations for one tokenizer."""

    def __init__(self, tokenizer: Any, where: str) -> None:
        if not tokenizer.chat_template:
            raise ModelError(
                f"{where}: the tokenizer has no chat template, so it cannot be asked anything; "
                "use the instruction-tuned checkpoint, or put the template the model was trained "
                "with beside it as chat_template.jinja"
            )
        self.tokenizer, self.where = tokenizer, where
        self._template = str(tokenizer.get_chat_template())

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of a rendered prompt."""
        return len(self.ids([self.render(messages, Sampling())])[0])

    def template_sha256(self) -> str:
        """sha256 of the chat template in force."""
        return hashlib.sha256(self._template.encode()).hexdigest()

    @cached_property
    def merges_system(self) -> bool:
        """Whether the template refuses a system message, or leaves it out without a word."""
        try:
            rendered = self._render([Message("system", _MARK), Message("user", "x")], {})
        except ModelError:
            return True
        return _MARK not in rendered

    def unknown(self, sampling: Sampling) -> list[str]:
        """What sampling asks of the template that this one has no variable for."""
        names = set(_NAME.findall(_LITERAL.sub("", " ".join(_CODE.findall(self._template)))))
        asked = [key for key in _VARIABLES if getattr(sampling, key) is not None]
        return [key for key in asked if names.isdisjoint(_VARIABLES[key])]

    def render(self, messages: Sequence[Message], sampling: Sampling) -> str:
        """The prompt as a string, up to where the answer begins; ModelError if refused."""
        variables = {
            name: getattr(sampling, key)
            for key, names in _VARIABLES.items()
            for name in names
            if getattr(sampling, key) is not None
        }
        if self.merges_system and any(message.role == "system" for message in messages):
            messages = merge_system(messages)
        return self._render(messages, variables)

    def ids(self, rendered: Sequence[str]) -> list[list[int]]:
        """Token ids of rendered prompts: the template alone decides whether a BOS stands there."""
        batch = self.tokenizer(
            list(rendered), add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        return [list(row) for row in batch["input_ids"]]

    def opened(self, rendered: str) -> bool:
        """Whether a prompt ends with an open think tag, so that the answer begins as a thought."""
        last = _LAST_TAG.search(rendered)
        return last is not None and split_reasoning(f"{last[1]}x") == ("x", "")

    def tail(self) -> str:
        """What the template writes after an answer; empty where it takes no answer."""
        turns = [Message("user", "x"), Message("assistant", _MARK)]
        try:
            return self._render(turns, {}, prompt=False).rpartition(_MARK)[2]
        except ModelError:
            return ""

    def end_of_turn(self) -> int | None:
        """The special token that the template writes after an answer, if it writes one."""
        special = self.special()
        return next((token for token in self.ids([self.tail()])[0] if token in special), None)

    def reserved(self) -> tuple[str, ...]:
        """Strings that become control tokens: special ones, and those the template writes."""
        added = self.tokenizer.added_tokens_decoder.values()
        found = {token.content for token in added if token.special}
        found |= {token.content for token in added if token.content in self._template}
        found |= set(self.tokenizer.all_special_tokens)
        return tuple(sorted(text for text in found if text.strip()))

    def special(self) -> set[int]:
        """The ids of special tokens."""
        added = self.tokenizer.added_tokens_decoder.items()
        return {int(i) for i, token in added if token.special} | set(self.tokenizer.all_special_ids)

    def _render(
        self, messages: Sequence[Message], variables: Mapping[str, Any], *, prompt: bool = True
    ) -> str:
        import jinja2

        try:
            rendered = self.tokenizer.apply_chat_template(
                [message.as_dict() for message in messages],
                chat_template=dated(self._template),
                tokenize=False,
                add_generation_prompt=prompt,
                date_string=DATE_STRING,
                **variables,
            )
        except (jinja2.TemplateError, ValueError, TypeError) as error:
            raise ModelError(f"{self.where}: the chat template refuses: {error}") from None
        return str(rendered)


def merge_system(messages: Sequence[Message]) -> list[Message]:
    """The conversation without system messages: their text stands before the first user's."""
    system = [message.content for message in messages if message.role == "system"]
    merged = [message for message in messages if message.role != "system"]
    for place, message in enumerate(merged):
        if message.role == "user":
            text = "\n\n".join([*system, message.content])
            return [*merged[:place], Message("user", text), *merged[place + 1 :]]
    return [Message("user", "\n\n".join(system)), *merged]
