"""A judge run by the command line against a server on loopback, and what it left on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fault_server import FaultServer, Reply, last_message

Body = dict[str, Any]
MARKS = {
    "prompt": ("【写作任务开始】\n", "\n【写作任务结束】"),
    "a": ("【文本A开始】\n", "\n【文本A结束】"),
    "b": ("【文本B开始】\n", "\n【文本B结束】"),
}  # of judges/pairwise.yaml

# asks three times, offers a tie, and shows its texts between the marks of `pairwise`
REPEATED = """kind: pairwise
name: repeated
prompts:
  zh:
    user: |-
      【写作任务开始】
      {{ prompt }}
      【写作任务结束】
      【文本A开始】
      {{ text_a }}
      【文本A结束】
      【文本B开始】
      {{ text_b }}
      【文本B结束】
verdict: {parser: last_label, a: "[[A]]", b: "[[B]]", tie: "[[C]]"}
sampling: {temperature: 0.7, max_tokens: 64}
repeats: 3
"""


def shown(body: Body) -> tuple[str, str, str]:
    """Prompt, text A and text B of a request of `pairwise`."""
    text = last_message(body)
    found = [text[text.index(a) + len(a) : text.index(b)] for a, b in MARKS.values()]
    return found[0], found[1], found[2]


def chance(body: Body) -> float:
    """A number in [0, 1) that a request decides alone: its text and its seed."""
    digest = sha256(f"{last_message(body)}{body.get('seed')}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


@dataclass
class Changing:
    """What a server answers by, to be changed while it runs."""

    now: Callable[[Body], Reply]

    def __call__(self, body: Body) -> Reply:
        return self.now(body)


@dataclass(frozen=True)
class Judged:
    """`harness run` of `openai:m` over a file of pairs; `arguments` is how, for a subprocess."""

    harness: Callable[..., Any]
    data: Path
    out: Path

    def arguments(self, server: FaultServer, *more: object, options: str = "") -> list[str]:
        address = f"base_url={server.url}{options}"
        usual = ("--tasks", "wpb_zh", "--data", f"wpb_zh={self.data}", "--model", "openai:m")
        where = ("--model_args", address, "--output_path", self.out)
        return ["run", *map(str, (*usual, *where, *more))]

    def __call__(self, server: FaultServer, *more: object, options: str = "") -> Any:
        return self.harness(*self.arguments(server, *more, options=options))

    @property
    def folders(self) -> list[Path]:
        return sorted(path.parent for path in self.out.glob("*/*/manifest.json"))

    @property
    def folder(self) -> Path:
        [found] = self.folders
        return found

    def lines(self, name: str = "verdicts.jsonl") -> list[dict[str, Any]]:
        raw = (self.folder / name).read_bytes().split(b"\n")
        assert raw.pop() == b"", "the last line is whole"
        return [json.loads(line) for line in raw]

    def stored(self, name: str = "manifest.json") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return found

    @property
    def metrics(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stored("results.json")["metrics"]
        return found
