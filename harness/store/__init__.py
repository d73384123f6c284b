"""Where run folders are written, and nowhere else."""

from harness.store.arena import ArenaFolder, HumanFolder
from harness.store.files import write_atomic, writing
from harness.store.folder import Folder, identity_sha256, open_run, run_path, slug
from harness.store.pairs import RunFolder, Standing
from harness.store.texts import WritingFolder

__all__ = [
    "ArenaFolder", "Folder", "HumanFolder", "RunFolder", "Standing", "WritingFolder",
    "identity_sha256", "open_run", "run_path", "slug", "write_atomic", "writing",
]  # fmt: skip
