"""Rows of prompts -> the distinct prompts, each under an id of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.data.prompt_rows import PromptRow
from harness.data.quirks import SHORT_PROMPT

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Distinct:
    """`rows` has the first row of each distinct prompt, in order of the file, under the prompt_id
    it counts under; `aliases` are the other ids it stands under. `short_prompts` counts distinct
    prompts that were left out as too short, `short_ids` are the ids of nothing else."""

    rows: tuple[PromptRow, ...]
    aliases: Mapping[str, str]
    short_prompts: int
    short_ids: tuple[str, ...]
    notices: tuple[str, ...]


def distinct(rows: Sequence[PromptRow]) -> Distinct:
    """Each exact prompt string once; what `load_prompts` says of ids and short prompts."""
    kept = [row for row in rows if not _is_short(row.prompt)]
    short = [row for row in rows if _is_short(row.prompt)]
    owners: dict[str, dict[str, int]] = {}  # prompt_id -> the prompts it stands for, numbered
    for row in kept:
        own = owners.setdefault(row.prompt_id, {})
        own.setdefault(row.prompt, len(own) + 1)
    first: dict[str, PromptRow] = {}
    taken = set(owners)
    for row in kept:
        if row.prompt not in first:
            first[row.prompt] = PromptRow(_own_id(row, owners, taken), row.prompt, row.tag)
    aliases = {
        prompt_id: first[prompt].prompt_id
        for prompt_id, own in owners.items()
        for prompt in own
        if len(own) == 1 and first[prompt].prompt_id != prompt_id
    }
    return Distinct(
        rows=tuple(first.values()),
        aliases=aliases,
        short_prompts=len({row.prompt for row in short}),
        short_ids=tuple(dict.fromkeys(r.prompt_id for r in short if r.prompt_id not in owners)),
        notices=(*_short_notice(short), *_id_notices(aliases, owners)),
    )


def _is_short(prompt: str) -> bool:
    return len(prompt.strip()) < SHORT_PROMPT


def _own_id(row: PromptRow, owners: Mapping[str, Mapping[str, int]], taken: set[str]) -> str:
    """The row's prompt_id, numbered where other prompts stand under it, too."""
    own = owners[row.prompt_id]
    if len(own) == 1:
        return row.prompt_id
    numbered = f"{row.prompt_id}-{own[row.prompt]}"
    while numbered in taken:
        numbered += "x"
    taken.add(numbered)
    return numbered


def _short_notice(short: Sequence[PromptRow]) -> list[str]:
    if not short:
        return []
    prompts = len({row.prompt for row in short})
    return [
        f"prompts under {SHORT_PROMPT} characters (such as {short[0].prompt.strip()!r}) are left "
        f"out: {prompts:,} (rows: {len(short):,})"
    ]


def _id_notices(aliases: Mapping[str, str], owners: Mapping[str, Mapping[str, int]]) -> list[str]:
    said = []
    if aliases:
        said.append(
            f"prompt ids whose prompt stands under another id before: {_listed(list(aliases))}; "
            "the first id counts"
        )
    shared = [prompt_id for prompt_id, own in owners.items() if len(own) > 1]
    if shared:
        said.append(
            f"prompt ids that stand for several prompts: {_listed(shared)}; their prompts are "
            f"numbered, as {shared[0]}-1 and {shared[0]}-2"
        )
    return said


def _listed(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
    return f"{len(ids):,} ({', '.join(repr(one) for one in ids[:_SHOWN])}{more})"
