"""Data files by pinned revision from the hub, and a task's own beside its YAML; sha256 checked."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.bundled import bundled_dir
from harness.errors import DataError, HarnessError, UsageError
from harness.progress import Progress, Silent
from harness.spec_files import find_specs
from harness.specs import AnyTask

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


class NotAtHandError(DataError):
    """The hub's file is not in the cache, and the caller asked for what is at hand."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a dataset on the hub, and how messages speak of it.

    `owner` is the task or source it belongs to, `field` where that names the `repo`; `fetch` says
    what fetches the file, `own` how a copy of one's own takes its place.
    """

    owner: str
    repo: str
    file: str
    revision: str | None
    field: str
    fetch: str
    own: str


def source_file(
    spec: AnyTask,
    *,
    include: tuple[Path, ...] = (),
    home: Path | None = None,
    at_hand: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Where the task's own file lies on this machine, fetched from the hub where it must be.

    `home` is the folder of the task's YAML where that is neither shipped nor under `include`;
    with `at_hand` nothing is fetched and NotAtHandError is raised instead. The caller checks the
    contents with `check_sha256`.
    """
    if spec.source.repo is None:
        return _beside(spec, include, home)
    wanted = HubFile(
        owner=spec.name,
        repo=spec.source.repo,
        file=spec.source.file,
        revision=spec.source.revision,
        field="source.repo",
        fetch=f"harness data fetch {spec.name}",
        own=f"a copy of your own goes in by --data {spec.name}=FILE",
    )
    return hub_file(wanted, at_hand=at_hand, progress=progress or Silent())


def task_homes(
    spec: AnyTask, include: tuple[Path, ...] = (), home: Path | None = None
) -> list[Path]:
    """The folders a task's own files may lie in: that of its YAML, nearest first."""
    own = find_specs("tasks", include).get(spec.name)
    homes = [home, own.parent if own else None, *include, bundled_dir("tasks")]
    return list(dict.fromkeys(folder for folder in homes if folder is not None))


def _beside(spec: AnyTask, include: tuple[Path, ...], home: Path | None) -> Path:
    homes = task_homes(spec, include, home)
    for folder in homes:
        if (folder / spec.source.file).exists():
            return folder / spec.source.file
    raise DataError(
        f"{spec.name}: no file {spec.source.file} beside the task's YAML (looked in "
        f"{', '.join(str(folder) for folder in homes)}); or use --data {spec.name}=FILE"
    )


def read_file(path: Path) -> bytes:
    """The bytes of a data file, or a DataError that says why not."""
    if path.is_dir():
        raise DataError(f"{path}: a directory, not a file of rows")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def sha256_hex(content: bytes) -> str:
    """The sum a data file is known by."""
    return hashlib.sha256(content).hexdigest()


def check_sha256(content: bytes, path: Path, spec: AnyTask, *, given: bool = False) -> None:
    """DataError where the task pins another sha256 than that of the file's bytes.

    `given` says that the user named the file, so that it is theirs to keep.
    """
    check_sum(sha256_hex(content), path, spec, given=given)


def check_sum(found: str, path: Path, spec: AnyTask, *, given: bool = False) -> None:
    """The same of a file whose sha256 is known."""
    pinned = spec.source.sha256
    if pinned is None or found == pinned:
        return
    if given:
        way_out = f"it can still be used as your own with --data {spec.name}={path}"
    elif spec.source.repo is None:
        way_out = f"put the right file there, or use --data {spec.name}=FILE"
    else:
        way_out = (
            "the expected sum was recorded by others from the pinned revision. Delete "
            f"{path.resolve()} and fetch again; if the sums still differ, look at the file, and "
            f"where it is what you want, use it as your own with --data {spec.name}=FILE"
        )
    raise DataError(other_sum(spec.name, path, pinned, found, named_by="task", way_out=way_out))


def other_sum(
    owner: str, path: Path, pinned: str, found: str, *, named_by: str, way_out: str
) -> str:
    """The message about a file whose bytes have another sha256 than the `pinned` one."""
    return (
        f"{owner}: {path} is not the file the {named_by} names\n"
        f"  sha256 expected {pinned}\n  sha256 found    {found}\n{way_out}"
    )


def hub_file(wanted: HubFile, *, at_hand: bool, progress: Progress) -> Path:
    """Where a file of the hub lies in the cache, fetched where it must be.

    With `at_hand` nothing is fetched: NotAtHandError. DataError for whatever else goes wrong,
    UsageError for a repo that is no name of one.
    """
    from huggingface_hub import errors, hf_hub_download

    where = f"{wanted.file} of the dataset {wanted.repo} (revision {wanted.revision})"

    def get(*, local_files_only: bool) -> Path:
        return Path(
            hf_hub_download(
                wanted.repo,
                wanted.file,
                repo_type="dataset",
                revision=wanted.revision,
                local_files_only=local_files_only,
            )
        )

    def failed(why: str) -> HarnessError:
        return DataError(f"{wanted.owner}: cannot get {where}: {why}; {wanted.own}")

    try:
        return get(local_files_only=True)
    except errors.LocalEntryNotFoundError:
        if at_hand:
            raise NotAtHandError(f"{wanted.owner}: not fetched yet; {wanted.fetch}") from None
    except errors.HFValidationError as error:
        raise UsageError(f"{wanted.owner}: field {wanted.field}: {error}") from None
    offline = _offline_variable()
    if offline is not None:
        raise failed(f"it is not in the local cache, and {offline} forbids the network")
    progress.notice(f"{wanted.owner}: fetching {where} from the hub")
    try:
        with _quiet():
            return get(local_files_only=False)
    except errors.GatedRepoError:
        raise failed("the dataset is gated; ask for access and `hf auth login`") from None
    except errors.RevisionNotFoundError:
        raise failed("the dataset has no such revision") from None
    except errors.RepositoryNotFoundError:
        raise failed("there is no such dataset, or it is private") from None
    except errors.LocalEntryNotFoundError as error:
        cause = error.__cause__ or error
        raise failed(f"the hub cannot be reached ({_short(cause)})") from None
    except errors.EntryNotFoundError:
        raise failed("the dataset has no such file in this revision") from None
    except errors.HfHubHTTPError.__bases__ as error:  # OSError, and the HTTP client's own
        raise failed(_short(error)) from None


def _short(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _offline_variable() -> str | None:
    """The environment variable that forbids the network, as huggingface_hub understood it."""
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        return None
    return next((name for name in _OFFLINE if os.environ.get(name)), _OFFLINE[0])


@contextmanager
def _quiet() -> Iterator[None]:
    """The client logs each of its retries; the one error that follows says it all."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
