"""lm-eval's transformers back-end: prompts rendered by us, so that none is cut or loses a part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.models.base import (
    ChatRequest,
    Completion,
    Done,
    ModelRef,
    ModelSettings,
    OutOfMemory,
)
from harness.models.chat.prompt import ChatPrompt, open_prompt
from harness.models.chat.rows import RowMaker
from harness.models.checkpoint import open_checkpoint
from harness.models.device import hardware, require_torch, resolve_device, resolve_dtype
from harness.models.lm_eval.calls import ask_chunks, completion, gen_kwargs, generate
from harness.models.lm_eval.model import LmEvalChat, whole_number
from harness.records import Message
from harness.specs import Sampling

if TYPE_CHECKING:  # imports torch
    from harness.models.chat.flight import Row

_ROWS = 8  # its batches are static: all wait for the longest
_WINDOW = 512  # prompts that are sorted by length together


class LmEvalHf(LmEvalChat):
    """HFLM: static batches of prompts of like length, longest first."""

    def __init__(self, kind: Any, ref: ModelRef, settings: ModelSettings) -> None:
        require_torch()
        super().__init__(kind, ref, settings)
        if "pretrained" not in self.args:
            raise UsageError(f"--model {self.backend}: add --model_args pretrained=PATH")
        revision = self.args.pop("revision", None)
        self.checkpoint = open_checkpoint(self.args["pretrained"], revision=revision)
        self.args["pretrained"] = str(self.checkpoint.path)
        self.config = self.checkpoint.config
        self.name = ref.options.get("name") or self.checkpoint.name
        self.device = resolve_device(settings)
        self.dtype = self.args.get("dtype") or resolve_dtype(settings, self.device, "bfloat16")
        self._size = whole_number(self.args, "batch_size", settings.batch_size or _ROWS)
        limits = (self.checkpoint.context, settings.max_length)
        self._limit = whole_number(
            self.args, "max_length", min((n for n in limits if n is not None), default=2048)
        )

    @cached_property
    def prompt(self) -> ChatPrompt:
        """The tokenizer and its chat template."""
        return open_prompt(self.checkpoint, self.settings)

    @cached_property
    def rows(self) -> RowMaker:
        """Renders prompts and measures them: lm-eval would cut long ones on the left."""
        return RowMaker(self.prompt, limit=self._limit, name=self.name)

    def identity(self) -> Mapping[str, Any]:
        """The checkpoint's contents among the arguments, and how it computes."""
        found = dict(super().identity())
        args = found["args"] | {
            "pretrained": self.checkpoint.fingerprint(),
            "dtype": self.dtype,
            "max_length": self._limit,
            "trust_remote_code": self.settings.trust_remote_code,
        }
        return {**found, "args": args}

    def facts(self) -> Mapping[str, Any]:
        """How it ran."""
        return {
            **super().facts(),
            "dtype": self.dtype,
            **self.rows.facts(self.checkpoint),
            "hardware": hardware(self.device),
        }

    def reserved(self) -> tuple[str, ...]:
        """Strings that the tokenizer makes control tokens of."""
        return self.prompt.reserved()

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt."""
        return self.prompt.count(messages)

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """A batch at a time, the longest prompts first."""
        over = self.counted(done)
        for window in self.rows.windows(requests, sampling, over, notice, size=_WINDOW):
            rows = {row.request.key: row for row in window}
            batch = partial(self._answers, self._load(), sampling, rows)
            ask_chunks(batch, [row.request for row in window], over, size=self._size)

    def _load(self) -> Any:
        """The model; its generation_config has no say in how tokens are picked."""
        import transformers

        fresh = self._lm is None
        transformers.logging.disable_progress_bar()
        lm = self.load(
            device=self.device,
            dtype=self.dtype,
            batch_size=self._size,
            max_length=self._limit,
            trust_remote_code=self.settings.trust_remote_code,
            # the chat template alone decides whether a BOS stands there
            add_bos_token=False,
            softmax_dtype=self.args.get("softmax_dtype", "float32"),
        )
        if fresh:
            ends = lm.model.generation_config.eos_token_id
            lm.model.generation_config = transformers.GenerationConfig(eos_token_id=ends)
        return lm

    def _answers(
        self, lm: Any, sampling: Sampling, rows: Mapping[str, Row], requests: Sequence[ChatRequest]
    ) -> list[Completion]:
        import torch

        chunk = [rows[request.key] for request in requests]
        contexts = [self.prompt.render(row.request.messages, sampling) for row in chunk]
        wanted = gen_kwargs(sampling)
        if sampling.temperature > 0:  # where none is named transformers has numbers of its own
            wanted = {"top_k": 0, "top_p": 1.0, **wanted}
        torch.manual_seed(requests[0].seed)
        try:
            texts = generate(lm, contexts, [{**wanted, "max_gen_toks": row.room} for row in chunk])
        except torch.OutOfMemoryError:
            raise OutOfMemory from None
        return [
            completion(text, opened=row.opened, tokens_in=len(row.prompt))
            for text, row in zip(texts, chunk, strict=True)
        ]
