"""The programs of others on the same checkpoints and pairs, each in its own environment."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.bench.inputs import SHAPES, drawn_pairs
from harness.bench.peers_programs import (
    BATCH,
    LM_EVAL,
    REWARDBENCH,
    Found,
    interpreter,
    prepare,
    run_harness,
    run_lm_eval,
    run_rewardbench,
)
from harness.bench.pipe import pipe_table
from harness.bench.scoring_ways import token_counts
from harness.errors import HarnessError
from harness.progress import Progress, Silent

_REASON = 300  # characters of why a program did not run


@dataclass(frozen=True, slots=True)
class Row:
    """One command: seconds of all of it, on the clock and of processors, and of its scoring; peak
    MiB, accuracy in its own words.

    `difference` is the largest between one of its scores and ours for the same text.
    """

    road: str
    program: str
    whole: float
    cpu: float
    scoring: float
    peak: float
    accuracy: float
    difference: float


@dataclass(frozen=True, slots=True)
class PeersBench:
    """A table and what it was measured on; `left_out` says which programs did not run, and why."""

    rows: tuple[Row, ...]
    pairs: int
    tokens: int
    shape: str
    left_out: tuple[str, ...]


def bench_peers(
    *,
    pairs: int,
    file: Path | None,
    environments: Path,
    shape: str = "small",
    longest: int = 2048,
    progress: Progress | None = None,
) -> PeersBench:
    """`harness run` and each peer's command, on a CPU in float32, on the same files.

    `environments` is the folder with `.venv-rewardbench` and, where lm-eval is not to be taken
    from the environment of the harness, `.venv-lm-eval`. A peer that is not there, or fails, is
    left out with the reason. `longest` is in characters of a text.
    """
    progress = progress or Silent()
    drawn = drawn_pairs(count=pairs, file=file, longest=longest)
    rows: list[Row] = []
    left_out: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress.notice("making two checkpoints")
        prepare(folder, SHAPES[shape], drawn)
        tokens = sum(token_counts(folder / "reward", drawn))
        roads: tuple[tuple[str, str, str, Callable[[Path, Path], Found]], ...] = (
            ("reward model", f"hf:{folder / 'reward'}", REWARDBENCH, run_rewardbench),
            ("likelihood", f"likelihood:{folder / 'causal'},norm=sum", LM_EVAL, run_lm_eval),
        )
        progress.start("measuring", 2 * len(roads), "commands")
        for road, model, peer, call in roads:
            ours = run_harness(folder, model)
            rows.append(_row(road, "harness", ours, ours))
            progress.advance(1)
            python = interpreter(peer, environments)
            if python is None:
                left_out.append(f"{peer}: no .venv-{peer} there; `make bench-peers` makes it")
            else:
                try:
                    rows.append(_row(road, peer, call(folder, python), ours))
                except HarnessError as error:
                    left_out.append(f"{peer}: {_reason(str(error), folder)}")
                except (OSError, KeyError, ValueError) as error:
                    why = f"what it wrote is not what was expected: {error!r}"
                    left_out.append(f"{peer}: {_reason(why, folder)}")
            progress.advance(1)
        progress.finish()
    return PeersBench(tuple(rows), len(drawn), tokens, shape, tuple(left_out))


def _row(road: str, program: str, found: Found, ours: Found) -> Row:
    return Row(
        road,
        f"{program} {found.version}",
        found.whole.seconds,
        found.whole.cpu,
        found.scoring,
        found.whole.peak,
        found.accuracy,
        max(abs(found.scores[key] - ours.scores[key]) for key in ours.scores),
    )


def _reason(message: str, folder: Path) -> str:
    """The last line of what a program said, without the folders of this machine."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1].replace(f"{folder}/", "")[:_REASON] if lines else "it failed without a word"


def peers_markdown(bench: PeersBench) -> str:
    """The table as documentation holds it."""
    table = pipe_table(
        [
            [
                row.road,
                row.program,
                f"{row.whole:.1f}",
                f"{row.cpu:.1f}",
                f"{row.scoring:.1f}",
                f"{bench.tokens / row.scoring:,.0f}",
                f"{row.peak:,.0f}",
                f"{row.accuracy:.4f}",
                f"{row.difference:.1e}",
            ]
            for row in bench.rows
        ],
        [
            "road", "program", "s, whole command", "processor s", "s, scoring", "tokens/s",
            "peak MiB", "accuracy", "off from ours",
        ],
        text=(0, 1),
    )  # fmt: skip
    left_out = "".join(f"\nLeft out: {one}.\n" for one in bench.left_out)
    return (
        f"The programs themselves, {bench.shape} Qwen2 in float32 on the CPU, batches of {BATCH} "
        f"for the peers: {bench.pairs:,} pairs, {bench.tokens:,} tokens. Scoring is from strings "
        "to numbers; ours has the loading of the weights in it. Accuracy counts ties as lost; "
        f"lm-eval gives them to the first text, here the chosen one.\n\n{table}\n{left_out}"
    )
