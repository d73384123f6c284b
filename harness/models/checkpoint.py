"""A checkpoint folder, read without torch: its config, its fingerprint, its raw tensors."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

from harness.errors import ModelError, UsageError

_TEXT_FILES = ("*.json", "*.jinja", "*.model", "*.txt", "*.py", "*.tiktoken")
_WEIGHT_FILES = ("*.safetensors", "*.bin")
_SAMPLES, _SAMPLE_BYTES = 64, 4096
# Names that say nothing of a model; a label then takes the folder above with it.
_PLAIN_NAMES = ("model", "final", "checkpoint", "merged")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model directory on disk; `revision` is the hub's commit, or None for a local one."""

    path: Path
    name: str
    revision: str | None
    config: dict[str, Any]

    @property
    def architecture(self) -> str:
        """The first of `architectures` in config.json, or an empty string."""
        names = self.config.get("architectures") or [""]
        return str(names[0])

    @property
    def context(self) -> int | None:
        """The longest input the checkpoint was made for, in tokens."""
        text = self.config.get("text_config") or self.config
        value = text.get("max_position_embeddings") or text.get("n_positions")
        return int(value) if value else None

    def fingerprint(self) -> str:
        """sha256 that changes when the model does, without reading all of its weights.

        A hub revision says it all. For a local folder: the bytes of config and tokenizer
        files, and of every weight file its size, its safetensors header and 64 blocks of 4 KB
        spread over it, so that a checkpoint overwritten by a later training step is not taken
        for the earlier one. Only weights that differ outside every sampled block go unseen.
        """
        digest = hashlib.sha256()
        if self.revision is not None:
            digest.update(f"{self.name}@{self.revision}".encode())
            return digest.hexdigest()
        for file in _files(self.path, _TEXT_FILES):
            digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
        for file in _files(self.path, _WEIGHT_FILES):
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode() + _sample(file))
        return digest.hexdigest()


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    skipped = {"training_args.bin", "trainer_state.json", "optimizer.bin", "scheduler.bin"}
    found = {file for pattern in patterns for file in folder.glob(pattern)}
    return sorted(file for file in found if file.name not in skipped)


def _sample(file: Path) -> bytes:
    size = file.stat().st_size
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        if file.suffix == ".safetensors":
            header = int.from_bytes(stream.read(8), "little")
            digest.update(stream.read(min(header, size)))
        for step in range(_SAMPLES):
            stream.seek(max(0, size - _SAMPLE_BYTES) * step // max(1, _SAMPLES - 1))
            digest.update(stream.read(_SAMPLE_BYTES))
    return digest.digest()


def open_checkpoint(what: str, *, revision: str | None = None) -> Checkpoint:
    """A local folder, or a hub id fetched into the hub's cache (which is respected)."""
    path = Path(what).expanduser()
    if path.is_dir():
        if revision is not None:
            raise UsageError(f"{what}: revision= is for hub models; this is a local folder")
        return Checkpoint(path, _label(path), None, read_config(path))
    if path.exists():
        raise UsageError(f"--model {what}: a file; give the checkpoint's folder")
    if what.startswith((".", "/", "~")) or what.count("/") != 1:
        raise UsageError(f"--model {what}: no such folder, and not a hub id (owner/name)")
    snapshot = _fetch(what, revision)
    return Checkpoint(snapshot, what, snapshot.name, read_config(snapshot))


def _label(path: Path) -> str:
    name = path.resolve().name
    plain = name.partition("-")[0] in _PLAIN_NAMES
    return f"{path.resolve().parent.name}/{name}" if plain else name


def _fetch(repo: str, revision: str | None) -> Path:
    """Download a hub snapshot: configuration and tokenizer, then one format of weights."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    def get(patterns: Sequence[str]) -> Path:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(patterns)))

    try:
        folder = get([*_TEXT_FILES, "*.safetensors"])
        if not any(folder.glob("*.safetensors")):
            get(["*.bin"])
    except LocalEntryNotFoundError:
        offline = os.environ.get("HF_HUB_OFFLINE", "")
        why = "HF_HUB_OFFLINE is set" if offline not in ("", "0") else "the hub cannot be reached"
        raise ModelError(
            f"--model {repo}: not a local folder, not in the hub cache, and {why}"
        ) from None
    except HFValidationError as error:
        raise UsageError(f"--model {repo}: {error}") from None
    except HfHubHTTPError as error:
        raise ModelError(f"--model {repo}: the hub says: {error}") from None
    return folder


def read_config(folder: Path) -> dict[str, Any]:
    """config.json, or a message that says what the folder is instead."""
    file = folder / "config.json"
    if not file.is_file():
        if (folder / "adapter_config.json").is_file():
            raise ModelError(
                f"{folder}: a LoRA adapter, not a model; "
                f"use --model BASE --model_args peft={folder}"
            )
        raise ModelError(f"{folder}: no config.json, so not a checkpoint folder")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{file}: not JSON: {error}") from None
    if not isinstance(config, dict):
        raise ModelError(f"{file}: must be a JSON object")
    return config


def tensors_under(folder: Path, prefix: str) -> dict[str, Any]:
    """The tensors whose names begin with `prefix.`, read alone, names without the prefix."""
    import torch
    from safetensors import SafetensorError, safe_open

    found: dict[str, Any] = {}
    try:
        for file in sorted(folder.glob("*.safetensors")):
            with safe_open(file, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 (not a mapping)
                    if name.startswith(prefix + "."):
                        found[name.removeprefix(prefix + ".")] = weights.get_tensor(name)
    except SafetensorError as error:
        raise ModelError(f"{file}: damaged or cut off: {error}") from None
    if found or any(folder.glob("*.safetensors")):
        return found
    for file in sorted(folder.glob("pytorch_model*.bin")):
        mapped = is_zipfile(file)  # torch before 1.6 wrote no zip, which cannot be mapped
        try:
            state = torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
        except (RuntimeError, EOFError, UnpicklingError) as error:
            first = str(error).strip().partition("\n")[0]
            raise ModelError(f"{file}: damaged, cut off or not weights: {first}") from None
        for name, tensor in state.items():
            if name.startswith(prefix + "."):
                found[name.removeprefix(prefix + ".")] = tensor
    return found
