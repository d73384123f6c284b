"""Training recipes: what `harness train` is told, for writers (sft) and reward models (reward)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from harness.specs.base import Name, Sha256, StrictSpec


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 (no dot) as text; whoever writes it means the number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def list_of(value: Any) -> Any:
    """No names may be written as none, null or an empty list; one name needs no list."""
    if value is None or value == "none":
        return ()
    return (value,) if isinstance(value, str) else value


Number = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Number, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[Number, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[Number, Field(ge=0, lt=1)]
Count = Annotated[int, Field(gt=0)]
CountOrZero = Annotated[int, Field(ge=0)]
Names = Annotated[tuple[Name, ...], BeforeValidator(list_of), Field(strict=False)]


class TokenizerSettings(StrictSpec):
    """A byte-level BPE needs room for 256 bytes and its special tokens."""

    vocab_size: Annotated[int, Field(ge=300, le=200_000)]


class NetworkSettings(StrictSpec):
    """The shape of a network from scratch, in the words of transformers' Qwen2Config."""

    hidden_size: Count
    intermediate_size: Count
    num_hidden_layers: Count
    num_attention_heads: Count
    num_key_value_heads: Count
    max_position_embeddings: Count

    @model_validator(mode="after")
    def _divides(self) -> NetworkSettings:
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ValueError("hidden_size must be a multiple of twice num_attention_heads")
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError("num_attention_heads must be a multiple of num_key_value_heads")
        return self


class LoraSettings(StrictSpec):
    """Low-rank adapters (peft); `targets` are module names, or all-linear."""

    r: Count = 16
    alpha: Count = 32
    dropout: Share = 0.0
    targets: Annotated[tuple[str, ...], BeforeValidator(list_of), Field(strict=False)] = (
        "all-linear",
    )


class Training(StrictSpec):
    """What both kinds share: the network, the optimiser, the machine.

    A network is either `base` (a folder or hub id; `base_revision` holds for the hub alone) or
    made from scratch by `tokenizer` and `model`. `global_batch_size` counts samples a step over
    all processes; `micro_batch_size` those of one forward. `epochs` rules unless `max_steps`
    does. `warmup_steps` wins over `warmup_ratio`. `threads` are those of a CPU; with one, sums are
    taken in the same order on any number of cores.
    """

    name: Name
    about: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    base: str | None = None
    base_revision: str | None = None
    tokenizer: TokenizerSettings | None = None
    model: NetworkSettings | None = None
    max_length: Count
    epochs: Positive = 3.0
    max_steps: Count | None = None
    global_batch_size: Count
    micro_batch_size: Count = 1
    learning_rate: Positive
    lr_scheduler: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup_ratio: Share = 0.0
    warmup_steps: CountOrZero | None = None
    weight_decay: NotNegative = 0.0
    max_grad_norm: Positive = 1.0
    lora: LoraSettings | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Count | None = None
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    weights_dtype: Literal["float32", "bfloat16"] = "float32"
    compute_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_checkpointing: bool = False
    logging_steps: Count = 1
    eval_steps: Count | None = None
    save_steps: Count | None = None

    @model_validator(mode="after")
    def _one_network(self) -> Training:
        scratch = self.tokenizer is not None, self.model is not None
        if self.base is None and scratch != (True, True):
            raise ValueError("name a base, or give both tokenizer and model to start from scratch")
        if self.base is not None and any(scratch):
            raise ValueError("a base brings its own tokenizer and model; leave both out (null)")
        if self.base is None and self.lora is not None:
            raise ValueError("lora adapts a base; a network from scratch has none")
        if self.model is not None and self.max_length > self.model.max_position_embeddings:
            raise ValueError("max_length must not be above model.max_position_embeddings")
        return self


# what may differ without training another model: where and how it runs, and what is written down
MACHINE = frozenset(
    {
        "about", "device", "threads", "micro_batch_size", "gradient_checkpointing", "logging_steps",
        "eval_steps", "save_steps",
    }
)  # fmt: skip


class PairSource(StrictSpec):
    """Where a task's pairs come from; `file` replaces its own, as `--data TASK=FILE` does."""

    file: str | None = None


class RewardTraining(Training):
    """A reward model trained on preference pairs in the format of WritingPreferenceBench.

    `data` maps task names to their pairs; `held_out` is the share of every genre kept from
    training; batch sizes count pairs.
    """

    kind: Literal["reward"]
    data: dict[Name, PairSource] = Field(min_length=1)
    held_out: Annotated[Number, Field(gt=0, lt=1)] = 0.5


class HubFiles(StrictSpec):
    """Files of a dataset on the hub, at a revision; `expect` is the number of their rows."""

    repo: str
    revision: str
    files: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    sha256: tuple[Sha256, ...] | None = Field(default=None, strict=False)
    expect: Count | None = None


class TripletSource(StrictSpec):
    """Rows of query, thought and answer, and how many of them are drawn.

    `file` (JSON list, JSONL or Parquet) wins over `hub`; a relative one in a recipe lies beside
    the recipe's YAML. `n` null takes every row, 0 none; `eval_n` more are drawn to evaluate on.
    `bad_rows` says what becomes of rows without a query or an answer, `empty_thought` of those
    whose thought is blank where others have one.
    """

    reader: Literal["rows", "coig_writer", "deepseek_r1", "openthoughts"] = "rows"
    hub: HubFiles | None = None
    file: str | None = None
    n: CountOrZero | None = None
    eval_n: CountOrZero = 0
    bad_rows: Literal["refuse", "drop"] = "refuse"
    empty_thought: Literal["refuse", "drop", "answer"] = "refuse"


class Target(StrictSpec):
    """What is learnt after a query: the thought between tags and the answer, or the answer alone.

    `tag` is the name in `<think>`. `system` is a system message before every query; null leaves
    it to the template.
    """

    thought: bool = True
    tag: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_:-]*$")] = "think"
    system: str | None = None


class SftTraining(Training):
    """A writing model fine-tuned on a mixture of creative and general triplets.

    `data` has the sources creative, general_zh, general_en (or your own). `ratio` k draws k
    general rows for every creative one, in equal parts from the general sources that have an
    `n` above 0 (or null). `max_tokens` ends the training when so many tokens have been seen.
    `over_long` and
    `near_duplicates` (the lowest Jaccard index that counts as one; null: not looked for) are the
    rules of the mixture (docs/design.md 5.21). `contamination` names the tasks whose texts must not
    be in it, `contamination_data` files in place of theirs; `contaminated` rows end the training
    or are left out.
    """

    kind: Literal["sft"]
    data: dict[Name, TripletSource] = Field(min_length=1)
    ratio: Positive | None = None
    max_tokens: Count | None = None
    target: Target = Target()
    packing: bool = False
    over_long: Literal["truncate", "drop", "refuse"] = "truncate"
    near_duplicates: Annotated[Number, Field(gt=0, le=1)] | None = 0.8
    contamination: Names = ()
    contamination_data: dict[Name, str] = Field(default_factory=dict)
    contaminated: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _possible(self) -> SftTraining:
        if self.max_steps is not None and self.max_tokens is not None:
            raise ValueError("max_steps and max_tokens: only one can end the training")
        if all(source.n == 0 for source in self.data.values()):
            raise ValueError("data: every source has n 0, so there is nothing to train on")
        if self.ratio is not None and "creative" not in self.data:
            raise ValueError("ratio: 1:k needs a source named creative")
        return self


AnyTraining = SftTraining | RewardTraining
