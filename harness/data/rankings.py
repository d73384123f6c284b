"""What people said of models' texts, from any number of files: the verdicts of an arena."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.fields import Bad, ignored, refusal
from harness.data.genres import Genres, load_genres
from harness.data.judged import About, Choice
from harness.data.judged_files import JudgedFile, open_files
from harness.errors import DataError, UsageError
from harness.records import ArenaOutcome, ArenaVerdict, Language, Text, json_line

_FACTS = ("prompt", "tag", "genre", "language")  # what all rows about a prompt must agree on
_Key = tuple[str, str, str, str]  # annotator, prompt_id, and two models in the order of names


@dataclass(frozen=True, slots=True)
class HumanFile:
    """A file that was read: its base name, the sha256 of its bytes, its number of rows."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class HumanChoices:
    """People's choices as the lines of an arena, sorted by models, prompt and annotator.

    `order` is null in every line: nobody knows what was shown first. `sha256` is of these lines,
    so the order of files and rows does not move it, and whatever is read from a row does. `runs`
    (the models) and `annotators` are sorted names, `prompts` has each prompt_id's string, empty
    where no row tells it. `responses` are (model, text) of what the rows hold of the texts.
    """

    verdicts: tuple[ArenaVerdict, ...]
    responses: tuple[tuple[str, Text], ...]
    prompts: Mapping[str, str]
    runs: tuple[str, ...]
    annotators: tuple[str, ...]
    notices: tuple[str, ...]
    files: tuple[HumanFile, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class _Fact:
    """Something said of a prompt, and where for the first time."""

    value: str
    where: str


def read_human(
    paths: Sequence[Path],
    *,
    language: Language | None = None,
    genre_map: str = "wpb_appendix_b",
    include: tuple[Path, ...] = (),
) -> HumanChoices:
    """The choices in files of rankings (`ranking_rows`) and of pairwise choices (`choice_rows`).

    A file is CSV unless it begins as JSON does. The annotator is the row's own, else the file's
    stem, with the folder before it where two files share a stem. Within a file an annotator's
    last word on two models and a prompt counts; in a second file there may be none. A prompt's
    language is what a row says, else what its text is written in, else `language`; its genre what
    a row says, else that of its tag.

    Raises DataError for files that cannot be read and for bad rows (of all files in one message),
    UsageError for a file that is not there or given twice, and where a prompt's language is
    unknown.
    """
    genres = load_genres(genre_map, include)
    files = open_files(paths)
    facts: dict[str, dict[str, _Fact]] = {}
    choices: dict[_Key, tuple[JudgedFile, ArenaOutcome]] = {}
    written: dict[tuple[str, str], _Fact] = {}
    repeated, problems = 0, []
    for file in files:
        bad, again = _gather(file, facts, choices, written)
        repeated += again
        if bad:
            problems.append(refusal(str(file.path), bad, file.read.rows, way_out="mend them"))
    if problems:
        raise DataError("\n".join(problems))
    languages = _languages(facts, language)
    verdicts = tuple(
        _verdict(key, choices[key][1], facts[key[1]], languages[key[1]], genres)
        for key in sorted(choices, key=lambda key: (key[2], key[3], key[1], key[0]))
    )
    return HumanChoices(
        verdicts=verdicts,
        responses=tuple(_responses(written, facts, languages, genres)),
        prompts={
            name: own["prompt"].value if "prompt" in own else "" for name, own in facts.items()
        },
        runs=tuple(sorted({run for one in verdicts for run in (one.run_a, one.run_b)})),
        annotators=tuple(sorted({annotator for annotator, *_ in choices})),
        notices=tuple(_notices(files, repeated, facts, genres)),
        files=tuple(HumanFile(one.path.name, one.sha256, one.read.rows) for one in files),
        sha256=hashlib.sha256("".join(map(json_line, verdicts)).encode()).hexdigest(),
    )


def _gather(
    file: JudgedFile,
    facts: dict[str, dict[str, _Fact]],
    choices: dict[_Key, tuple[JudgedFile, ArenaOutcome]],
    written: dict[tuple[str, str], _Fact],
) -> tuple[list[Bad], int]:
    """Add a file's rows to what is known; its bad rows, and how many choices were made again."""
    bad = list(file.read.bad)
    repeated = 0
    for place, row in file.read.good:
        own = facts.setdefault(row.prompt_id, {})
        problems = _contradictions(row.about, own, f"{file.path}: {place}")
        for model, response in row.responses.items():
            first = written.setdefault(
                (model, row.prompt_id), _Fact(response, f"{file.path}: {place}")
            )
            if first.value != response:
                problems.append(f"another text of {model!r} than in {first.where}")
        annotator = row.about.annotator or file.annotator
        for choice in row.choices:
            key, outcome = _by_name(annotator, row.prompt_id, choice)
            before = choices.get(key)
            if before is not None and before[0] is not file:
                problems.append(
                    f"annotator {annotator!r} judged {key[2]!r} and {key[3]!r} for "
                    f"{row.prompt_id!r} in {before[0].path}, too"
                )
            else:
                repeated += before is not None
                choices[key] = file, outcome
        if problems:
            bad.append((place, problems))
    return bad, repeated


def _contradictions(about: About, own: dict[str, _Fact], where: str) -> list[str]:
    """What a row says of its prompt against what was said before; new facts go to `own`."""
    problems = []
    for field in _FACTS:
        said: str | None = getattr(about, field)
        if said is None:
            continue
        first = own.setdefault(field, _Fact(said.strip(), where))
        if first.value != said.strip():
            problems.append(
                f"field prompt: another text than in {first.where}; each prompt has its own id"
                if field == "prompt"
                else f"field {field}: {said.strip()!r}, but {first.value!r} in {first.where}"
            )
    return problems


def _by_name(annotator: str, prompt_id: str, choice: Choice) -> tuple[_Key, ArenaOutcome]:
    """The choice with its models in the order of their names."""
    if choice.model_a < choice.model_b:
        return (annotator, prompt_id, choice.model_a, choice.model_b), choice.winner
    turned: dict[ArenaOutcome, ArenaOutcome] = {"a": "b", "b": "a"}
    key = annotator, prompt_id, choice.model_b, choice.model_a
    return key, turned.get(choice.winner, choice.winner)


def _languages(
    facts: Mapping[str, Mapping[str, _Fact]], fallback: Language | None
) -> dict[str, Language]:
    """The language of each prompt; UsageError where nothing says it."""
    from harness.metrics.language import written_in

    found: dict[str, Language | None] = {}
    for prompt_id, own in facts.items():
        said = own["language"].value if "language" in own else None
        if said is None and "prompt" in own:
            said = written_in(own["prompt"].value)
        found[prompt_id] = "zh" if said == "zh" else "en" if said == "en" else fallback
    unknown = [prompt_id for prompt_id, known in found.items() if known is None]
    if unknown:
        raise UsageError(
            f"nothing says the language of {len(unknown):,} prompts (such as {unknown[0]!r}): "
            "give their rows a language, zh or en, or the prompt's text, or say it for all of them "
            "with --language"
        )
    return {prompt_id: known for prompt_id, known in found.items() if known is not None}


def _genre(own: Mapping[str, _Fact], genres: Genres) -> tuple[str, str]:
    """The tag and the genre of a prompt."""
    tag = own["tag"].value if "tag" in own else ""
    return tag, own["genre"].value if "genre" in own else genres.of(tag)


def _responses(
    written: Mapping[tuple[str, str], _Fact],
    facts: Mapping[str, Mapping[str, _Fact]],
    languages: Mapping[str, Language],
    genres: Genres,
) -> Iterator[tuple[str, Text]]:
    for (model, prompt_id), response in sorted(written.items(), key=lambda item: item[0]):
        about = (*_genre(facts[prompt_id], genres), languages[prompt_id])
        yield model, Text(prompt_id, *about, response.value)


def _verdict(
    key: _Key,
    outcome: ArenaOutcome,
    own: Mapping[str, _Fact],
    language: Language,
    genres: Genres,
) -> ArenaVerdict:
    annotator, prompt_id, run_a, run_b = key
    tag, genre = _genre(own, genres)
    return ArenaVerdict(
        run_a, run_b, prompt_id, tag, genre, language, None, outcome, annotator=annotator
    )


def _notices(
    files: Sequence[JudgedFile],
    repeated: int,
    facts: Mapping[str, Mapping[str, _Fact]],
    genres: Genres,
) -> list[str]:
    said = [f"{file.path.name}: {notice}" for file in files for notice in ignored(file.read.extra)]
    if repeated:
        said.append(f"choices made again by the same annotator: {repeated:,}; the last one counts")
    bare = sum("tag" not in own and "genre" not in own for own in facts.values())
    if bare:
        said.append(f"prompts without a tag or a genre count as Other: {bare:,}")
    tags = (own["tag"].value for own in facts.values() if "tag" in own and "genre" not in own)
    unknown = genres.notice(tags, of="prompts")
    return [*said, *([unknown] if unknown else [])]
