"""The model card: what a trained model is, in the form that the hub reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from harness.reports.render_md import escape

_SHOWN = (
    "epochs", "max_steps", "max_tokens", "max_length", "global_batch_size", "learning_rate",
    "lr_scheduler", "warmup_ratio", "warmup_steps", "weight_decay", "max_grad_norm", "packing",
    "weights_dtype", "lora", "seed",
)  # fmt: skip

Rows = tuple[Sequence[str], Sequence[Sequence[str]]]


def model_card(manifest: Mapping[str, Any]) -> str:
    """README.md of a model directory, from the manifest alone: no number of its own.

    The licence is left out, for it follows from base and data and is not ours to state.
    """
    writes = manifest["kind"] == "sft"
    parts = [
        "---\n" + yaml.safe_dump(_front(manifest), allow_unicode=True, sort_keys=True) + "---",
        f"# {escape(manifest['recipe'])}",
        _opening(manifest, writes),
        "## Data",
        _table(*(_mixture(manifest) if writes else _pairs(manifest))),
        *([_ratio(manifest), _target(manifest), _contamination(manifest)] if writes else []),
        "## Training",
        _table(("setting", "value"), _settings(manifest)),
        _losses(manifest),
        *_overrides(manifest),
        "## Use",
        _use(writes),
        "Every row that was drawn, by its hash, and every version are in manifest.json of the "
        "training's folder.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(manifest: Mapping[str, Any]) -> dict[str, Any]:
    front: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation" if manifest["kind"] == "sft" else "text-classification",
        "language": ["zh", "en"],
        "tags": ["creative-writing", "writing-harness", manifest["kind"]],
    }
    base = manifest.get("base")
    if base and base.get("revision"):  # a folder's name says nothing on the hub
        front["base_model"] = base["name"]
    return front


def _opening(manifest: Mapping[str, Any], writes: bool) -> str:
    base = manifest.get("base")
    start = f"from {escape(str(base['name']))}" if base else "from scratch"
    if base and base.get("revision"):
        start += f" (revision {base['revision']})"
    what = "A writing model" if writes else "A reward model"
    return (
        f"{what} of {manifest['parameters']:,} parameters, trained {start} by the recipe "
        f"`{manifest['recipe']}` of writing-harness."
    )


def _mixture(manifest: Mapping[str, Any]) -> Rows:
    rows = []
    for name, one in manifest["mixture"]["sources"].items():
        left = one["duplicates"] + one["near_duplicates"] + one["over_long"]
        rows.append(
            (
                name,
                f"{one['n']:,}",
                f"{one['tokens']:,}",
                f"{one['without_thought']:,}",
                f"{one['truncated']:,}",
                f"{left:,}",
                str(one["file"] or "-"),
            )
        )
    return (
        ("source", "rows", "tokens", "without a thought", "cut", "left out", "file"),
        rows,
    )


def _pairs(manifest: Mapping[str, Any]) -> Rows:
    rows = [
        (name, f"{one['n']:,}", f"{one['held_out']['n']:,}", f"{one['tokens']:,}", one["file"])
        for name, one in manifest["mixture"]["sources"].items()
    ]
    return ("task", "pairs", "held out", "tokens", "file"), rows


def _ratio(manifest: Mapping[str, Any]) -> str:
    mixture = manifest["mixture"]
    if mixture["ratio_samples"] is None or mixture["ratio_tokens"] is None:
        return "There is no creative row in it."
    if mixture["ratio_samples"] == 0:
        return "There is no general row in it."
    return (
        f"Creative to general: 1:{mixture['ratio_samples']:.2f} in rows, "
        f"1:{mixture['ratio_tokens']:.2f} in tokens."
    )


def _target(manifest: Mapping[str, Any]) -> str:
    target = manifest["settings"]["target"]
    if not target["thought"]:
        return "It answers at once: the thoughts of the data were not learnt."
    tag = target["tag"]
    return (
        f"It thinks between `<{tag}>` and `</{tag}>` before it answers; the answer is what stands "
        f"behind the last `</{tag}>`. The loss was taken on thought, answer and end of turn alone."
    )


def _contamination(manifest: Mapping[str, Any]) -> str:
    tasks = manifest["settings"]["contamination"]
    if not tasks:
        return "**The data was not held against any test.**"
    sources = manifest["mixture"]["sources"].values()
    dropped = sum(one["contaminated"] for one in sources)
    found = f"{dropped:,} rows were left out" if dropped else "nothing was found"
    names = ", ".join(f"`{name}`" for name in tasks)
    return f"The rows were held against the texts of {names}: {found}."


def _settings(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    settings = manifest["settings"]
    silent = {key for key in _SHOWN if settings.get(key) in (None, "") or settings[key] is False}
    if settings["max_steps"] or settings.get("max_tokens"):
        silent.add("epochs")
    if settings["warmup_steps"] is not None:
        silent.add("warmup_ratio")
    rows = [(key, _said(settings[key])) for key in _SHOWN if key not in silent]
    rows += [
        ("steps", f"{manifest['steps']:,}"),
        ("tokens seen", f"{manifest['tokens']:,}"),
        ("computed in", manifest["compute_dtype"]),
        ("processes", str(manifest["processes"])),
        ("device", str(manifest["hardware"]["device"])),
    ]
    return rows


def _losses(manifest: Mapping[str, Any]) -> str:
    first, last = manifest["first_loss"], manifest["last_loss"]
    each = manifest["settings"]["logging_steps"]
    said = []
    if first is not None:
        mean = "" if each == 1 else f" (means over {each} steps)"
        said.append(f"Loss {first:.4f} in the log's first row, {last:.4f} in its last{mean}.")
    if manifest["last_eval_loss"] is not None:
        said.append(
            f"On rows held out {manifest['first_eval_loss']:.4f} before, "
            f"{manifest['last_eval_loss']:.4f} after."
        )
    return " ".join(said)


def _overrides(manifest: Mapping[str, Any]) -> list[str]:
    if not manifest["overrides"]:
        return []
    rows = [
        (key, _said(_without_folders(key, value, hub="base_model" in _front(manifest))))
        for key, value in sorted(manifest["overrides"].items())
    ]
    return ["Settings that are not the recipe's own:", _table(("key", "value"), rows)]


def _without_folders(key: str, value: Any, *, hub: bool) -> Any:
    """A value without the folders of the machine it was trained on; `hub`: the base's name is
    none."""
    if isinstance(value, Mapping):
        return {name: _without_folders(f"{key}.{name}", v, hub=hub) for name, v in value.items()}
    local = key.endswith(".file") or key.startswith("contamination_data.")
    if isinstance(value, str) and (local or (key == "base" and not hub)):
        return value.rstrip("/").rpartition("/")[2]
    return value


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _use(writes: bool) -> str:
    task = "coig_writer_zh" if writes else "wpb_zh"
    return f"```\nharness run --tasks {task} --model DIR\n```"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(escape(cell) for cell in line) + " |" for line in lines)
