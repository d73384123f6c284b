"""What is shipped: sdist and wheel hold what the checkout holds, nothing git ignores, and run elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytest.importorskip("hatchling", reason="needs the dev extra")

BUNDLED = ("tasks", "judges", "leaderboards")
OF_A_BOARD = ("board.yaml", "published.json", "nulls.json")  # what a wheel holds of it
SDIST = {
    "harness", "tasks", "judges", "leaderboards", "docs", "tests", "README.md", "CHANGELOG.md",
    "CONTRIBUTING.md", "LICENSE", "Makefile", "constraints.txt", "pyproject.toml",
}  # fmt: skip
# Such files lie about in every checkout that is worked in; .gitignore names them all.
IGNORED = (
    "harness/__pycache__/leak.pyc",
    "harness/build/leak.py",
    "harness/training/recipes/dist/leak.yaml",
    "tasks/build/leak.yaml",
    "judges/dist/leak.yaml",
    "leaderboards/site/leak.html",
    "tests/.pytest_cache/leak.py",
    "results/leak.json",
    "models/leak.safetensors",
    ".venv/leak.py",
)


def git_files() -> list[str]:
    """Files of the checkout that git tracks or would track."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """stdout of a command that has to succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source: Path, out: Path, *targets: str) -> None:
    wanted = [part for target in targets for part in ("-t", target)]
    run(sys.executable, "-m", "hatchling", "build", "-d", out, *wanted, cwd=source)


@dataclass(frozen=True)
class Built:
    """What the build of a copy of the checkout made; `contents` maps names to bytes."""

    files: list[str]
    sdist: Path
    wheel: Path

    def wheel_contents(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.wheel) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def sdist_contents(self) -> dict[str, bytes]:
        with tarfile.open(self.sdist) as archive:
            members = [member for member in archive if member.isfile()]
            streams = {m.name.partition("/")[2]: archive.extractfile(m) for m in members}
            return {name: stream.read() for name, stream in streams.items() if stream is not None}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built from a copy that also holds files git ignores."""
    files = git_files()
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    for name in IGNORED:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("leak = 1\n", encoding="utf-8")
    build(copy, out, "sdist", "wheel")
    [sdist], [wheel] = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(files, sdist, wheel)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel installed into a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--disable-pip-version-check", "--target", target, built.wheel, cwd=target)
    return target


def test_git_ignores_none_of_our_own_files() -> None:
    theirs = set(git_files())
    # what tools and `harness leaderboard build` leave
    generated = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "site", "plots"}
    for folder in ("harness", "tests", *BUNDLED):
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT)
            if path.is_file() and not generated & set(name.parts):
                assert name.as_posix() in theirs


def in_wheel(name: str) -> bool:
    """Whether the wheel holds a bundled file: of a board no submission and nothing generated."""
    parts = name.split("/")
    return parts[0] != "leaderboards" or (len(parts) == 3 and parts[2] in OF_A_BOARD)


def test_the_wheel_holds_the_package_and_every_task_judge_and_board_and_nothing_else(
    built: Built,
) -> None:
    expected = {name: name for name in built.files if name.startswith("harness/")}
    for folder in BUNDLED:
        inside = (n for n in built.files if n.startswith(f"{folder}/") and in_wheel(n))
        expected |= {f"harness/_bundled/{name}": name for name in inside}
    contents = built.wheel_contents()
    ours = {name for name in contents if ".dist-info/" not in name}
    assert ours == set(expected)
    for name, source in expected.items():
        assert contents[name] == (ROOT / source).read_bytes(), name
    for name in (
        "harness/py.typed",
        "harness/training/recipes/demo_reward.yaml",
        "harness/training/recipes/demo_creative.jsonl",
        "harness/study/studies/coig_writer.yaml",
        "harness/_bundled/tasks/demo_zh.json",
        "harness/_bundled/tasks/genres/wpb_appendix_b.yaml",
        "harness/_bundled/judges/sequence_classifier.yaml",
        "harness/_bundled/leaderboards/wpb_zh/board.yaml",
        "harness/_bundled/leaderboards/wpb_zh/published.json",
        "harness/_bundled/leaderboards/demo_zh/nulls.json",
    ):
        assert name in ours
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents)


def test_the_sdist_holds_what_the_checkout_holds_and_nothing_that_git_ignores(
    built: Built,
) -> None:
    contents = built.sdist_contents()
    expected = {name for name in built.files if name.partition("/")[0] in SDIST}
    # hatchling adds its own two
    assert contents.keys() - {"PKG-INFO", ".gitignore"} == expected
    assert {name.partition("/")[0] for name in expected} == SDIST


def test_the_wheel_built_from_the_sdist_is_the_wheel_built_from_the_checkout(
    built: Built, tmp_path: Path
) -> None:
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    build(source, tmp_path / "out", "wheel")
    [wheel] = (tmp_path / "out").glob("*.whl")
    assert wheel.name == built.wheel.name
    assert Built([], built.sdist, wheel).wheel_contents() == built.wheel_contents()


def test_the_installed_wheel_lists_and_validates_what_it_brought(
    installed: Path, tmp_path: Path
) -> None:
    def harness(*arguments: str) -> str:
        return run(
            sys.executable, "-m", "harness", *arguments, cwd=tmp_path, PYTHONPATH=str(installed)
        )

    tasks = [line.split()[0] for line in harness("ls", "tasks").splitlines()]
    assert {"wpb", "wpb_zh", "wpb_en", "demo_zh", "demo_en"} <= set(tasks)
    assert "demo_reward" in harness("ls", "recipes")
    assert "wpb_zh" in harness("ls", "boards")
    checked = harness("validate").splitlines()
    assert all(line.startswith(str(installed)) and line.endswith(": ok") for line in checked)


def test_the_installed_wheel_runs_a_baseline_on_its_own_demo_pairs(
    installed: Path, tmp_path: Path
) -> None:
    command = (installed / "bin" / "harness", "run", "--tasks", "demo_zh,demo_en")
    said = run(*command, "--model", "baseline:length", cwd=tmp_path, PYTHONPATH=str(installed))
    assert said.count("on 64 pairs") == 2
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"demo_zh", "demo_en"}
