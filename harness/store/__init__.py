"""Where run folders are written, and nowhere else."""

from harness.store.files import write_atomic, writing
from harness.store.folder import (
    RunFolder,
    Standing,
    identity_sha256,
    open_run,
    run_path,
    slug,
)

__all__ = [
    "RunFolder", "Standing", "identity_sha256", "open_run", "run_path", "slug", "write_atomic",
    "writing",
]  # fmt: skip
