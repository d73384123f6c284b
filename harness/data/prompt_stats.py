"""What a careful reader wants to know of a file of prompts before having them written."""

from __future__ import annotations

from dataclasses import dataclass

from harness.data.prompts import PromptSet
from harness.data.stats import Spread, spread, tags_by_genre


@dataclass(frozen=True, slots=True)
class PromptStats:
    """Counts over the distinct prompts of one file; lengths are characters of the unstripped
    prompts. `aliases` counts prompt ids beside the first of a prompt. `tags_by_genre` is sorted,
    the commonest first."""

    prompts: int
    short_prompts: int
    aliases: int
    tags: int
    tags_by_genre: dict[str, dict[str, int]]
    prompt_length: Spread


def describe_prompts(data: PromptSet) -> PromptStats:
    """The statistics of a file's prompts."""
    return PromptStats(
        prompts=len(data.prompts),
        short_prompts=data.short_prompts,
        aliases=len(data.aliases),
        tags=len({prompt.tag for prompt in data.prompts}),
        tags_by_genre=tags_by_genre((prompt.genre, prompt.tag) for prompt in data.prompts),
        prompt_length=spread(len(prompt.prompt) for prompt in data.prompts),
    )
