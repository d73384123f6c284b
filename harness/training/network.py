"""The tokenizer and the network that are trained: a base model's, or made from scratch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import MissingExtra, ModelError, UsageError
from harness.models.checkpoint import Checkpoint, open_checkpoint
from harness.models.encode import load_tokenizer
from harness.specs import Training
from harness.training.tokenizer import train_tokenizer


@dataclass(frozen=True, slots=True)
class Base:
    """The checkpoint a training starts from; null where it starts from scratch."""

    checkpoint: Checkpoint | None

    @property
    def where(self) -> str:
        """How messages call it."""
        return str(self.checkpoint.path) if self.checkpoint else "the new tokenizer"

    def row(self) -> dict[str, Any] | None:
        """What the manifest says of it."""
        if self.checkpoint is None:
            return None
        one = self.checkpoint
        return {"name": one.name, "revision": one.revision, "fingerprint": one.fingerprint()}


def need_extra() -> None:
    """MissingExtra where the training libraries are not installed."""
    try:
        import datasets  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
        import trl  # noqa: F401
    except ImportError:
        raise MissingExtra("harness train", "train") from None


def open_base(spec: Training) -> Base:
    """The base of a recipe, fetched from the hub where it must be.

    ModelError for one that cannot be trained so: a classifier for `sft`, or a shorter context
    than `max_length`.
    """
    if spec.base is None:
        return Base(None)
    local = Path(spec.base).expanduser().is_dir()
    try:
        checkpoint = open_checkpoint(spec.base, revision=None if local else spec.base_revision)
    except (ModelError, UsageError) as error:
        message = str(error).replace("--model ", "base: ")
        raise type(error)(f"{message}; --set base=DIR takes a folder of your own") from None
    context = checkpoint.context
    if context is not None and spec.max_length > context:
        raise ModelError(
            f"base {spec.base}: made for {context:,} tokens, the recipe asks for "
            f"{spec.max_length:,}; --set max_length={context}"
        )
    base = Base(checkpoint)
    check_attention(spec, base)
    return base


def make_tokenizer(spec: Training, base: Base, texts: Iterable[str]) -> Any:
    """The base's own tokenizer, or one learnt from `texts` (their order does not matter)."""
    if base.checkpoint is not None:
        tokenizer = load_tokenizer(base.checkpoint, trust_remote_code=False)
        tokenizer.padding_side = "right"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer
    assert spec.tokenizer is not None and spec.model is not None
    limit = spec.model.max_position_embeddings
    return train_tokenizer(set(texts), vocab_size=spec.tokenizer.vocab_size, max_length=limit)


def make_model(spec: Training, base: Base, tokenizer: Any, *, head: bool) -> Any:
    """The network before its first step, in `weights_dtype`; with `head` one number comes out.

    From scratch it is a Qwen2 with random weights, the same for the same seed.
    """
    import torch
    import transformers as tf

    dtype = getattr(torch, spec.weights_dtype)
    torch.manual_seed(spec.seed)  # a new head is random, too
    if base.checkpoint is None:
        assert spec.model is not None
        config = tf.Qwen2Config(
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
            **({"num_labels": 1} if head else {"tie_word_embeddings": True}),
            **spec.model.model_dump(),
        )
        config._attn_implementation = spec.attention
        network = tf.Qwen2ForSequenceClassification if head else tf.Qwen2ForCausalLM
        return network(config).to(dtype)
    kind = tf.AutoModelForSequenceClassification if head else tf.AutoModelForCausalLM
    arguments = {"num_labels": 1} if head else {}
    from safetensors import SafetensorError

    try:
        model, loaded = kind.from_pretrained(
            base.checkpoint.path,
            dtype=dtype,
            attn_implementation=spec.attention,
            local_files_only=True,
            output_loading_info=True,
            **arguments,
        )
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"base {spec.base}: cannot be loaded: {first}") from None
    _refuse_holes(spec, base, loaded, head=head)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return model


def _refuse_holes(spec: Training, base: Base, loaded: Any, *, head: bool) -> None:
    """ModelError for a base without all its weights: the rest would be random, and trained.

    A reward model may bring no head: a new one is made.
    """
    missing = sorted(
        name for name in loaded["missing_keys"] if not (head and name.startswith("score."))
    )
    if missing:
        assert base.checkpoint is not None
        kind = base.checkpoint.architecture or "checkpoint without architectures"
        raise ModelError(
            f"base {spec.base}: a {kind} that lacks {len(missing)} of the weights this training "
            f"needs ({missing[0]}, ...); they would be random"
        )


def check_attention(spec: Training, base: Base) -> None:
    """UsageError for a kind of attention that the base or this machine has not got."""
    from importlib.util import find_spec

    if spec.attention == "flash_attention_2" and find_spec("flash_attn") is None:
        raise UsageError(
            "attention flash_attention_2: the package flash-attn is not installed; "
            "--set attention=sdpa"
        )
    family = base.checkpoint.config.get("model_type") if base.checkpoint else None
    if family == "gemma2" and spec.attention == "sdpa":
        raise UsageError(
            f"base {spec.base}: sdpa would drop Gemma-2's soft-capping; --set attention=eager"
        )
    lora = spec.lora
    tied = base.checkpoint is not None and base.checkpoint.config.get("tie_word_embeddings")
    named = set(lora.targets) if lora is not None else set()
    if "lm_head" in named or (tied and "embed_tokens" in named):
        raise UsageError(
            "lora.targets: adapters on lm_head are never trained, and on tied embeddings they "
            "cannot be merged; leave embed_tokens and lm_head out"
        )
