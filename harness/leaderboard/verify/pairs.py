"""Which pairs or prompts a submission is about: all of the file's, as the file has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.data import Dataset, PromptSet, task_genres
from harness.leaderboard.archive import short
from harness.leaderboard.entries import at
from harness.leaderboard.submit import refusals, tasks_of
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding, note
from harness.records import PairFacts, Prompt, canonical
from harness.results import pair_facts
from harness.stored import PAIRS, PROMPTS, RESULTS


def check_board(case: Case) -> Iterator[Finding]:
    """Whether the run is one that the board ranks (docs/design.md 4.7)."""
    task, submission, results = case.standard.task, case.submission, case.results
    if submission.meta.board != case.standard.board:
        yield Finding(
            "board", f"made for board {submission.meta.board}, held against {case.standard.board}"
        )
    kinds = {"preference": ("preference",), "writing": ("writing", "arena")}[task.kind]
    if results.get("kind") != submission.kind or submission.kind not in kinds:
        said = f"a run of kind {short(results.get('kind'))} as {submission.kind}; the board takes "
        yield Finding("board", said + " or ".join(kinds), RESULTS)
    try:
        tasks = tasks_of(results)
        unfit = [] if case.standard.given else list(refusals(task, case.manifest, results))
        players = list(_players(case)) if submission.kind == "arena" else []
    except (KeyError, TypeError, AttributeError, ValueError):
        yield Finding("schema", "data or players are not what results.json has", RESULTS)
        return
    if task.name not in tasks:
        yield Finding("board", f"a run of {short(sorted(map(str, tasks)))}, not of {task.name}")
    for why in unfit:
        yield Finding("board", why, RESULTS)
    yield from players
    if submission.kind != "arena" and not unfit and at(results, "data", "replaced") is True:
        yield note("data", "made with --data: not the task's own file, so no row beside others")


def _players(case: Case) -> Iterator[Finding]:
    """The data that an arena's players wrote for, where others were given for the task's."""
    data, task = case.standard.data, case.standard.task
    if not case.standard.given or data is None:
        return
    for player in case.results["players"]:
        for run in player["runs"]:
            if run["task"] == task.name and run.get("data_sha256") != data.sha256:
                said = f"player {short(player['name'])} wrote for other data than {data.file}"
                yield Finding("data", said, RESULTS)


def check_pairs(case: Case) -> Iterator[Finding]:
    """pairs.jsonl against the data file; without it, the genres of its tags alone."""
    pairs = list(case.submission.records(PAIRS, PairFacts))
    twice = len(pairs) - len({pair.pair_id for pair in pairs})
    if twice:
        yield Finding("data", f"{twice:,} pair_ids stand twice", PAIRS)
    data = _data(case)
    if data is None:
        yield from _not_at_hand(case, PAIRS)
        yield from _check_genres(case, [(pair.tag, pair.genre) for pair in pairs], PAIRS)
        return
    assert isinstance(data, Dataset)
    expected = {one.pair_id: one for one in pair_facts(data.pairs)}
    yield from _compared([(one.pair_id, one) for one in pairs], expected, PAIRS, "pair")


def check_prompts(case: Case) -> Iterator[Finding]:
    """prompts.jsonl against the data file."""
    prompts = list(case.submission.records(PROMPTS, Prompt))
    twice = len(prompts) - len({prompt.prompt_id for prompt in prompts})
    if twice:
        yield Finding("data", f"{twice:,} prompt_ids stand twice", PROMPTS)
    data = _data(case)
    if data is None:
        yield from _not_at_hand(case, PROMPTS)
        yield from _check_genres(case, [(one.tag, one.genre) for one in prompts], PROMPTS)
        return
    assert isinstance(data, PromptSet)
    expected = {one.prompt_id: one for one in data.prompts}
    yield from _compared([(one.prompt_id, one) for one in prompts], expected, PROMPTS, "prompt")


def _data(case: Case) -> Dataset | PromptSet | None:
    """The data to hold the run against: those at hand, unless it says it was made with others."""
    data, given = case.standard.data, case.standard.given
    other = not given and case.standard.task.source.sha256 is None
    if other and at(case.results, "data", "replaced") is True:
        return None
    return data


def check_data(case: Case) -> Iterator[Finding]:
    """The data's sum and counts in results.json against the file."""
    data, said = _data(case), at(case.results, "data")
    if data is None or not isinstance(said, dict):
        return
    if said.get("sha256") != data.sha256:
        yield Finding("data", f"data.sha256 is not that of {short(data.file)}", RESULTS)
    if not case.standard.given and said.get("file") != data.file:
        yield Finding("data", f"data.file is not {short(data.file)}", RESULTS)


def _not_at_hand(case: Case, part: str) -> Iterator[Finding]:
    task = case.standard.task
    yield note(
        "data",
        f"{part} not checked against the data file: it is not at hand (harness data fetch "
        f"{task.name}, or --data {task.name}=FILE)",
    )


def _check_genres(case: Case, tags: Sequence[tuple[str, str]], part: str) -> Iterator[Finding]:
    genres = task_genres(case.standard.task)
    for line, (tag, genre) in enumerate(tags, 1):
        if genre != genres.of(tag):
            yield Finding(
                "data",
                f"tag {short(tag)} is of genre {genres.of(tag)!r} in {genres.name}, not of "
                f"{short(genre)}",
                part,
                line,
            )


def _compared(
    found: Sequence[tuple[str, Any]], expected: Mapping[str, Any], part: str, what: str
) -> Iterator[Finding]:
    """Records against those of the file, by id; then their order."""
    whole = len(found) == len(expected)
    for line, (name, one) in enumerate(found, 1):
        other = expected.get(name)
        if other is None:
            yield Finding("data", f"{what} {short(name)} is not in the data file", part, line)
            continue
        unlike = [
            field
            for field in one.__slots__
            # clusters are numbered among the pairs there are
            if (whole or field != "cluster")
            and canonical(getattr(one, field)) != canonical(getattr(other, field))
        ]
        if unlike:
            said = f"{what} {short(name)}: {', '.join(unlike)} not as in the data file"
            yield Finding("data", said, part, line)
    lost = expected.keys() - {name for name, _ in found}
    if lost:
        few = ", ".join(sorted(lost)[:3])
        yield Finding(
            "data", f"{len(lost):,} of the file's {len(expected):,} {what}s are not there ({few})",
            part,
        )  # fmt: skip
    elif whole and [name for name, _ in found] != list(expected):
        yield Finding("data", f"the {what}s do not stand in the order of the file", part)
