"""One training on several GPUs or nodes: the `accelerate launch` command, and who is who in it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class World:
    """The processes of one training; `rank` is this one's number, from 0."""

    rank: int
    processes: int

    @property
    def main(self) -> bool:
        """Whether this is the first process, the one that reads, prints and writes."""
        return self.rank == 0


def world() -> World:
    """What the launcher says in the environment; one process where there was none.

    UsageError where a cluster set RANK and WORLD_SIZE and nothing launched the processes (only a
    launcher sets LOCAL_RANK): they would wait for each other for ever.
    """
    if int(os.environ.get("WORLD_SIZE") or 1) > 1 and not os.environ.get("LOCAL_RANK"):
        raise UsageError(
            f"the environment says WORLD_SIZE={os.environ['WORLD_SIZE']}, and no launcher started "
            "the processes: start them by accelerate launch (--dry_run prints the line), or unset "
            "RANK and WORLD_SIZE"
        )
    return World(int(os.environ.get("RANK") or 0), int(os.environ.get("WORLD_SIZE") or 1))


def launch_command(
    recipe: str,
    arguments: Sequence[str],
    *,
    processes: int,
    nodes: int = 1,
    fsdp: bool = True,
) -> str:
    """The shell line that trains a recipe in `processes` over `nodes`, the same on every node.

    With several nodes $NODE_RANK and $MAIN_ADDRESS stand for what the cluster knows. With `fsdp`
    weights, gradients and optimiser are spread over the GPUs (accelerate shards on GPUs alone:
    on CPU the same line copies them). The precision is the recipe's: said to accelerate, it would
    keep float32 copies of bfloat16 weights, another training than in one process.
    """
    flags = [
        *("--num_processes", str(processes), "--num_machines", str(nodes)),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),
    ]
    if nodes > 1:
        flags += ["--machine_rank", "$NODE_RANK", "--main_process_ip", "$MAIN_ADDRESS"]
        flags += ["--main_process_port", "29500", "--same_network"]
    # the whole state dict, gathered on the first process: of a sharded one transformers' Trainer
    # saves checkpoints to go on from, and no model at the end
    flags += (
        [
            *("--use_fsdp", "--fsdp_version", "2"),
            *("--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"),
            *("--fsdp_state_dict_type", "FULL_STATE_DICT"),
            *("--fsdp_cpu_ram_efficient_loading", "true"),
        ]
        if fsdp
        else ["--multi_gpu"]
    )
    quoted = [flag if flag.startswith("$") else shlex.quote(flag) for flag in flags]
    rest = shlex.join(["-m", "harness", "train", recipe, *arguments])
    return " ".join(["accelerate", "launch", *quoted, rest])
