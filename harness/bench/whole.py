"""All parts of the benchmark in one go, each by its own command, as one Markdown document."""

from __future__ import annotations

import subprocess
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bench.apart import harness_command
from harness.bench.machine import machine_markdown, this_machine
from harness.bench.whole_parts import PARTS, Part
from harness.progress import Progress, Silent

_WIDTH = 100
_HEAD = (
    "Every table was made on one machine in one go, by `{command}`; the command under a title "
    "makes its table alone. Figures of another machine differ, ratios less; what shares the "
    "machine shows as noise. What was tried and what it gave stands in "
    "[speed_tried.md](speed_tried.md)."
)


@dataclass(frozen=True, slots=True)
class Section:
    """What came of a part: its Markdown, or why there is none."""

    part: Part
    flags: tuple[str, ...]
    text: str | None
    failure: str | None
    seconds: float


def bench_all(
    *,
    quick: bool = False,
    file: Path | None = None,
    parts: Sequence[Part] | None = None,
    progress: Progress | None = None,
    save: Callable[[str], None] = lambda _: None,
) -> str:
    """The whole document. Each part runs by its command, in a process of its own.

    A part that fails says why in its place, and the next one is run. `file`, JSONL of pairs, is
    for the parts that can take their texts or lengths from one. `quick` measures next to nothing,
    to see that all parts work; `parts` are other ones than all. `save` gets the document as far as
    it has come after every part.
    """
    progress = progress or Silent()
    done = []
    for part in parts or PARTS:
        progress.notice(f"{part.title}: harness bench {' '.join(part.flags(quick))}")
        done.append(_run(part, quick, file, progress))
        progress.notice(f"{part.title}: {done[-1].failure or f'{done[-1].seconds:.0f} s'}")
        save(document(done, quick=quick, data=file is not None))
    return document(done, quick=quick, data=file is not None)


def _run(part: Part, quick: bool, file: Path | None, progress: Progress) -> Section:
    flags = part.flags(quick)
    data = ("--data", str(file)) if file is not None and part.takes_data else ()
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        line = [*harness_command(), "bench", *flags, *data]
        with subprocess.Popen(line, stdout=out, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            said = []
            for raw in process.stderr:
                said.append(raw.decode(errors="replace").rstrip())
                progress.notice(said[-1])
        out.seek(0)
        text = out.read().decode()
    failure = None if process.returncode == 0 else _reason(said, process.returncode)
    shown = ("--data", "FILE") if data else ()
    seconds = time.monotonic() - began
    return Section(part, (*flags, *shown), None if failure else text, failure, seconds)


def _reason(said: Sequence[str], code: int) -> str:
    """Why a command ended so, without the folders of this machine."""
    ours = [line for line in said if line.startswith("harness: ")]
    last = next((line for line in reversed(ours or said) if line.strip()), "")
    words = last.removeprefix("harness: ") or f"it ended with {code} and without a word"
    for folder in (Path.cwd(), Path(tempfile.gettempdir()), Path.home()):
        words = words.replace(f"{folder}/", "")
    return words


def document(sections: Sequence[Section], *, quick: bool, data: bool) -> str:
    """The sections under one head; no host, no path."""
    flags = (" --quick" if quick else "") + (" --data FILE" if data else "")
    head = _HEAD.format(command=f"harness bench all{flags}")
    machine = f"The machine: {machine_markdown(this_machine())}"
    return "\n\n".join(["# Speed", _filled(head), _filled(machine), *map(_text, sections)]) + "\n"


def _text(section: Section) -> str:
    part, command = section.part, f"`harness bench {' '.join(section.flags)}`"
    found = section.text or _filled(f"Not measured here: {section.failure}")
    return "\n\n".join([f"## {part.title}", _filled(part.about), command, found.strip()])


def _filled(words: str) -> str:
    return textwrap.fill(words.strip(), _WIDTH, break_on_hyphens=False, break_long_words=False)
