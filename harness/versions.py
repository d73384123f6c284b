"""What a manifest says of the software: versions, and the commit of a checkout."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from harness.bundled import PACKAGE

_PACKAGES = (
    "writing-harness", "torch", "transformers", "tokenizers", "accelerate", "peft", "trl",
    "datasets", "numpy", "scipy", "jieba", "rjieba", "jinja2", "openai", "vllm", "lm-eval",
    "huggingface_hub",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Python, the versions of the packages that compute numbers, and our own git commit."""
    found: dict[str, Any] = {"python": platform.python_version(), "system": platform.system()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"versions": found, "git_commit": git_commit()}


def git_commit() -> str | None:
    """The commit of the checkout the package runs from ("+dirty" with changes), or None."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return commit + ("+dirty" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
