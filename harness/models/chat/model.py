"""Chat models of transformers, in process: a checkpoint that answers messages with text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from harness.batching import Budget
from harness.errors import ModelError
from harness.models.base import ChatModel, ChatRequest, Completion, Done, ModelSettings
from harness.models.chat.engine import chat_engine
from harness.models.chat.prompt import ChatPrompt, open_prompt, refuse_truncation
from harness.models.chat.rows import RowMaker, answer_ends
from harness.models.checkpoint import Checkpoint
from harness.models.device import hardware
from harness.models.network import Network
from harness.records import Message
from harness.specs import Input, Sampling

if TYPE_CHECKING:  # these import torch
    from harness.models.chat.flight import Row
    from harness.models.chat.generate import Load

_WINDOW = 512  # requests that are rendered and sorted by length together
_ROWS = {"cpu": 32, "cuda": 256}  # answers at once, where memory allows


def open_chat(
    checkpoint: Checkpoint, settings: ModelSettings, options: Mapping[str, str]
) -> ChatModel:
    """A causal language model that is asked by its chat template. Reads configuration only."""
    refuse_truncation(settings)
    if checkpoint.config.get("is_encoder_decoder"):
        raise ModelError(f"{checkpoint.path}: an encoder-decoder; only decoders are asked here")
    return HfChat(checkpoint, settings, options)


class HfChat:
    """Asks a causal language model; weights are loaded with the first answer."""

    backend = "hf"

    def __init__(
        self, checkpoint: Checkpoint, settings: ModelSettings, options: Mapping[str, str]
    ) -> None:
        self.name = options.get("name") or checkpoint.name
        self.settings, self.options = settings, options
        self.config: Mapping[str, Any] = checkpoint.config
        trust = settings.trust_remote_code
        self.engine = chat_engine(checkpoint, trust_remote_code=trust)
        self.network = Network(
            checkpoint,
            settings,
            text_input=Input(),
            attention=(self.engine.attention,),
            dtype="bfloat16",
            kind="padded",
            remote_code=True,
            options=options,
        )
        self.device = self.network.device
        self._calls = 0
        self._remembered: int | None = None

    @cached_property
    def prompt(self) -> ChatPrompt:
        """The tokenizer and its chat template."""
        return open_prompt(self.network.checkpoint, self.settings)

    @cached_property
    def rows(self) -> RowMaker:
        """Makes the rows of requests."""
        return RowMaker(self.prompt, limit=self.network.limit, name=self.name)

    @cached_property
    def model(self) -> Any:
        """The network; what its generation_config says of sampling is thrown away."""
        from transformers import GenerationConfig

        model = self.network.load("AutoModelForCausalLM")
        if not hasattr(model, "generate"):
            raise ModelError(f"{self.network.where}: its class cannot generate text")
        model.generation_config = GenerationConfig()
        return model

    @cached_property
    def load(self) -> Load:
        """How many answers at once: the user's bounds, or what the memory holds."""
        import torch

        from harness.models.chat.generate import Load
        from harness.models.engine import default_tokens

        tokens = self.settings.max_batch_tokens or self._remembered
        reading = default_tokens("padded", torch.device(self.device), dict(self.config))
        return Load(
            rows=self.settings.batch_size or _ROWS[self.device],
            tokens=tokens,
            reading=Budget(min(reading, tokens or reading), padded=True),
        )

    def identity(self) -> Mapping[str, Any]:
        """Contents of the checkpoint, and all that changes an answer."""
        return {"backend": self.backend, **self.network.identity()}

    def judge(self) -> None:
        """A chat model brings no judge of its own."""

    def facts(self) -> Mapping[str, Any]:
        """How it ran."""
        dtype = self.network.dtype
        load = self.__dict__.get("load")
        return {
            "engine": self.engine.kind,
            "attention_implementation": self.engine.attention,
            "dtype": dtype,
            **self.rows.facts(self.network.checkpoint),
            "family": self.options.get("family"),
            "hardware": hardware(self.device),
            "replayable": dtype == "float32" and self.device == "cpu",
            # what was left after running out of memory; a resumed run begins with it
            "max_batch_tokens": load.tokens if load and load.shrunk else self._remembered,
            "calls": self._calls,
            "retries": {},
        }

    def reserved(self) -> tuple[str, ...]:
        """Strings that the tokenizer makes control tokens of."""
        return self.prompt.reserved()

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt."""
        return self.prompt.count(messages)

    def resume(self, facts: Mapping[str, Any]) -> None:
        """Count on from an earlier call, with the load that was left after it ran out of memory."""
        self._calls += facts.get("calls", 0)
        self._remembered = facts.get("max_batch_tokens")

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Answer every request; each is handed to `done` in the step in which it ends."""
        from harness.models.chat.alone import generate_alone
        from harness.models.chat.flight import Rules
        from harness.models.chat.generate import generate
        from harness.models.chat.output import AnswerReader

        def settle(request: ChatRequest, answer: Completion) -> None:
            self._calls += 1
            done(request, answer)

        windows = self.rows.windows(requests, sampling, settle, notice, size=_WINDOW)
        first = next(filter(None, windows), None)
        if first is None:
            return  # nothing that can be asked: no weights needed
        ends = answer_ends(self.network.checkpoint, self.prompt)
        reader = AnswerReader(self.prompt.tokenizer, sampling.stop, ends)

        def over(row: Row, reason: str | None, error: str | None) -> None:
            settle(row.request, reader.completion(row, reason, error))

        rules = Rules(sampling, ends, reader.stopped, over)
        if self.engine.kind == "rows":
            generate(self.model, chain([first], windows), rules, self.load, notice)
        else:
            generate_alone(self.model, chain([first], windows), rules)
