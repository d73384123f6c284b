"""Which language a text is written in, told by its script."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.records import WrittenIn

FEWEST_WORDS = 50  # names, titles and rhymes hold few function words: too short to tell by them
FUNCTION_WORDS = 0.03
JAPANESE = 0.25
# Words that hardly stand in other languages' texts, as "in", "he" and "you" do.
_ENGLISH = re.compile(
    "the|of|and|to|is|that|it|with|as|his|at|by|this|are|from|or|not|but|have|has|they|their|my|"
    "your|which|were|what|would|there|if|when|who|into|about|than|its|our|been|could",
    re.IGNORECASE,
).fullmatch
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|(?:https?://|www\.)[!-~]+", re.DOTALL)
_HAN = re.compile("[々〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_KANA = re.compile("[ぁ-ゖゝ-ゟァ-ヺー-ヿㇰ-ㇿｦ-ﾟ]+")
_HANGUL = re.compile("[\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e]+")
# with accents set apart, phonetic and small capitals, full width, and the bold of mathematics
_LATIN = "A-Za-zªºÀ-ÖØ-öø-ʯ\u0300-\u036fᴀ-ᴥḀ-ỿＡ-Ｚａ-ｚ\U0001d400-\U0001d6a5"
_WORD = re.compile(f"[{_LATIN}]+(?:['’][{_LATIN}]+)*")
_LETTERS = re.compile(r"[^\W\d_]+")


def written_in(text: str) -> WrittenIn | None:
    """The language of a text: zh, en, other, or null for a text without letters.

    The units of a text are its Han characters, its kana and hangul, each one unit, and its words
    in alphabets: letters in a row, in Latin script with the apostrophes between them. The script
    of more than half of them decides, Han also with exactly half: Chinese texts hold Latin names
    far oftener than English ones hold Han.

    - Han: zh, simplified or traditional, unless kana are over 25 % of Han and kana: Japanese.
    - Latin: en, unless it is plainly something else: of its words, 50 or more, under 3 % are
      among some forty English ones such as "the". English prose has 13 % and more of them, a
      menu or a list of ingredients 3.4 to 6.5 %, French, German, Spanish and Dutch 0 to 1.3 %.
    - Another script, or none with more than half: other.

    Code between three backticks, or one, and web addresses are left out, unless nothing with
    letters is left. Digits, punctuation, symbols and emoji count nowhere.
    """
    if "`" in text or "://" in text or "www." in text:
        prose = _CODE.sub(" ", text)
        if any(map(str.isalpha, prose)):
            text = prose
    han, rest = _taken(_HAN, text)
    kana, rest = _taken(_KANA, rest)
    if han and 2 * han >= len(text):  # half of the units for certain: none has no character
        return _chinese(han, kana)
    hangul, rest = _taken(_HANGUL, rest)
    between = _WORD.split(rest)
    words = len(between) - 1
    # a run of word characters that is none of str.isalpha: numerals, circled, Roman, fractions
    others = sum(map(str.isalpha, _LETTERS.findall(" ".join(between))))
    units = han + kana + hangul + words + others
    if not units:
        return None
    if 2 * han >= units:
        return _chinese(han, kana)
    return "en" if 2 * words > units and not _foreign(_WORD.findall(rest)) else "other"


def _chinese(han: int, kana: int) -> WrittenIn:
    """What a text of Han characters is, by the kana among them."""
    return "zh" if kana <= JAPANESE * (han + kana) else "other"


def _taken(pattern: re.Pattern[str], text: str) -> tuple[int, str]:
    """How many characters belong to a script, and the text without them."""
    parts = pattern.split(text)
    rest = " ".join(parts)
    return len(text) - len(rest) + len(parts) - 1, rest


def _foreign(words: Sequence[str]) -> bool:
    """Enough words in Latin letters, and next to none of them English."""
    if len(words) < FEWEST_WORDS:
        return False
    return sum(map(bool, map(_ENGLISH, words))) < FUNCTION_WORDS * len(words)
