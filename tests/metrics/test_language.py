"""Which language a text is in: mixed scripts, names, code, and languages that are neither."""

from __future__ import annotations

import json

import pytest

from harness.metrics.language import written_in

FRENCH = (
    "Le soir tombait sur la ville et les passants se hâtaient sous la pluie. Dans la petite "
    "librairie du coin, une femme âgée rangeait les derniers livres sur l'étagère en chêne. Elle "
    "se souvenait du jour où son mari avait ouvert la boutique, il y a quarante ans, avec trois "
    "caisses de romans et beaucoup d'espoir. On ne vend plus de livres, disait le voisin."
)
GERMAN = (
    "Am Abend fiel der Regen auf die Stadt, und die Menschen eilten nach Hause. In der kleinen "
    "Buchhandlung an der Ecke stellte eine alte Frau die letzten Bücher in das Regal aus Eiche. "
    "Sie dachte an den Tag, an dem ihr Mann den Laden vor vierzig Jahren eröffnet hatte, mit drei "
    "Kisten voller Romane und viel Hoffnung. Heute kaufen die Leute keine Bücher mehr."
)
SPANISH = (
    "La lluvia caía sobre la ciudad y la gente corría hacia sus casas. En la pequeña librería de "
    "la esquina, una mujer mayor ordenaba los últimos libros en el estante de roble. Recordaba el "
    "día en que su marido abrió la tienda, hace cuarenta años, con tres cajas de novelas y mucha "
    "esperanza. Ya nadie compra libros, decía el vecino, sólo compran recuerdos."
)
ITALIAN = (
    "La pioggia cadeva sulla città e la gente correva verso casa. Nella piccola libreria "
    "all'angolo una donna anziana sistemava gli ultimi libri sullo scaffale di quercia. Ricordava "
    "il giorno in cui il marito aveva aperto il negozio, quarant'anni prima, con tre casse di "
    "romanzi e molta speranza. I libri non si vendono più, diceva il vicino."
)
DUTCH = (
    "Het regende die avond in de stad en de mensen liepen snel naar huis. In de kleine boekwinkel "
    "op de hoek zette een oude vrouw de laatste boeken op de plank van eikenhout. Zij dacht aan "
    "de dag waarop haar man de winkel had geopend, veertig jaar geleden, met drie dozen romans en "
    "veel hoop. Niemand koopt nog boeken, zei de buurman."
)
PINYIN = (
    "wo men zou zai hui jia de lu shang yu xia de hen da mei you ren shuo hua zhi you yu sheng he "
    "jiao bu sheng ta shuo ni kan na bian you yi ge lao ren zai deng che shou li na zhe yi ben "
    "shu wo shuo ta yi ding shi zai deng ta de hai zi hui lai wo men dou xiao le"
)
ENGLISH = (
    "The rain had stopped by the time she reached the bridge. Below her the river carried the "
    "last of the light away, and somewhere a dog was barking at the dark. She thought of the "
    "letter in her coat and of the man who would never read it. Then she crossed, as she had "
    "crossed every evening for thirty years, and did not look back."
)


@pytest.mark.parametrize("text", [FRENCH, GERMAN, SPANISH, ITALIAN, DUTCH, PINYIN])
def test_latin_letters_that_are_plainly_not_english_are_other(text):
    assert len(text.split()) >= 50
    assert written_in(text) == "other"


def test_english_prose_is_english_and_so_is_anything_short_in_latin_letters():
    assert written_in(ENGLISH) == "en"
    assert written_in("Bonjour") == "en" and written_in("Ivan Petrov") == "en"
    assert written_in(" ".join(FRENCH.split()[:49]).replace("'", "")) == "en"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("雨停了。", "zh"),
        ("雨停了，她繼續寫那封沒有寄出的信，藝術館關著門。", "zh"),
        ("她读完了 The Old Man and the Sea，合上书，什么也没说。", "zh"),
        ("王小明 and Li Na walked home along the river after the rain.", "en"),
        ("Привет, как дела?", "other"),
        ("안녕하세요, 오늘은 비가 옵니다.", "other"),
        ("雨が止んだので、彼女は手紙を書き続けた。", "other"),
        ("今日本語勉強中の学生は多い。会議資料は明日提出する予定である。", "other"),
        ("希腊传统饮食中最神秘的元素，莫过于希腊奶（ギリシャ）。它的滋味各地不同。", "zh"),
        ("可爱の小猫", "zh"),
        ("مرحبا بالعالم", "other"),
        ("Ｈｅｌｌｏ ｗｏｒｌｄ", "en"),
        ("𝐇𝐞𝐥𝐥𝐨 𝐰𝐨𝐫𝐥𝐝", "en"),
        ("cafe\u0301 au lait", "en"),
    ],
)
def test_the_script_of_more_than_half_of_the_units_decides(text, language):
    assert written_in(text) == language


def test_a_chinese_character_is_a_unit_and_so_is_an_english_word():
    assert written_in("雨雪 rain snow wind") == "en"
    assert written_in("雨雪风 rain snow") == "zh"


def test_an_exact_half_of_chinese_is_chinese_and_any_other_half_is_other():
    assert written_in("Pen Extension 的") == "en"
    assert written_in("Pen Extension 的块") == "zh"
    assert written_in("rain дождь") == "other"


@pytest.mark.parametrize(
    "text", ["", " \n", "……！？——", "12345 ①②③ Ⅷ ½", "😀🎉👍🏽", "\0\0", "\ud800", "| --- | --- |"]
)
def test_a_text_without_letters_is_in_no_language(text):
    assert written_in(text) is None


def test_code_and_addresses_are_left_out_unless_nothing_else_is_there():
    code = "```python\nfor item in range(10):\n    print(item, 'and', 'so', 'on')\n```"
    assert written_in(f"下面是代码：\n{code}") == "zh"
    assert written_in("如图 `def main(argument, other, third, more)` 所示") == "zh"
    assert written_in("见 https://example.com/a/very/long/path?of=words，谢谢") == "zh"
    assert written_in(code) == "en"
    assert written_in("```\n雨停了。\n") == "zh"


def test_emoji_and_punctuation_do_not_outvote_words():
    assert written_in("😀" * 500 + "雨" + "！" * 500) == "zh"


def test_a_hundred_thousand_characters_with_backticks_end():
    assert written_in("`the\n" * 20_000) == "en"
    assert written_in("``` 雨" * 25_000) is not None
    assert written_in("雨" * 100_000) == "zh"


def test_real_english_texts_are_english(shared_data):
    for line in (shared_data / "creative_pairs_en_dev.jsonl").read_bytes().splitlines():
        row = json.loads(line)
        assert (
            written_in(row["chosen"]["response"]) == written_in(row["rejected"]["response"]) == "en"
        )


def test_real_chinese_texts_are_chinese(shared_data):
    for line in (shared_data / "wpb_pool_zh_dev.jsonl").read_bytes().splitlines():
        assert written_in(json.loads(line)["response"]) == "zh"
