"""What README.md says can be typed, copied and found."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli.main import VERBS, cli
from harness.data.wpb import read_pairs
from harness.specs import parse_spec

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)


def blocks(language: str) -> list[str]:
    return [block for found, block in BLOCKS if found == language]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_yaml_is_one_that_is_accepted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "copied.yaml"
    file.write_text(text, encoding="utf-8")
    parse_spec(file)


def test_the_example_record_is_one_that_is_read() -> None:
    [record] = blocks("json")
    content = " ".join(record.split()).encode()
    found = read_pairs(content, name="README.md", language="en", genre_of=str)
    assert (len(found.pairs), found.extra) == (1, {})


def test_every_command_and_flag_exists() -> None:
    commands = re.findall(r"\bharness ([a-z]+)([^`#\n)]*)", TEXT)
    used = [(verb, flags) for verb, flags in commands if verb in VERBS]
    assert {verb for verb, _ in used} == set(VERBS)
    for verb, rest in used:
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None
        known = {flag for option in command.params for flag in option.opts}
        if isinstance(command, click.Group):
            known = {
                flag
                for one in command.commands.values()
                for option in one.params
                for flag in option.opts
            }
        assert set(re.findall(r"--\w+", rest)) <= known, (verb, rest)


def test_the_tree_names_every_part_of_the_package() -> None:
    tree = next(block for block in blocks("") if "  cli/ " in block)
    named = set(re.findall(r"^  ([\w.]+)/? ", tree, re.MULTILINE))
    there = {
        path.name
        for path in (ROOT / "harness").iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed", "_bundled")
    }
    assert named == there


def test_the_help_names_the_same_verbs() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output
    assert all(re.search(rf"^  {verb} ", said, re.MULTILINE) for verb in VERBS)
