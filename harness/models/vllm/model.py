"""vLLM in this process: all prompts in one queue, each answer handed over when it is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.errors import MissingExtra, ModelError, UsageError
from harness.models.base import ChatRequest, Completion, Done, ModelRef, ModelSettings
from harness.models.chat.prompt import ChatPrompt, open_prompt, refuse_truncation
from harness.models.chat.rows import RowMaker, answer_ends
from harness.models.checkpoint import Checkpoint, open_checkpoint
from harness.models.device import hardware, resolve_device, resolve_dtype
from harness.models.hf import ANSWERS, answers
from harness.models.ref import check_options
from harness.models.vllm.engine import (
    ENGINE,
    engine_options,
    enqueue,
    package,
    refusals,
    start_engine,
    vllm_is_there,
)
from harness.models.vllm.known import check_backbone
from harness.records import Message
from harness.specs import Sampling

if TYPE_CHECKING:  # imports torch
    from harness.models.chat.flight import Row
    from harness.models.vllm.reward import VllmReward

OPTIONS = ("revision", "name", "family", *ENGINE)
_WAVE = 4096  # requests that are rendered and sorted by length together
_QUEUE = 512  # with fewer than this many in the queue the next wave is read
_LOST = ("abort", "error")


def open_vllm(ref: ModelRef, settings: ModelSettings) -> VllmChat | VllmReward:
    """vllm:PATH or a hub id: a reward model by its recipe, or a chat model.

    Reads configuration only; the engine starts with the first score or answer.
    """
    if "peft" in ref.options:
        raise UsageError(
            "--model_args peft=: vllm: takes whole checkpoints; merge the adapter into its base "
            "(merge_and_unload of peft) and save that, or use hf:"
        )
    check_options(ref.options, OPTIONS)
    options = engine_options(ref.options)
    if not vllm_is_there():
        raise MissingExtra("vllm:", "vllm")
    checkpoint = open_checkpoint(ref.what, revision=ref.options.get("revision"))
    if not answers(checkpoint, settings):
        from harness.models.vllm.reward import open_vllm_reward

        return open_vllm_reward(checkpoint, settings, ref.options, options)
    refuse_truncation(settings)
    if not checkpoint.architecture.endswith(ANSWERS):
        raise ModelError(
            f"{checkpoint.path}: a {checkpoint.architecture or 'nameless model'} answers nothing; "
            "vllm: needs a *ForCausalLM checkpoint"
        )
    return VllmChat(checkpoint, settings, ref.options, options)


class VllmChat:
    """Asks a causal language model by token ids rendered here, with a seed a request."""

    backend = "vllm"

    def __init__(
        self,
        checkpoint: Checkpoint,
        settings: ModelSettings,
        options: Mapping[str, str],
        engine: Mapping[str, Any],
    ) -> None:
        self.name = options.get("name") or checkpoint.name
        self.checkpoint, self.settings = checkpoint, settings
        self.config: Mapping[str, Any] = checkpoint.config
        self.family = options.get("family")
        self.options = dict(engine)
        self.device = resolve_device(settings)
        self.dtype = resolve_dtype(settings, self.device, "bfloat16")
        limits = (self.options.pop("max_model_len", checkpoint.context), settings.max_length)
        self.limit = min((value for value in limits if value is not None), default=None)
        self._calls = 0
        self._numbers = 0

    @cached_property
    def prompt(self) -> ChatPrompt:
        """The tokenizer and its chat template."""
        return open_prompt(self.checkpoint, self.settings)

    @cached_property
    def rows(self) -> RowMaker:
        """Renders and tokenises."""
        return RowMaker(self.prompt, limit=self.limit, name=self.name)

    @cached_property
    def engine(self) -> Any:
        """The engine, with its weights."""
        check_backbone(self.checkpoint)
        return start_engine(
            str(self.checkpoint.path),
            device=self.device,
            limit=self.limit,
            dtype=self.dtype,
            trust_remote_code=self.settings.trust_remote_code,
            **self.options,
        )

    def identity(self) -> Mapping[str, Any]:
        """Contents of the checkpoint, and all that changes an answer."""
        return {
            "backend": self.backend,
            "fingerprint": self.checkpoint.fingerprint(),
            "dtype": self.dtype,
            "quantization": self.options.get("quantization"),
            "max_length": self.limit,
            "trust_remote_code": self.settings.trust_remote_code,
        }

    def judge(self) -> None:
        """A chat model brings no judge of its own."""

    def facts(self) -> Mapping[str, Any]:
        """How it ran. What is sampled depends on kernels and version, so it is not replayable."""
        return {
            "engine": "vllm",
            "vllm": package(),
            "options": dict(self.options),
            "dtype": self.dtype,
            **self.rows.facts(self.checkpoint),
            "family": self.family,
            "hardware": hardware(self.device),
            "replayable": False,
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
        """Calls go on being counted."""
        self._calls += facts.get("calls", 0)

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Answer every request; each is handed to `done` in the step in which it ends."""
        from harness.models.chat.output import AnswerReader

        reader = AnswerReader(self.prompt.tokenizer, sampling.stop, self._ends)

        def over(request: ChatRequest, answer: Completion) -> None:
            self._calls += 1
            done(request, answer)

        windows = self.rows.windows(requests, sampling, over, notice, size=_WAVE)
        flying: dict[str, Row] = {}
        more = True
        try:
            while more or flying:
                if more and len(flying) < _QUEUE:
                    wave = next(windows, None)
                    more = wave is not None
                    for row in wave or ():
                        self._enqueue(row, sampling, flying, over)
                for output in self.engine.step() if flying else ():
                    if output.finished:
                        row = flying.pop(output.request_id)
                        (written,) = output.outputs
                        row.out = list(written.token_ids)
                        reason = str(written.finish_reason)
                        lost = f"vLLM gave it up: {reason}" if reason in _LOST else None
                        over(row.request, reader.completion(row, reason, lost))
        except Exception:  # passed on; but nothing may be left in the queue
            if flying:
                self.engine.abort_request(list(flying))
            raise

    def _enqueue(self, row: Row, sampling: Sampling, flying: dict[str, Row], over: Done) -> None:
        self._numbers += 1
        number = str(self._numbers)
        engine = self.engine  # not within the try: one that does not start is no prompt's fault
        try:
            enqueue(engine, number, row, sampling, self._ends)
        except refusals() as error:
            reason = f"vLLM refuses it: {' '.join(str(error).split())[:300]}"
            over(row.request, Completion(error=reason, tokens_in=len(row.prompt)))
            return
        flying[number] = row

    @cached_property
    def _ends(self) -> frozenset[int]:
        return answer_ends(self.checkpoint, self.prompt)
