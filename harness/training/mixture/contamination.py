"""Texts of the tests among the training rows: what is looked for, and where it is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.data import load_pairs, load_prompts
from harness.data.fetch import source_file
from harness.errors import DataError, UsageError, unknown_name
from harness.progress import Progress, Silent
from harness.records import Pair, Prompt, Triplet
from harness.spec_files import load_any
from harness.specs import AnyTask, GroupSpec, SftTraining, TaskSpec, WritingSpec
from harness.training.mixture.overlap import NGRAM, SHARE, TextIndex
from harness.training.mixture.units import units

What = Literal["prompt", "chosen", "rejected"]
_WHATS: tuple[What, ...] = ("prompt", "chosen", "rejected")

_KINDS: tuple[type[AnyTask], ...] = (TaskSpec, WritingSpec)


class ContaminationError(DataError):
    """Texts of the tests stand in the training rows."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A text of a test that stands in a row: `text` of the task's `prompt_id`.

    `share` is that of the text's distinct n-grams in the row; 1 where they are equal (`exact`).
    """

    task: str
    prompt_id: str
    how: Literal["exact", "ngram"]
    text: What
    share: float


@dataclass(frozen=True, slots=True)
class TaskText:
    """One text that must not be trained on."""

    task: str
    prompt_id: str
    text: What
    content: str

    @property
    def rank(self) -> tuple[str, str, int, str]:
        """Of two texts that are found alike, the one of lower rank is named."""
        return self.task, self.prompt_id, _WHATS.index(self.text), self.content


@dataclass(frozen=True, slots=True)
class TaskTexts:
    """The distinct texts of one task. `file` is a base name, `sha256` that of its bytes,
    `bad_rows` the number of rows that could not be read."""

    name: str
    file: str
    sha256: str
    bad_rows: int
    texts: tuple[TaskText, ...]


class TestTexts:
    """The texts of some tasks, in a form that rows are held against.

    Texts are compared as units of their normal form (`units`): white space, punctuation, case
    and width make no difference. A text of fewer than 5 units, such as "/", is found nowhere.
    """

    __test__ = False  # its name is no invitation to pytest

    def __init__(self, tasks: Iterable[TaskTexts]) -> None:
        self._tasks = {task.name: task for task in tasks}
        texts = (text for task in self._tasks.values() for text in task.texts)
        self._texts = sorted(texts, key=lambda text: text.rank)
        self._index = TextIndex([units(text.content) for text in self._texts])

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks whose texts these are."""
        return tuple(self._tasks)

    @property
    def n_texts(self) -> int:
        """Distinct texts, counted task by task."""
        return len(self._texts)

    def find(self, triplet: Triplet) -> Hit | None:
        """The text of a test that stands in a row, or None.

        `exact`: its query or answer is one, be that a prompt or a response. `ngram`: enough of
        one stands in query, thought and answer together (`TextIndex`). An exact one wins, then
        the highest share, then the first by task and prompt_id.
        """
        query, answer = units(triplet.query), units(triplet.answer)
        equal = [self._index.equal(codes) for codes in (query, answer)]
        first = min((number for number in equal if number is not None), default=None)
        if first is not None:
            return self._hit(first, "exact", 1.0)
        found = self._index.found((query, units(triplet.thought or ""), answer))
        return None if found is None else self._hit(found[0], "ngram", found[1])

    def _hit(self, number: int, how: Literal["exact", "ngram"], share: float) -> Hit:
        text = self._texts[number]
        return Hit(text.task, text.prompt_id, how, text.text, share)

    def facts(self) -> dict[str, Any]:
        """What was looked for and how, as JSON for a manifest; no places."""
        return {
            "tasks": {
                task.name: {
                    "file": task.file,
                    "sha256": task.sha256,
                    "texts": len(task.texts),
                    "bad_rows": task.bad_rows,
                }
                for task in self._tasks.values()
            },
            "texts": self.n_texts,
            "ngram": NGRAM,
            "share": SHARE,
        }


def load_test_texts(
    recipe: SftTraining, *, home: Path | None = None, progress: Progress | None = None
) -> TestTexts:
    """The texts of the tasks in `contamination`, groups opened, from the files at hand.

    Of a writing task its prompts, of a preference task prompts and both texts of each pair. A
    relative file in `contamination_data` lies in `home`, or else in the working directory.
    Nothing is fetched. Raises UsageError for an unknown task or a given file that is not there,
    DataError where a task's file is not at hand (all of them at once) or cannot be used.
    """
    tasks = _tasks(recipe)
    files = {name: _given(name, file, home) for name, file in _own_files(recipe, tasks).items()}
    missing = [spec for name, spec in tasks.items() if name not in files and not _at_hand(spec)]
    if missing:
        raise DataError(_not_at_hand(missing, tasks))
    return TestTexts(
        _load(spec, files.get(name), progress or Silent()) for name, spec in tasks.items()
    )


def _tasks(recipe: SftTraining) -> dict[str, AnyTask]:
    found: dict[str, AnyTask] = {}
    for name in recipe.contamination:
        try:
            spec = load_any("tasks", name, (*_KINDS, GroupSpec), "task")
        except UsageError as error:
            raise UsageError(f"field contamination: {error}") from None
        for member in spec.tasks if isinstance(spec, GroupSpec) else (name,):
            found[member] = load_any("tasks", member, _KINDS, "task")
    return found


def _own_files(recipe: SftTraining, tasks: Mapping[str, AnyTask]) -> Mapping[str, str]:
    if not tasks:
        return {}  # whoever sets contamination to none need not unset the rest
    for name in recipe.contamination_data:
        if name not in tasks:
            raise UsageError(
                "field contamination_data: " + unknown_name("task of contamination", name, tasks)
            )
    return recipe.contamination_data


def _given(name: str, file: str, home: Path | None) -> Path:
    path = Path(file).expanduser()
    beside = path if home is None else home / path
    path = beside if beside.exists() else path
    if not path.is_file():
        why = "a directory, not a file of rows" if path.is_dir() else "no such file"
        raise UsageError(f"--set contamination_data.{name}={file}: {why}")
    return path


def _at_hand(spec: AnyTask) -> bool:
    try:
        source_file(spec, at_hand=True)
    except DataError:
        return False
    return True


def _not_at_hand(missing: Iterable[AnyTask], tasks: Mapping[str, AnyTask]) -> str:
    names = [spec.name for spec in missing]
    rest = [name for name in tasks if name not in names]
    without = f"--set 'contamination=[{', '.join(rest)}]' (or none)"
    if not rest:
        without = "--set contamination=none"
    return (
        f"contamination: the texts of {', '.join(names)} are not at hand: "
        f"harness data fetch {' '.join(names)}, or name a copy with --set "
        f"contamination_data.{names[0]}=FILE, or do without: {without}"
    )


def _load(spec: AnyTask, file: Path | None, progress: Progress) -> TaskTexts:
    try:
        if isinstance(spec, TaskSpec):
            pairs = load_pairs(spec, file=file, bad_rows="drop", progress=progress)
            texts = _of_pairs(spec.name, pairs.pairs)
            name, sha256, bad = pairs.file, pairs.sha256, pairs.dropped_rows
        else:
            prompts = load_prompts(spec, file=file, bad_rows="drop", progress=progress)
            texts = _of_prompts(spec.name, prompts.prompts)
            name, sha256, bad = prompts.file, prompts.sha256, prompts.dropped_rows
    except DataError as error:
        # the readers know the flag of `harness run`
        told = str(error).replace(f"--data {spec.name}=", f"--set contamination_data.{spec.name}=")
        raise DataError(f"contamination: {told}") from None
    if bad:
        progress.notice(f"contamination: {spec.name}: {name}: rows that cannot be read: {bad:,}")
    return TaskTexts(spec.name, name, sha256, bad, texts)


def _of_prompts(task: str, prompts: Iterable[Prompt]) -> tuple[TaskText, ...]:
    return tuple(TaskText(task, one.prompt_id, "prompt", one.prompt) for one in prompts)


def _of_pairs(task: str, pairs: Iterable[Pair]) -> tuple[TaskText, ...]:
    """Each distinct prompt and response once, under the lowest prompt_id it has."""
    found: dict[tuple[bool, str], TaskText] = {}
    for pair in pairs:
        contents = pair.prompt, pair.chosen.response, pair.rejected.response
        for what, content in zip(_WHATS, contents, strict=True):
            one = TaskText(task, pair.prompt_id, what, content)
            key = what == "prompt", content
            found[key] = min(one, found.get(key, one), key=lambda text: text.rank)
    return tuple(found.values())
