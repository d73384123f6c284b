"""texts:FILE, what somebody else's models wrote: each of them a writer that wrote long ago."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.data.texts import TextSource, read_texts
from harness.errors import UsageError, unknown_name
from harness.models.base import ModelRef, ModelSettings
from harness.models.ref import check_options
from harness.records import Prompt, Text


def open_texts(ref: ModelRef, settings: ModelSettings) -> TextsFile:
    """texts:FILE[,only=MODEL][,name=NAME]: a row a text, in a run folder a `model`."""
    check_options(ref.options, ("name", "only"))
    if settings.judge is not None:
        raise UsageError("--judge has no meaning for texts:; `harness arena` judges finished runs")
    found = read_texts(Path(ref.what), bad_rows=settings.bad_rows)
    sources = found.sources
    only = ref.options.get("only")
    if only is not None:
        sources = tuple(source for source in sources if source.name == only)
        if not sources:
            names = [source.name for source in found.sources]
            raise UsageError("--model_args only: " + unknown_name("model of the file", only, names))
    name = ref.options.get("name")
    if name is not None and len(sources) > 1:
        raise UsageError(
            f"--model_args name={name}: {ref.what} holds the texts of {len(sources)} models; "
            "choose one with only="
        )
    writers = tuple(WroteElsewhere(source, name or source.name) for source in sources)
    return TextsFile(Path(ref.what).name, writers, (*found.notices, *found.dropped))


class TextsFile:
    """A file of texts: its writers, and what is odd about it."""

    backend = "texts"
    device = "none"

    def __init__(
        self, file: str, writers: Sequence[WroteElsewhere], notices: Sequence[str]
    ) -> None:
        self.name = f"texts:{file}"
        self.writers, self.notices = tuple(writers), tuple(notices)


class WroteElsewhere:
    """One model's texts. What it thought, and how it was asked, nobody knows."""

    backend = "texts"
    device = "none"

    def __init__(self, source: TextSource, name: str) -> None:
        self._source, self.name = source, name

    def identity(self) -> Mapping[str, Any]:
        """Its texts, whatever others stand in the file and in which order."""
        return {"backend": self.backend, "sha256": self._source.sha256}

    def judge(self) -> None:
        """It reads no judge file."""

    def facts(self) -> Mapping[str, Any]:
        """Nothing ran."""
        return {"engine": "none", "texts": self.count}

    @property
    def count(self) -> int:
        """How many texts there are."""
        return sum(len(rows) for rows in self._source.rows.values())

    def responses(self) -> Iterator[str]:
        """All its texts, whatever prompts they are for."""
        return (row.response for rows in self._source.rows.values() for row in rows)

    def texts(self, prompts: Sequence[Prompt], aliases: Mapping[str, str]) -> list[Text]:
        """Its texts for these prompts, in their order; an error where it wrote none.

        `aliases` are other ids of a prompt: texts under them are texts of that prompt, too.
        """
        ids: dict[str, list[str]] = {prompt.prompt_id: [prompt.prompt_id] for prompt in prompts}
        for other, prompt_id in aliases.items():
            if prompt_id in ids:
                ids[prompt_id].append(other)
        return [line for prompt in prompts for line in self._of(prompt, ids[prompt.prompt_id])]

    def _of(self, prompt: Prompt, ids: Sequence[str]) -> list[Text]:
        about = (prompt.prompt_id, prompt.tag, prompt.genre, prompt.language)
        rows = [row for name in ids for row in self._source.rows.get(name, ())]
        return [
            Text(
                *about,
                row.response,
                finish_reason=row.finish_reason,
                n_tokens=row.n_tokens,
                repeat=repeat,
                score=row.score,
            )
            for repeat, row in enumerate(rows)
        ] or [Text(*about, None, error="no text for this prompt in the file")]
