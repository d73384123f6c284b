"""What every reward model offers, and the settings all of them take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from harness.batching import Budget
from harness.records import Candidate, Message
from harness.specs import Sampling

Ids = NDArray[np.int32]


class OutOfMemory(Exception):
    """A batch did not fit; the job halves its budget and goes on."""


class WorkerLost(Exception):
    """The process that had a piece of work is gone; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """The settings of a run that reach a model; each stands in the identity or the manifest."""

    judge: str | None = None
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    max_length: int | None = None
    truncate: Literal["error", "left", "right"] = "error"
    trust_remote_code: bool = False
    seed: int = 0
    segmenter: Literal["jieba", "rjieba"] = "jieba"
    batch_size: int | None = None
    max_batch_tokens: int | None = None
    num_concurrent: int = 16
    include: tuple[Path, ...] = ()
    bad_rows: Literal["refuse", "drop"] = "refuse"  # of a file of texts
    elsewhere: bool = False  # weights are loaded by workers: `device` is theirs


@dataclass(frozen=True, slots=True)
class Encoded:
    """A candidate as a model takes it.

    `ids` are its token ids, one row a network that reads it (two for a likelihood ratio, none
    for a null model); `starts` is where the response begins in each row; `n_tokens` is the
    length of the longest row after truncation.
    """

    candidate: Candidate
    ids: tuple[Ids, ...] = ()
    starts: tuple[int, ...] = ()
    n_tokens: int = 0
    truncated: bool = False


class Model(Protocol):
    """What every model says of itself.

    Making one reads configuration only; weights are loaded when it is first asked for a number.
    """

    name: str
    backend: str
    device: str

    def identity(self) -> Mapping[str, Any]:
        """Everything about the model that can change a number; JSON types."""

    def judge(self) -> Mapping[str, str] | None:
        """Name and sha256 of the recipe or judge file, or None where there is none."""

    def facts(self) -> Mapping[str, Any]:
        """What the manifest should say of how it ran (device, engine, template...)."""


class Laned(Protocol):
    """What can do several pieces of work at the same time: one a lane (a GPU, a worker)."""

    @property
    def lanes(self) -> int:
        """How many."""


@runtime_checkable
class Staffed(Protocol):
    """What has a worker a lane; one that dies (WorkerLost) is replaced."""

    def ready(self, lane: int) -> None:
        """Wait until the lane's worker can work; raises WorkerLost if that dies."""


class RewardModel(Model, Laned, Protocol):
    """A model that gives one text for one prompt a number, higher is better."""

    def warm(self) -> None:
        """Load what will be needed, so that it can be done beside other work; may be left out."""

    def encode(self, candidates: Sequence[Candidate]) -> list[Encoded]:
        """Render and tokenise; a ModelError names every text that is too long."""

    def budget(self, *, max_tokens: int | None, max_texts: int | None) -> Budget:
        """The budget to begin with, where the user named none."""

    def score(self, batch: Sequence[Encoded], lane: int = 0) -> list[float]:
        """float32 scores in the order of the batch; raises OutOfMemory.

        Called from several threads at once, each with a lane of its own.
        """


@runtime_checkable
class PairJudge(Model, Protocol):
    """A model that is shown two texts for one prompt and says which is better."""

    def choose(self, prompt: str, first: str, second: str) -> Literal[0, 1]:
        """The place, 0 or 1, of the better text."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a chat model.

    `key` is unique in a run. `seed` (31 bits) is drawn from the run's seed and the key: nothing
    a request is answered with depends on its neighbours. `choices` are the strings a well-formed
    answer ends with, for the fake; real models are not told.
    """

    key: str
    messages: tuple[Message, ...]
    seed: int
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back of a call.

    `text` is the answer alone, `reasoning` what was thought before it. `finish_reason` is `stop`,
    `length`, `content_filter` or what else a server says. `error` is why the call failed for
    good; there is no text then. Token counts are null where nobody counted.
    """

    text: str = ""
    reasoning: str | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    error: str | None = None


Done = Callable[[ChatRequest, Completion], None]


@runtime_checkable
class ChatModel(Model, Protocol):
    """A model that answers messages with text.

    `config` is the config.json of its checkpoint, empty where there is none to read.
    """

    config: Mapping[str, Any]

    def reserved(self) -> tuple[str, ...]:
        """Strings its tokenizer takes for special tokens; none where it cannot be known."""

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt: exact with a tokenizer at hand, else an estimate."""

    def resume(self, facts: Mapping[str, Any]) -> None:
        """What `facts` said at the end of an earlier call on the same run folder."""

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Answer every request once; `done` is called for each as soon as it is over, in any
        order and always from the same thread. What fails for good is a Completion with `error`;
        raises ModelError where no request can ever succeed, and whatever `done` raises."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A parsed --model: which adapter, what it is to load, and its --model_args."""

    backend: str
    what: str
    options: Mapping[str, str] = field(default_factory=dict)
