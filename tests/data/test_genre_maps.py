"""Genre maps: exact after normalisation, never a guess."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.bundled import bundled_dir
from harness.data.genres import genre_table, load_genres, normalise
from harness.errors import UsageError
from harness.spec_files import SpecError, load_named
from harness.specs import GenreMap

FACTS = Path(__file__).resolve().parents[3] / "shared" / "facts" / "genres_zh.json"


def own_map(**genres: tuple[str, ...]) -> GenreMap:
    return GenreMap(kind="genres", name="own", genres=genres)


def test_the_default_map_places_the_51_chinese_tags_as_appendix_b() -> None:
    if not FACTS.is_file():
        pytest.skip("no ../shared/facts beside this checkout")
    table = load_genres("wpb_appendix_b")
    published = json.loads(FACTS.read_text(encoding="utf-8"))["appendix_b"]
    placed = {tag: genre for genre, tags in published.items() for tag in tags}
    assert len(placed) == 51
    assert {tag: table.of(tag) for tag in placed} == placed


@pytest.mark.parametrize(
    ("tag", "genre"),
    [
        ("Resume / Cover Letter", "Functional Documents"),
        ("resume/cover letter", "Functional Documents"),
        ("Academic Abstract", "Functional Documents"),
        ("Tutorial Guide", "Promotional & Communication"),
        ("Travel Writing", "Non-Fiction"),
        ("Historical Stories", "Fiction"),
        ("Historical Fiction (Costume)", "Fiction"),
        ("Funny Subculture", "Funny"),
        ("Transnational/Cross-language Funny", "Funny"),
        ("Internet Jargon", "Funny"),
        ("poetry", "Poetry"),
        ("Script", "Scriptwriting"),
        ("role playing", "Role-Playing"),
    ],
)
def test_the_english_names_of_both_papers_are_known(tag: str, genre: str) -> None:
    assert load_genres("wpb_appendix_b").of(tag) == genre


@pytest.mark.parametrize("tag", ["Cover Letter", "Poems", "Literary Fiction", "", "!!"])
def test_what_is_near_but_not_named_is_other(tag: str) -> None:
    assert load_genres("wpb_appendix_b").of(tag) == "Other"


def test_no_line_of_the_default_map_says_a_thing_twice() -> None:
    spec = load_named("tasks", "wpb_appendix_b", GenreMap, "genre map")
    for tags in spec.genres.values():
        assert len({normalise(tag) for tag in tags}) == len(tags)


def test_normalising_sets_case_width_spaces_and_punctuation_aside() -> None:
    assert normalise("Ｆairy－Tale / FABLE") == normalise("fairy tale_fable") == "fairytalefable"
    assert normalise("书评-影评-乐评") == "书评影评乐评"


def test_tags_that_fit_nothing_are_one_notice_with_counts() -> None:
    said = load_genres("wpb_appendix_b").notice(["诗歌", "Odd", "Odd", "Rare"])
    assert said is not None
    assert "count as Other: 2 (pairs: 3), 'Odd' 2, 'Rare' 1" in said
    assert load_genres("wpb_appendix_b").notice(["诗歌"]) is None


def test_map_tag_makes_each_tag_its_own_genre() -> None:
    genres = load_genres("tag")
    assert (genres.of("Odd"), genres.of(" "), genres.notice(["Odd"])) == ("Odd", "Other", None)


def test_one_tag_in_two_genres_names_both() -> None:
    with pytest.raises(SpecError, match=r"'short-story' stands in 'A' \(there 'Short Story'\)"):
        genre_table(own_map(A=("Short Story",), B=("short-story",)))
    assert genre_table(own_map(A=("x", "X"))) == {"x": "A"}


def test_a_tag_of_punctuation_alone_is_refused() -> None:
    with pytest.raises(SpecError, match="no letter and no digit"):
        genre_table(own_map(A=("--",)))


def test_an_unknown_map_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'wpb_appendix_b'"):
        load_genres("wpb_apendix")


def test_a_map_may_be_a_file() -> None:
    path = bundled_dir("tasks") / "genres" / "wpb_appendix_b.yaml"
    assert load_genres(str(path)).sha256 == load_genres("wpb_appendix_b").sha256
