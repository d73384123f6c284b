"""Forced rankings as COIG-Writer's annotation tool exports them -> choices between two models."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

from harness.data.fields import check_keys, identifier, optional_text
from harness.data.judged import ABOUT, Choice, Judged, Judgement, Winner, about, judged
from harness.data.rows import json_type, parse_rows

_KEYS = ("sequence_number", "question_id", "ranked_responses", *ABOUT)
_RANKED_KEYS = ("rank", "source_file", "my_response")


def read_rankings(content: bytes, name: str) -> Judged:
    """The rows of a JSON list or JSONL of `{sequence_number, question_id, prompt,
    ranked_responses: [{rank, source_file, my_response}]}`, 1 being the best rank.

    `source_file` names the model. Every two models of a ranking are a choice, a tie where their
    ranks are equal. DataError for a file that cannot be read as rows.
    """
    return judged(parse_rows(content, name), _check)


def _check(found: dict[str, Any], problems: list[str], extra: Counter[str]) -> Judgement | None:
    check_keys(found, _KEYS, problems, extra)
    prompt_id = identifier(found, "question_id", problems)
    said = about(found, problems)
    ranks, responses = _ranked(found, problems, extra)
    if prompt_id is None or problems:
        return None
    choices = (Choice(a, b, _winner(ranks[a], ranks[b])) for a, b in combinations(ranks, 2))
    return Judgement(prompt_id, tuple(choices), said, responses)


def _winner(rank_a: int, rank_b: int) -> Winner:
    return "tie" if rank_a == rank_b else "a" if rank_a < rank_b else "b"


def _ranked(
    found: dict[str, Any], problems: list[str], extra: Counter[str]
) -> tuple[dict[str, int], dict[str, str]]:
    """The rank of each model, and its text where the row holds it."""
    listed = found.get("ranked_responses")
    if not isinstance(listed, list):
        missing = "ranked_responses" not in found
        said = "missing" if missing else f"must be a list, not {json_type(listed)}"
        problems.append(f"field ranked_responses: {said}")
        return {}, {}
    ranks: dict[str, int] = {}
    responses: dict[str, str] = {}
    for i, one in enumerate(listed):
        field = f"ranked_responses.{i}"
        if not isinstance(one, dict):
            problems.append(f"field {field}: must be an object, not {json_type(one)}")
            continue
        check_keys(one, _RANKED_KEYS, problems, extra, "ranked_responses.")
        model = identifier(one, "source_file", problems, f"{field}.")
        rank = one.get("rank")
        if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
            got = f"{rank!r}" if isinstance(rank, int | float | str) else json_type(rank)
            said = f"must be a whole number from 1 up, not {got}" if "rank" in one else "missing"
            problems.append(f"field {field}.rank: {said}")
        elif model is not None:
            if model in ranks:
                problems.append(f"field {field}.source_file: {model!r} is ranked twice")
            ranks[model] = rank
            response = optional_text(one, "my_response", problems, f"{field}.")
            if response is not None:
                responses[model] = response
    if len(listed) < 2:
        problems.append(f"field ranked_responses: {len(listed)} of at least 2 responses")
    return ranks, responses
