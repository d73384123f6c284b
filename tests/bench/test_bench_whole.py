"""The whole benchmark as one document: every part in its place, also one that cannot be run."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.bench import whole
from harness.bench.machine import Machine, machine_markdown, this_machine
from harness.bench.whole import bench_all
from harness.bench.whole_parts import PARTS, Part
from harness.cli.bench import bench
from harness.cli.main import cli
from harness.progress import Silent

START = Part("start", "Start", "What starts.", "", "--repeats 1 --no_lm_eval")
BROKEN = Part("growth", "Growth", "What grows.", "", "--pairs 1 --only read")
UNKNOWN = Part("nothing", "Nothing", "No such part.")


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def notice(self, message: str) -> None:
        self.said.append(message)


def test_a_part_that_fails_says_why_and_the_others_go_on() -> None:
    heard = Heard()
    saved: list[str] = []
    parts = (BROKEN, UNKNOWN, START)
    text = bench_all(quick=True, parts=parts, progress=heard, save=saved.append)
    assert [one.count("\n## ") for one in saved] == [1, 2, 3]
    assert saved[-1] == text
    sections = text.split("\n## ")
    assert [section.splitlines()[0] for section in sections[1:]] == ["Growth", "Nothing", "Start"]
    assert "Not measured here: --pairs 1: at least 128" in sections[1]
    assert "Not measured here:" in sections[2] and "unknown benchmark 'nothing'" in sections[2]
    assert "`harness bench start --repeats 1 --no_lm_eval`" in sections[3]
    assert "| harness --help" in sections[3]
    assert any(line.startswith("harness: --pairs 1") for line in heard.said)


def test_the_document_names_the_machine_and_no_path(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("{}\n")
    broken = Part("diversity", "Diversity", "Texts.", short="--chars 10", takes_data=True)
    text = bench_all(quick=True, file=file, parts=(broken,))
    assert text.startswith("# Speed\n\nEvery table was made")
    assert "`harness bench all --quick --data FILE`" in " ".join(text.split())
    assert "`harness bench diversity --chars 10 --data FILE`" in text
    assert "Not measured here: pairs.jsonl line 1: no response" in text
    machine = this_machine()
    assert machine.processor in " ".join(text.split()) and machine.versions["python"] in text
    assert str(tmp_path) not in text and str(Path.cwd()) not in text


def test_folders_of_this_machine_are_taken_out_of_a_reason() -> None:
    said = [f"harness: {Path.cwd()}/.venv-x: not there", "", "and on"]
    assert whole._reason(said, 1) == ".venv-x: not there"
    assert whole._reason(["Traceback", "ValueError: odd", ""], 1) == "ValueError: odd"
    assert whole._reason([], -9) == "it ended with -9 and without a word"


def test_every_part_is_a_command_with_these_flags() -> None:
    context = click.Context(bench)
    for part in PARTS:
        command = bench.get_command(context, part.name)
        assert command is not None
        known = {flag for option in command.params for flag in option.opts}
        used = {word for word in f"{part.full} {part.short}".split() if word.startswith("--")}
        assert used <= known, part.title
        assert not part.takes_data or "--data" in known, part.title
    assert {part.name for part in PARTS} == bench.commands.keys() - {"all"}


def test_no_two_parts_share_a_title() -> None:
    titles = [part.title for part in PARTS]
    assert len(set(titles)) == len(titles)


def test_a_machine_in_words() -> None:
    machine = Machine("A chip", 1, 15.6, ("A card", "A card"), "Linux", {"python": "3.11"})
    assert (
        machine_markdown(machine) == "A chip, 1 core, 16 GiB, A card, A card; Linux. python 3.11.\n"
    )
    bare = Machine("A chip", 2, None, (), "Linux", {"python": "3.11", "torch": "2"})
    assert machine_markdown(bare) == "A chip, 2 cores, no GPU; Linux. python 3.11, torch 2.\n"


def test_the_command_writes_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "PARTS", (BROKEN,))
    out = tmp_path / "speed.md"
    done = CliRunner().invoke(cli, ["bench", "all", "--quick", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_text() in done.output and "## Growth" in out.read_text()


def test_a_folder_to_write_to_that_is_not_there_is_told_before_any_work(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["bench", "all", "--out", str(tmp_path / "no" / "speed.md")])
    assert done.exit_code != 0 and "no folder" in str(done.exception)
