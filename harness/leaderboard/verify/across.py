"""The submissions of a board beside each other: one data, and nothing there twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from harness.leaderboard.archive import short
from harness.leaderboard.entries import Submission, at
from harness.leaderboard.verify.findings import Finding
from harness.records import ArenaVerdict, Text, Verdict, canonical
from harness.stored import PAIRS, PROMPTS, TEXTS, VERDICTS


def check_across(submissions: Sequence[Submission]) -> Iterator[tuple[Submission, Finding]]:
    """What is wrong with a submission because of one before it.

    The same pairs for the same data; no run, no set of verdicts or texts, and no model by the
    same judge twice. DataError where a part does not hold: only give what was verified alone.
    """
    seen: dict[tuple[str, str], Submission] = {}
    pairs: dict[str, tuple[str, Submission]] = {}
    for one in submissions:
        for what, key in _keys(one):
            other = seen.setdefault((what, key), one)
            if other is not one:
                yield one, Finding("duplicate", f"{what}: as in {short(other.path.name)}")
        part = {"preference": PAIRS, "writing": PROMPTS}.get(one.kind)
        if part is not None:
            data = f"{one.kind} {at(one.results, 'data', 'sha256')}"
            digest = hashlib.sha256(b"".join(one.archive.chunks(part))).hexdigest()
            first = pairs.setdefault(data, (digest, one))
            if first[0] != digest:
                said = f"other lines than in {short(first[1].path.name)}, and the same data file"
                yield one, Finding("data", said, part)


def _keys(one: Submission) -> Iterator[tuple[str, str]]:
    """What no two submissions of a board may share, by name."""
    yield "the same run", str(one.manifest.get("identity_sha256"))
    data = at(one.results, "data", "sha256")
    yield "the same verdicts or texts", canonical([one.kind, data, _said(one)])
    if one.kind != "arena":
        model = [at(one.results, "model", key) for key in ("name", "revision")]
        judge = [at(one.results, "judge", "sha256"), at(one.manifest, "identity", "orders")]
        yield "the same model by the same judge", canonical([one.kind, data, *model, *judge])


def _said(one: Submission) -> str:
    """One sum over what a run says: its verdicts as they count, or its texts."""
    digest = hashlib.sha256()
    if one.kind == "writing":
        texts = {text.key: text.text for text in one.records(TEXTS, Text)}
        said = sorted([*map(str, key), str(text)] for key, text in texts.items())
    elif one.kind == "arena":
        said = sorted(
            list(map(str, (v.run_a, v.run_b, v.prompt_id, v.sample, v.order, v.repeat, v.outcome)))
            for v in one.records(VERDICTS, ArenaVerdict)
        )
    else:
        last = {v.key: (v.outcome, v.margin) for v in one.records(VERDICTS, Verdict)}
        said = sorted([*map(str, key), *map(str, value)] for key, value in last.items())
    for line in said:
        digest.update(canonical(line).encode())
    return digest.hexdigest()
