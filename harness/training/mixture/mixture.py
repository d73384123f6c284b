"""The mixture a writer is trained on: every source drawn, counted, and set against the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.data.triplets import TripletFile
from harness.progress import Progress
from harness.records import Triplet, sha256_ids
from harness.specs import SftTraining
from harness.training.mixture.contamination import ContaminationError, Hit
from harness.training.mixture.draw import DrawCounts, Drawn, TooFew, draw
from harness.training.mixture.ratio import CREATIVE, check_ratio, ratio_of, too_few, wanted

_SHOWN = 10
_WHAT = {"prompt": "the prompt", "chosen": "the chosen text", "rejected": "the rejected text"}
_NOTHING = Drawn((), (), DrawCounts(0, 0, 0, 0, 0, 0, 0), ())


@dataclass(frozen=True, slots=True)
class Mixture:
    """The sources in the recipe's order, each drawn; `files` are what they were drawn from.

    `ratio_samples` is general over creative rows, null where there is no creative one. `shared`
    counts the rows that stand in two sources or more; they are kept in each.
    """

    sources: Mapping[str, Drawn]
    files: Mapping[str, TripletFile]
    ratio_samples: float | None
    shared: int

    def manifest(self, tokens_of: Callable[[Triplet], int]) -> dict[str, Any]:
        """The manifest's `mixture`; `tokens_of` counts the tokens a row is trained with.

        Of a source: `n`, `tokens`, `sha256_ids`, `ids` (in the order of the draw) and
        `without_thought` are of the rows trained on, `eval` has the same of those kept back;
        `rows` and `dropped` are of the file, the other counts those of `DrawCounts`.
        """
        sources = {name: self._source(name, tokens_of) for name in self.sources}
        tokens = {name: source["tokens"] for name, source in sources.items()}
        return {
            "sources": sources,
            "shared": self.shared,
            "ratio_samples": self.ratio_samples,
            "ratio_tokens": ratio_of(tokens),
        }

    def _source(self, name: str, tokens_of: Callable[[Triplet], int]) -> dict[str, Any]:
        drawn, file = self.sources[name], self.files.get(name)
        return {
            **_rows(drawn.train, tokens_of),
            "ids": [row.id for row in drawn.train],
            "without_thought": sum(row.thought is None for row in drawn.train),
            "eval": _rows(drawn.eval, tokens_of),
            "file": file.file if file else None,
            "sha256": file.sha256 if file else None,
            "revision": file.revision if file else None,
            **asdict(drawn.counts),
            "rows": file.rows if file else 0,
            "dropped": len(file.dropped) if file else 0,
        }


def make_mixture(
    recipe: SftTraining,
    files: Mapping[str, TripletFile],
    *,
    tokens: Callable[[Triplet], int],
    hit: Callable[[Triplet], Hit | None] | None,
    progress: Progress,
    learns: Callable[[Triplet], bool] = lambda _: True,
) -> Mixture:
    """Draw every source of a recipe (`draw` has the rules); `files` lacks those of no rows.

    Near-duplicates are judged within a source, so that recipes which differ in one source share
    the rows of the others. Raises DataError for all sources with too few rows in one message,
    ContaminationError for all rows that hold texts of the tests, UsageError for a `ratio` that
    no draw can have.
    """
    check_ratio(recipe, recipe.data[CREATIVE].n if CREATIVE in recipe.data else None)
    sizes: dict[str, int] = {}
    drawn: dict[str, Drawn] = {}
    short: list[TooFew] = []
    for name in sorted(recipe.data, key=lambda name: name != CREATIVE):  # ratio hangs on it
        if name not in files:
            drawn[name] = _NOTHING
            continue
        source = recipe.data[name]
        try:
            drawn[name] = draw(
                files[name].triplets,
                n=wanted(recipe, sizes)[name],
                eval_n=source.eval_n,
                seed=recipe.seed,
                tokens=tokens,
                max_length=recipe.max_length,
                over_long=recipe.over_long,
                near_duplicates=recipe.near_duplicates,
                hit=hit,
                contaminated=recipe.contaminated,
                name=name,
                progress=progress,
                learns=learns,
            )
        except TooFew as error:
            if recipe.ratio is not None and name == CREATIVE:
                raise
            short.append(error)
            continue
        sizes[name] = len(drawn[name].train)
        if name == CREATIVE:
            check_ratio(recipe, sizes[name])
    if short:
        raise too_few(recipe, short, sizes)
    sources = {name: drawn[name] for name in recipe.data}
    if recipe.contaminated == "refuse":
        _refuse_hits(sources)
    shared = _shared(sources)
    if shared:
        progress.notice(f"rows that stand in two sources and are kept in both: {shared:,}")
    return Mixture(sources, files, ratio_of(sizes), shared)


def ratio_line(mixture: Mapping[str, Any]) -> list[str]:
    """What a mixture is made of, in lines to print: a row a source, and the two ratios.

    `mixture` is the manifest's.
    """
    sources: Mapping[str, Mapping[str, Any]] = mixture["sources"]
    n = {name: source["n"] for name, source in sources.items()}
    tokens = {name: source["tokens"] for name, source in sources.items()}
    rows = [("source", "samples", "tokens", "of the file's rows")]
    rows += [
        (name, f"{n[name]:,}", f"{tokens[name]:,}", _told(one)) for name, one in sources.items()
    ]
    rows.append(("all", f"{sum(n.values()):,}", f"{sum(tokens.values()):,}", ""))
    wide = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = [
        f"{name:<{wide[0]}}  {count:>{wide[1]}}  {size:>{wide[2]}}  {said}".rstrip()
        for name, count, size, said in rows
    ]
    if mixture["ratio_samples"] is None:
        return [*lines, "creative:general: there is no creative row"]
    ratios = [
        f"1:{mixture[key]:.2f} in {unit}"
        for key, unit in (("ratio_samples", "samples"), ("ratio_tokens", "tokens"))
        if mixture[key] is not None
    ]
    return [*lines, f"creative:general {', '.join(ratios)}"]


def _told(source: Mapping[str, Any]) -> str:
    """What became of the other rows of a source."""
    if source["file"] is None:
        return "none is used"
    said = [f"{source['rows']:,}"]
    if source["eval"]["n"]:
        said.append(f"{source['eval']['n']:,} kept back to evaluate on")
    words = {
        "dropped": "dropped without a thought",
        "duplicates": "duplicates",
        "near_duplicates": "near-duplicates",
        "over_long": "over-long",
        "contaminated": "contaminated",
        "truncated": "cut to max_length",
        "without_thought": "answers without a thought",
    }
    return ", ".join(
        [*said, *(f"{source[key]:,} {word}" for key, word in words.items() if source[key])]
    )


def _rows(rows: Sequence[Triplet], tokens_of: Callable[[Triplet], int]) -> dict[str, Any]:
    ids = [row.id for row in rows]
    return {"n": len(rows), "tokens": sum(map(tokens_of, rows)), "sha256_ids": sha256_ids(ids)}


def _refuse_hits(sources: Mapping[str, Drawn]) -> None:
    hits = [(name, row, hit) for name, drawn in sources.items() for row, hit in drawn.hits]
    if not hits:
        return
    tasks = Counter(hit.task for _, _, hit in hits)
    lines = [f"{len(hits):,} rows of the mixture hold texts that models are tested on:"]
    lines += [f"  of {task}: {count:,}" for task, count in sorted(tasks.items())]
    lines += [
        f"  {name} row {row.row}: {_WHAT[hit.text]} of {hit.task} {hit.prompt_id} ({_how(hit)})"
        for name, row, hit in hits[:_SHOWN]
    ]
    if len(hits) > _SHOWN:
        lines.append(f"  and {len(hits) - _SHOWN:,} more")
    lines.append(
        "--set contaminated=drop leaves them out; --set contamination=... names the tasks to keep "
        "clear of (none: no check)"
    )
    raise ContaminationError("\n".join(lines))


def _how(hit: Hit) -> str:
    return "exact" if hit.how == "exact" else f"{hit.how}, {100 * hit.share:.0f} % of it"


def _shared(sources: Mapping[str, Drawn]) -> int:
    ids = [{row.id for row in (*drawn.train, *drawn.eval)} for drawn in sources.values()]
    found = Counter(id_ for own in ids for id_ in own)
    return sum(count > 1 for count in found.values())
