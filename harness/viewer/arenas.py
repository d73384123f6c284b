"""An arena as items: two runs' texts for a prompt, and who was found better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.records import ArenaVerdict, Measures, Prompt, Text, TextKey, short_id
from harness.reports.text import plain
from harness.stored import (
    MANIFEST,
    arena_verdicts,
    read_json,
    read_results,
)
from harness.viewer.items import MARKS, Answer, Item, Panel, Side, View
from harness.viewer.words import (
    across_orders,
    answer_of,
    failures,
    said,
    standing,
    title_of,
)
from harness.viewer.writers import read_writers, text_side

_Match = tuple[str, str, str, str, int]  # run_a, run_b, language, prompt_id, sample
_LOOKED = "{} not found below {}: shown without texts; --runs DIR names the folder they lie in"


@dataclass(frozen=True, slots=True)
class _Wrote:
    """The texts of a player, of all its runs that were found."""

    prompts: dict[tuple[str, str], Prompt]  # by language and prompt_id
    texts: dict[tuple[str, TextKey], Text]
    measures: dict[tuple[str, TextKey], Measures]


def arena_view(folder: Path, *, runs: Path | None = None) -> View:
    """An arena with the texts of its players, as far as their run folders are found: below
    `runs`, else where `harness arena` put the arena beside them."""
    _, results = read_results(folder)
    home = runs or _home(folder)
    wrote, missing = _players(results, home)
    matches: dict[_Match, dict[Any, ArenaVerdict]] = {}
    for one in arena_verdicts(folder):
        match = one.run_a, one.run_b, one.language, one.prompt_id, one.sample
        matches.setdefault(match, {})[one.annotator, one.order, one.repeat] = one
    model, judge = results.get("model"), results.get("judge")
    by = plain(str(model["name"])) if model else "people"
    facts = (
        ("judged by", by),
        ("judge", plain(str(judge["name"])) if judge else ""),
        ("players", ", ".join(plain(str(one["name"])) for one in results["players"])),
    )
    return View(
        f"arena judged by {by}",
        "matches",
        tuple((name, value) for name, value in facts if value),
        (_LOOKED.format(", ".join(missing), home),) if missing else (),
        _items(matches, wrote, by),
    )


def _home(folder: Path) -> Path:
    """The output path an arena lies below, as <output_path>/arena/<8 hex>."""
    return folder.resolve().parent.parent


def _players(results: Mapping[str, Any], home: Path) -> tuple[dict[str, _Wrote], list[str]]:
    """What each player wrote, and the players of whom a run was not found."""
    wanted = {
        str(run["identity_sha256"]): str(player["name"])
        for player in results["players"]
        for run in player["runs"]
    }
    found: dict[str, Path] = {}
    # runs lie as <output_path>/<task>/<run>; no deeper look, for a disk may be large
    for file in sorted({*home.glob(f"*/*/{MANIFEST}"), *home.glob(f"*/{MANIFEST}")}):
        manifest = read_json(file) or {}
        identity = str(manifest.get("identity_sha256"))
        if identity in wanted and manifest.get("status") == "finished":
            found.setdefault(identity, file.parent)
    wrote: dict[str, _Wrote] = {str(one["name"]): _Wrote({}, {}, {}) for one in results["players"]}
    for identity, path in found.items():
        [writer] = read_writers([path])
        own, language = wrote[wanted[identity]], str(writer.run.results["language"])
        own.prompts.update({(language, p.prompt_id): p for p in writer.run.prompts})
        own.texts.update({(language, key): text for key, text in writer.run.texts.items()})
        own.measures.update({(language, key): one for key, one in writer.measures.items()})
    lost = {wanted[identity] for identity in wanted.keys() - found.keys()}
    # people's choices come with texts that are not stored
    nobody = {str(player["name"]) for player in results["players"] if not player["runs"]}
    return wrote, sorted(plain(name) for name in lost | nobody)


def _items(
    matches: Mapping[_Match, Mapping[Any, ArenaVerdict]], wrote: Mapping[str, _Wrote], by: str
) -> Iterator[Item]:
    samples = any(match[4] for match in matches)
    for (run_a, run_b, language, prompt_id, sample), verdicts in matches.items():
        told = list(verdicts.values())
        one = told[0]
        own = wrote.get(run_a), wrote.get(run_b)
        prompts = [w.prompts.get((language, prompt_id)) for w in own if w]
        prompt = next((p.prompt for p in prompts if p), None)
        sides = tuple(
            replace(_side(name, w, prompt, one, text_id, sample), mark=MARKS[letter])
            for name, w, text_id, letter in zip(
                (run_a, run_b), own, (one.a_id, one.b_id), "ab", strict=True
            )
        )
        names = plain(run_a), plain(run_b)
        yield Item(
            id=" · ".join((*names, plain(prompt_id), *([str(sample + 1)] if samples else []))),
            title=title_of(prompt) if prompt is not None else plain(prompt_id),
            sub=f"{names[0]} / {names[1]}",
            prompt=prompt,
            marks="".join(MARKS[verdict.outcome] for verdict in told),
            facts=said(
                ("genre", plain(one.genre)),
                ("tag", plain(one.tag)),
                ("language", language),
                ("sample", sample + 1 if samples else None),
            ),
            facets=_facets(names, told),
            sorts={"margin": _margin(told)},
            panels=(Panel(by, _answers(names, told)),),
            sides=sides,
        )


def _facets(names: tuple[str, str], verdicts: Sequence[ArenaVerdict]) -> dict[str, tuple[str, ...]]:
    one = verdicts[0]
    stood = standing([verdict.outcome for verdict in verdicts])
    winner = {"a": names[0], "b": names[1]}.get(stood, stood)
    return {
        "language": (one.language,),
        "genre": (plain(one.genre),),
        "tag": (plain(one.tag),),
        "player": tuple(dict.fromkeys(names)),
        "winner": (winner,),
        "orders": across_orders(verdicts),
        "failures": failures(verdicts),
        "annotator": tuple(dict.fromkeys(plain(v.annotator) for v in verdicts if v.annotator)),
    }


def _margin(verdicts: Sequence[ArenaVerdict]) -> float | None:
    margins = [one.margin for one in verdicts if one.margin is not None]
    return sum(margins) / len(margins) if margins else None


def _answers(names: tuple[str, str], verdicts: Sequence[ArenaVerdict]) -> tuple[Answer, ...]:
    shown = {"a_first": f"{names[0]} shown first", "b_first": f"{names[1]} shown first", None: ""}
    repeats = any(one.repeat for one in verdicts)
    return tuple(
        answer_of(
            one,
            " · ".join(filter(None, (plain(one.annotator or ""), shown[one.order]))),
            repeats=repeats,
        )
        for one in verdicts
    )


def _side(
    name: str,
    wrote: _Wrote | None,
    prompt: str | None,
    verdict: ArenaVerdict,
    text_id: str | None,
    sample: int,
) -> Side:
    """A text of a match; only the very one that was judged is shown."""
    key = verdict.language, (verdict.prompt_id, sample)
    text = wrote.texts.get(key) if wrote else None
    if wrote is None or text is None:
        return Side(plain(name), None, note="the text is not at hand")
    now = short_id(verdict.language, prompt or "", text.text or "")
    if text_id is not None and text_id != now:
        return Side(plain(name), None, note="the run holds another text than the one judged")
    return text_side(plain(name), text, wrote.measures.get(key))
