"""The accelerate line: what accelerate itself reads in it, and who is who under it."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Any

import pytest

from harness.errors import UsageError
from harness.training.launch import World, launch_command, world

NODE = {"NODE_RANK": "3", "MAIN_ADDRESS": "10.0.0.7"}


def words(line: str) -> list[str]:
    """The words that a shell of node 3 makes of the line."""
    said = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {line}"],
        env={**os.environ, **NODE},
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.splitlines()


def read(line: str) -> Any:
    """The line as accelerate reads it."""
    commands = pytest.importorskip("accelerate.commands.launch", reason="needs the extra train")
    program, launch, *rest = words(line)
    assert (program, launch) == ("accelerate", "launch")
    return commands.launch_command_parser().parse_args(rest)


def test_one_node_shards_over_its_processes_by_fsdp_2() -> None:
    found = read(launch_command("coig_cw", [], processes=8))
    assert (found.num_processes, found.num_machines) == (8, 1)
    assert found.use_fsdp and found.fsdp_version == "2" and not found.multi_gpu
    assert found.fsdp_auto_wrap_policy == "TRANSFORMER_BASED_WRAP"
    assert found.mixed_precision == "no"  # the recipe's precision rules
    assert found.machine_rank is None and found.main_process_ip is None


def test_what_is_saved_under_fsdp_is_the_whole_state() -> None:
    assert read(launch_command("coig_cw", [], processes=8)).fsdp_state_dict_type == (
        "FULL_STATE_DICT"
    )


def test_several_nodes_take_their_rank_and_the_address_from_the_environment() -> None:
    line = launch_command("coig_cw", ["--fresh"], processes=16, nodes=2)
    assert "$NODE_RANK" in line and "$MAIN_ADDRESS" in line
    found = read(line)
    assert (found.num_processes, found.num_machines) == (16, 2)
    assert (str(found.machine_rank), found.main_process_ip) == ("3", "10.0.0.7")
    assert found.main_process_port == 29500 and found.same_network


def test_without_fsdp_the_weights_are_copied() -> None:
    found = read(launch_command("demo", [], processes=2, fsdp=False))
    assert found.multi_gpu and not found.use_fsdp


def test_what_is_launched_is_harness_train_with_every_argument_as_it_was() -> None:
    arguments = [
        "--set=model={hidden_size: 16, n: 2}",
        '--set=about=it\'s $HOME `x` "y"',
        "--set=data.creative.file=/a folder/雨.jsonl",
        "--output_path",
        "out put",
    ]
    found = read(launch_command("my recipe.yaml", arguments, processes=2))
    assert found.module and found.training_script == "harness"
    assert found.training_script_args == ["train", "my recipe.yaml", *arguments]


def test_the_line_is_one_line_that_can_be_split_without_a_shell() -> None:
    line = launch_command("demo", ["--set=a=b c"], processes=2)
    assert "\n" not in line and shlex.split(line) == words(line)


@pytest.mark.parametrize(
    ("environment", "found", "main"),
    [
        ({}, World(0, 1), True),
        ({"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "8"}, World(0, 8), True),
        ({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"}, World(5, 8), False),
        ({"RANK": "0", "WORLD_SIZE": "1"}, World(0, 1), True),
        ({"RANK": "", "WORLD_SIZE": ""}, World(0, 1), True),
    ],
)
def test_rank_and_size_are_the_launchers(
    environment: dict[str, str], found: World, main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert world() == found and world().main is main


def test_sizes_that_no_launcher_set_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="WORLD_SIZE=2, and no launcher"):
        world()
