"""Speed measured here and now, as ratios in one run, beside the way it is usually done."""

from harness.bench.scoring import bench_scoring

__all__ = ["bench_scoring"]
