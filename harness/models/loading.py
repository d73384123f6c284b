"""Loads backbones and heads; refuses a checkpoint whose weights do not fit what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import MissingExtra, ModelError, UsageError
from harness.models.checkpoint import Checkpoint, tensors_under


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How weights are to be loaded; `device` is cpu, cuda or one GPU (cuda:1)."""

    dtype: str
    device: str
    attention: str
    trust_remote_code: bool = False
    peft: str | None = None
    device_map: str | None = None


def load(auto_class: str, checkpoint: Checkpoint, options: LoadOptions, **extra: Any) -> Any:
    """A transformers model in evaluation mode, on its device, with no weight made up.

    `auto_class` names a class of transformers. A tensor that the checkpoint lacks would be
    initialised at random, so a missing one is a ModelError.
    """
    import torch
    import transformers

    from harness.models.attention import register

    register()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, info = getattr(transformers, auto_class).from_pretrained(
            checkpoint.path,
            dtype=getattr(torch, options.dtype),
            attn_implementation=options.attention,
            device_map=_device_map(options),
            trust_remote_code=options.trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
            **extra,
        )
    except torch.OutOfMemoryError:
        raise does_not_fit(checkpoint.path, options.device) from None
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        hint = ""
        if options.attention == "sdpa" and "scaled_dot_product_attention" in str(error):
            hint = "; a recipe with attention: [eager] runs it (--judge FILE)"
        raise ModelError(
            f"{checkpoint.path}: cannot be loaded: {_first_line(error)}{hint}"
        ) from error
    except Exception as error:  # safetensors' own error type has no public base
        if type(error).__name__ == "SafetensorError":
            raise ModelError(f"{checkpoint.path}: weights damaged or cut off: {error}") from None
        raise
    missing = sorted(str(name) for name in info["missing_keys"])
    if options.peft is not None:
        model, missing = _with_adapter(model, options.peft, missing)
    if missing:
        raise ModelError(
            f"{checkpoint.path}: the checkpoint lacks {len(missing)} tensors ({missing[0]}, ...); "
            "they would be random, so it is refused"
        )
    return model.eval()


def _device_map(options: LoadOptions) -> Any:
    """A GPU's weights go there straight from the file, never whole through main memory."""
    if options.device_map is None and options.device != "cpu":
        return {"": options.device}
    return options.device_map


def does_not_fit(path: Path, device: str) -> ModelError:
    """The message where a device's memory does not hold the weights."""
    return ModelError(
        f"{path}: the weights do not fit into the memory of {device}; spread them "
        "(--model_args device_map=auto), or take --dtype bfloat16 or --device cpu"
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _with_adapter(model: Any, adapter: str, missing: list[str]) -> tuple[Any, list[str]]:
    """Merge a LoRA adapter; a head that it brings along is no longer missing."""
    try:
        from peft import PeftModel
    except ImportError:
        raise MissingExtra("peft=", "train") from None
    if not (Path(adapter) / "adapter_config.json").is_file():
        raise UsageError(f"--model_args peft={adapter}: no adapter_config.json there")
    try:
        wrapped = PeftModel.from_pretrained(model, adapter)
    except (ValueError, RuntimeError, OSError, KeyError) as error:
        raise ModelError(f"{adapter}: does not fit the model: {_first_line(error)}") from error
    brought = {
        name.split(".modules_to_save.")[0].rpartition(".")[2]
        for name, _ in wrapped.named_parameters()
        if ".modules_to_save." in name
    }
    left = [name for name in missing if name.partition(".")[0] not in brought]
    return wrapped.merge_and_unload(), left


def load_head(checkpoint: Checkpoint, prefix: str, outputs: int) -> ScoreHead:
    """The head's tensors straight from the checkpoint, checked against the recipe."""
    return make_head(tensors_under(checkpoint.path, prefix), prefix, outputs, str(checkpoint.path))


def make_head(tensors: Mapping[str, Any], prefix: str, outputs: int, where: str) -> ScoreHead:
    """One linear layer (`weight`, `bias`) or several with ReLU between (`0.weight`, `2.weight`)."""
    stages = sorted({int(n.split(".")[0]) for n in tensors if n.split(".")[0].isdigit()})
    names = [f"{stage}." for stage in stages] or [""]
    if any(name + "weight" not in tensors for name in names):
        raise ModelError(
            f"{where}: no reward head: the checkpoint has no tensor {prefix}.weight; "
            "a head made up at random would give random scores"
        )
    layers = tuple(
        (tensors[name + "weight"].float(), _float(tensors.get(name + "bias"))) for name in names
    )
    width = layers[-1][0].shape[0]
    if width != outputs:
        raise ModelError(
            f"{where}: the head {prefix} has {width} outputs and the recipe expects {outputs}; "
            "name a recipe whose head says which output is the score (--judge FILE)"
        )
    return ScoreHead(layers)


def _float(tensor: Any) -> Any:
    return None if tensor is None else tensor.float()


@dataclass(frozen=True, slots=True)
class ScoreHead:
    """A reward head in float32, whatever the backbone's precision.

    In bfloat16 a score near 20 moves in steps of 0.125: equal scores, that is ties, appear
    between texts that differ.
    """

    layers: tuple[tuple[Any, Any], ...]

    def to(self, device: Any) -> ScoreHead:
        """The same head with its weights on a device."""
        return ScoreHead(
            tuple((w.to(device), None if b is None else b.to(device)) for w, b in self.layers)
        )

    def __call__(self, states: Any) -> Any:
        """(n, width) hidden states of any precision -> (n, outputs) float32 scores."""
        import torch

        states = states.float()
        for number, (weight, bias) in enumerate(self.layers):
            if number:
                states = torch.relu(states)
            weight = weight.to(states.device)
            bias = None if bias is None else bias.to(states.device)
            states = torch.nn.functional.linear(states, weight, bias)
        return states
