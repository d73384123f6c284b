"""The texts of a finished run measured again, as they are stored: no model, nobody is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.metrics.measures import measure
from harness.metrics.tokens import Segmenter, tokenizer_facts
from harness.metrics.workers import Workers
from harness.progress import Progress, Silent
from harness.records import canonical
from harness.reports import write_report
from harness.rescore import Rescored
from harness.results import writing_numbers
from harness.store import WritingFolder, identity_sha256, open_run, run_path
from harness.stored import FinishedWriting, in_order, read_writing
from harness.versions import environment


def remeasure(
    run: Path,
    *,
    tokenizer: Segmenter | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> Rescored:
    """Recompute every number of a run that wrote.

    With another `tokenizer` than its own a folder stands beside it: the one that `harness run`
    with this tokenizer finds, so that nothing need be written again for it. Else nothing is
    written.
    """
    old = read_writing(run)
    stored: Segmenter = old.manifest["settings"]["segmenter"]
    segmenter = tokenizer or stored
    prompts = {prompt.prompt_id: prompt.prompt for prompt in old.prompts}
    lost = {text.prompt_id for text in old.texts.values()} - prompts.keys()
    if lost:
        raise DataError(f"{run}: texts for {len(lost):,} prompts that prompts.jsonl does not have")
    texts = in_order(old.texts.values(), old.prompts)
    with Workers(processes) as workers:
        measures = measure(texts, prompts, segmenter=segmenter, workers=workers)
    numbers = writing_numbers(
        texts, measures, old.manifest["metrics"], segmenter, int(old.results["seed"])
    )
    results = old.results | numbers
    identity = _identity(old, segmenter)
    if canonical(identity) == canonical(old.manifest["identity"]):
        return Rescored(None, results, old.results)
    model = str(old.results["model"]["name"])
    path = run_path(run.resolve().parent.parent, str(old.results["task"]), model, identity)
    with open_run(WritingFolder, path, fresh=True, progress=progress or Silent()) as folder:
        folder.save_manifest(
            **{**old.manifest, **environment()}
            | {
                "status": "running",
                "identity": identity,
                "identity_sha256": identity_sha256(identity),
                "settings": {**old.manifest["settings"], "segmenter": segmenter},
                "rescored_from": {
                    "folder": run.resolve().name,
                    "identity_sha256": old.manifest["identity_sha256"],
                },
            }
        )
        folder.write_prompts(old.prompts)
        folder.append_texts(texts)
        folder.write_measures(measures)
        folder.finish(results, write_report(results))
    return Rescored(path, results, old.results)


def _identity(old: FinishedWriting, segmenter: Segmenter) -> dict[str, Any]:
    facts = tokenizer_facts(segmenter)[str(old.results["language"])]
    return {**old.manifest["identity"], "tokenizer": facts}
