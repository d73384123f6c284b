"""Fills a run folder with texts: written now by a chat model, or long ago by somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.asking import Asking
from harness.errors import DataError, UsageError
from harness.jobs.account import account
from harness.metrics.measures import cost, measure
from harness.metrics.workers import Workers
from harness.models import ChatModel, Opened, TextsFile, WroteElsewhere
from harness.models.gen_kwargs import resolve_sampling
from harness.progress import Progress
from harness.records import Language, Measures, Prompt, Text
from harness.request import RunRequest
from harness.specs import WritingSpec
from harness.store import WritingFolder
from harness.writing import TextWriter

Writer = ChatModel | WroteElsewhere


@dataclass(frozen=True, slots=True)
class Writing:
    """How a chat model is asked to write in a run."""

    asking: Asking
    system: str | None
    repeats: int

    def row(self) -> dict[str, Any]:
        """What results.json and the identity say of it."""
        return {
            "system": self.system,
            "sampling": self.asking.sampling.model_dump(mode="json"),
            "repeats": self.repeats,
        }


def writers_of(model: Opened, task: str) -> tuple[Writer, ...]:
    """The writers behind a --model: itself, or the models of a file of texts."""
    if isinstance(model, TextsFile):
        return model.writers
    if isinstance(model, ChatModel):
        return (model,)
    raise UsageError(
        f"{task} is a writing task, and {model.name} does not write: name a chat model, or "
        "texts:FILE for what was written before"
    )


def writing_of(writer: Writer, spec: WritingSpec, request: RunRequest) -> Writing | None:
    """How it is asked; None where it wrote elsewhere."""
    if not isinstance(writer, ChatModel):
        if request.gen_kwargs is not None:
            raise UsageError("--gen_kwargs: the texts are there already")
        return None
    sampling = resolve_sampling(spec.sampling, request.gen_kwargs)
    asking = Asking(sampling=sampling, seed=request.seed, max_errors=request.max_errors)
    return Writing(asking, spec.system, spec.repeats)


def text_writer(prompts: Sequence[Prompt], model: ChatModel, writing: Writing) -> TextWriter:
    """The job of a chat model."""
    return TextWriter(
        prompts, model, writing.asking, system=writing.system, repeats=writing.repeats
    )


def nothing_unwritten(folder: WritingFolder, owed: int, *, final: bool) -> bool:
    """Whether a finished folder has all texts it ever asked for; `final` if errors stay so."""
    there = folder.texts()
    return len(there) >= owed and (final or all(text.error is None for text in there.values()))


def fill_texts(
    folder: WritingFolder,
    prompts: Sequence[Prompt],
    writer: Writer,
    writing: Writing | None,
    progress: Progress,
    *,
    aliases: Mapping[str, str],
) -> dict[str, Any]:
    """Every text that is not there yet; what the manifest should say of it.

    `aliases` are other ids under which texts from elsewhere may stand.
    """
    there = folder.texts()
    if not isinstance(writer, ChatModel):
        return _take(folder, prompts, writer, aliases, progress)
    assert writing is not None
    if writing.repeats > 1 and writing.asking.sampling.temperature == 0:
        progress.notice(f"{writing.repeats} texts a prompt at temperature 0 are alike")
    start = writer.facts()
    job = text_writer(prompts, writer, writing)
    try:
        job.write(there, folder.append_texts, progress)
    except BaseException:  # Ctrl-C, --max_errors: what was spent until then stays counted
        folder.save_manifest(**account(folder, writer, start, prompts=len(prompts)))
        raise
    return account(folder, writer, start, prompts=len(prompts))


def _take(
    folder: WritingFolder,
    prompts: Sequence[Prompt],
    writer: WroteElsewhere,
    aliases: Mapping[str, str],
    progress: Progress,
) -> dict[str, Any]:
    texts = writer.texts(prompts, aliases)
    missing = sum(text.text is None for text in texts)
    known = len(texts) - missing
    if not known:
        raise DataError(
            f"{writer.name}: none of its {writer.count:,} texts is for a prompt of this task: "
            "their prompt_id has to be one of the prompts'"
        )
    if missing:
        progress.notice(f"{writer.name}: no text for {missing:,} of {len(prompts):,} prompts")
    if known < writer.count:
        progress.notice(
            f"{writer.name}: {writer.count - known:,} texts are for no prompt of this run: left out"
        )
    there = folder.texts()
    folder.append_texts([text for text in texts if there.get(text.key) != text])
    return {"counts": {"prompts": len(prompts), "texts": known}}


def measure_folder(
    texts: Sequence[Text], prompts: Sequence[Prompt], request: RunRequest, workers: Workers
) -> list[Measures]:
    """What is measured on the texts that are there."""
    by_id = {prompt.prompt_id: prompt.prompt for prompt in prompts}
    return measure(texts, by_id, segmenter=request.settings.segmenter, workers=workers)


def measuring(writers: Sequence[Writer], language: Language, request: RunRequest) -> Workers:
    """The processes that measure what these writers wrote, one after the other."""
    coming = 0
    if request.processes > 1:
        segmenter = request.settings.segmenter
        there = (writer for writer in writers if isinstance(writer, WroteElsewhere))
        coming = sum(
            cost(((text, language) for text in writer.responses()), segmenter) for writer in there
        )
    return Workers(request.processes, coming=coming)
