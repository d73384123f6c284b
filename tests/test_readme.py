"""What README.md says can be typed, copied and found."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli.main import VERBS, cli
from harness.data.wpb import read_pairs
from harness.spec_files import parse_spec

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
# the number after the file's name, and those that follow it: "docs/design.md 4.4 and 5.5"
CITATION = re.compile(r"docs/design\.md[\s#]+(\d+(?:\.\d+)?(?:(?:,| and)[\s#]+\d+\.\d+)*)")
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
    commands = re.findall(r"\bharness ([a-z]+(?:-[a-z]+)*)([^`#\n)]*)", TEXT)
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


def test_every_section_of_the_design_that_is_cited_exists() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (\d+(?:\.\d+)?)\b", design, re.MULTILINE)
    assert len(headings) == len(set(headings))
    cited = {}
    for folder in ("harness", "tasks", "judges"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".py", ".yaml"):
                for numbers in CITATION.findall(file.read_text(encoding="utf-8")):
                    cited |= dict.fromkeys(re.findall(r"\d+(?:\.\d+)?", numbers), file.name)
    assert {"4.4", "5.5"} <= cited.keys()
    assert {number: file for number, file in cited.items() if number not in headings} == {}


def test_the_help_names_the_same_verbs() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output
    assert all(re.search(rf"^  {verb} ", said, re.MULTILINE) for verb in VERBS)
