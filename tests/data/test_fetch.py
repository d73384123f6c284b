"""Fetching: the hub's file by pinned revision, its cache, and every way it can fail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants, errors

from harness.data import load_pairs
from harness.data.fetch import NotAtHandError, source_file
from harness.errors import DataError, UsageError
from harness.specs import PreferenceSource, TaskSpec

REVISION = "a" * 40


class Hub:
    """Stands in for hf_hub_download: nothing cached, then whatever `answer` does."""

    def __init__(self, answer: Path | Exception, cached: Path | None = None) -> None:
        self.answer, self.cached = answer, cached
        self.calls: list[dict[str, Any]] = []

    def __call__(self, repo: str, file: str, **how: Any) -> str:
        self.calls.append({"repo": repo, "file": file, **how})
        if how["local_files_only"]:
            if self.cached is None:
                raise errors.LocalEntryNotFoundError("not cached")
            return str(self.cached)
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


@pytest.fixture
def use_hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hub], Hub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def use(hub: Hub) -> Hub:
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub)
        return hub

    return use


@pytest.fixture
def file(tmp_path: Path, make_row: Callable[..., Any], write_rows: Callable[..., Path]) -> Path:
    return write_rows([make_row(1), make_row(2)], "hub.json")


def task(file: Path, **changes: Any) -> TaskSpec:
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    pins = {"repo": "who/what", "sha256": sha256, "revision": REVISION}
    source = PreferenceSource(reader="wpb", file="hub.json", **{**pins, **changes})
    return TaskSpec(
        kind="preference",
        name="some",
        language="zh",
        source=source,
        genres="wpb_appendix_b",
        metrics=("accuracy",),
    )


def without_init(kind: type[Exception]) -> Exception:
    """An error of the hub's client, whose constructors differ from version to version."""
    return kind.__new__(kind)


def test_the_pinned_revision_of_the_dataset_is_asked_for(
    file: Path, use_hub: Callable[[Hub], Hub]
) -> None:
    hub = use_hub(Hub(file))
    data = load_pairs(task(file, expect=2))
    assert (len(data.pairs), data.file, data.replaced) == (2, "hub.json", False)
    asked = hub.calls[-1]
    assert (asked["repo"], asked["file"], asked["repo_type"], asked["revision"]) == (
        "who/what", "hub.json", "dataset", REVISION,
    )  # fmt: skip


def test_a_cached_file_is_used_without_asking_the_network(
    file: Path, use_hub: Callable[[Hub], Hub]
) -> None:
    hub = use_hub(Hub(AssertionError("network"), cached=file))
    assert len(load_pairs(task(file)).pairs) == 2
    assert [call["local_files_only"] for call in hub.calls] == [True]


def test_a_cached_file_is_checked_all_the_same(file: Path, use_hub: Callable[[Hub], Hub]) -> None:
    use_hub(Hub(AssertionError("network"), cached=file))
    with pytest.raises(DataError) as caught:
        load_pairs(task(file, sha256="0" * 64))
    said = str(caught.value)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    for part in ("0" * 64, found, str(file), "recorded by others", "--data some=FILE"):
        assert part in said


def test_another_number_of_rows_is_refused_with_both_numbers(
    file: Path, use_hub: Callable[[Hub], Hub]
) -> None:
    use_hub(Hub(file))
    with pytest.raises(DataError, match="has 2 rows, the task expects 600"):
        load_pairs(task(file, expect=600))


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_and_not_cached_says_which_variable_forbids(
    file: Path,
    use_hub: Callable[[Hub], Hub],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    hub = use_hub(Hub(AssertionError("network")))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError) as caught:
        load_pairs(task(file))
    for part in (variable, "who/what", "hub.json", "--data some=FILE"):
        assert part in str(caught.value)
    assert len(hub.calls) == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (errors.GatedRepoError, "gated"),
        (errors.RepositoryNotFoundError, "no such dataset"),
        (errors.RevisionNotFoundError, "no such revision"),
        (errors.EntryNotFoundError, "no such file in this revision"),
        (errors.LocalEntryNotFoundError, "the hub cannot be reached"),
        (errors.HfHubHTTPError, "cannot get hub.json"),
        (OSError, "cannot get hub.json"),
    ],
)
def test_every_failure_of_the_hub_names_what_was_wanted_and_the_way_out(
    file: Path, use_hub: Callable[[Hub], Hub], kind: type[Exception], said: str
) -> None:
    use_hub(Hub(without_init(kind)))
    with pytest.raises(DataError) as caught:
        load_pairs(task(file))
    for part in (said, "hub.json", "who/what", REVISION, "--data some=FILE"):
        assert part in str(caught.value)


def test_a_name_that_is_no_repository_is_wrong_use(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"source\.repo"):
        source_file(task(file, repo="a/b/c"))


def test_what_is_at_hand_never_asks_the_network(file: Path, use_hub: Callable[[Hub], Hub]) -> None:
    use_hub(Hub(AssertionError("network")))
    with pytest.raises(NotAtHandError, match="harness data fetch some"):
        source_file(task(file), at_hand=True)


def test_the_real_client_finds_a_file_in_its_cache(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="not in the local cache"):
        load_pairs(task(file))
    snapshot = tmp_path / "hub" / "datasets--who--what" / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (snapshot / "hub.json").write_bytes(file.read_bytes())
    assert len(load_pairs(task(file)).pairs) == 2
