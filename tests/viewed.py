"""Runs for the viewer, and its pages unpacked."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rows import write_rows

from harness.request import RunRequest
from harness.runner import run

# what tries to leave a page, in every way that has worked somewhere
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "<a href=\"javascript:document.title='owned'\">x</a>{{ 7*7 }}\u202egnp.exe\u202c"
)


def pair_run(folder: Path, rows: list[Any], model: str = "baseline:first") -> tuple[Path, Path]:
    """A finished run over these rows, and the file it read."""
    file = write_rows(folder / "pairs.json", rows)
    [done] = run(
        RunRequest(
            tasks=("wpb_zh",), model=model, data={"wpb_zh": file}, output_path=folder / "out"
        )
    )
    return done.folder, file


def lines(path: Path) -> list[dict[str, Any]]:
    """A JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def said(run_folder: Path, number: int, **changes: Any) -> None:
    """Another last word on one verdict of a run, by its place in the file."""
    line = lines(run_folder / "verdicts.jsonl")[number] | changes
    with (run_folder / "verdicts.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")


class Page:
    """What the parts of a page hold."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.index: dict[str, Any] = self._parts("index")[0]
        self.strings: list[str] = [text for part in self._parts("strings") for text in part]
        self.items: list[dict[str, Any]] = [item for part in self._parts("items") for item in part]

    def _parts(self, kind: str) -> list[Any]:
        found = re.findall(rf'data-part="{kind}">([A-Za-z0-9+/=]*)</script>', self.html)
        return [json.loads(gzip.decompress(base64.b64decode(part))) for part in found]

    @property
    def ids(self) -> list[str]:
        return [row[0] for row in self.index["rows"]]

    @property
    def marks(self) -> list[str]:
        return [row[3] for row in self.index["rows"]]

    def texts(self, item: int) -> list[str | None]:
        """Both texts of an item."""
        numbers = [side["text"] for side in self.items[item]["sides"]]
        return [None if number is None else self.strings[number] for number in numbers]

    def facet(self, name: str) -> list[list[str]]:
        """The values of a filter, item by item."""
        [one] = [facet for facet in self.index["facets"] if facet["name"] == name]
        return [[one["labels"][code] for code in codes] for codes in one["of"]]

    def order(self, name: str) -> list[float | None]:
        """The numbers of a sort, item by item."""
        found: Mapping[str, list[float | None]] = {
            one["name"]: one["of"] for one in self.index["sorts"]
        }
        return found[name]


def folds(answers: Iterable[Mapping[str, Any]], page: Page) -> dict[str, str]:
    """Names and texts of what is folded in answers."""
    return {one["name"]: page.strings[one["text"]] for a in answers for one in a["folds"]}
