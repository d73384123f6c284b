"""The arena: every two runs' texts for every shared prompt, judged, and what it comes to."""

from harness.arena.human import human_arena
from harness.arena.judged import ArenaResult, dry_arena, judged_arena
from harness.arena.setting import ArenaRequest

__all__ = ["ArenaRequest", "ArenaResult", "dry_arena", "human_arena", "judged_arena"]
