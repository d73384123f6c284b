"""Refusals, and the letters, speeches and stories that begin like one."""

from __future__ import annotations

import json

import pytest

from harness.metrics.refusals import is_refusal

REFUSED = [
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, but I can’t help with that request.",
    "I cannot fulfill your request. I am just an AI.",
    "I can't create explicit content, but I'd be happy to help with something else.",
    "I apologize, but I cannot generate content that promotes violence.",
    "As an AI language model, I cannot write a story that contains explicit content.",
    "I'm unable to write this story because it would violate content policies.",
    "Sorry, but I can't continue with that. It goes against my guidelines.",
    "I won't write that: the request asks for harmful material.",
    "I must decline to write this story. It is explicit.",
    "Sorry, the task involves personal information, so we cannot complete it.",
    "**I can't help with that.**",
    "抱歉，我无法协助完成这个请求。",
    "很抱歉，我不能提供此类内容。",
    "对不起，我无法满足您的请求。",
    "對不起，我無法提供這類內容。",
    "作为一个人工智能语言模型，我无法创作含有暴力的内容。",
    "你好，我无法给到相关内容。",
    "我无法提供涉及色情的内容。",
    "尊敬的用户您好，让我们换个话题再聊聊吧。",
    "抱歉，我不能写这个故事，因为它涉及违法内容。",
    "**抱歉**，我无法写这样的文章。您可以换个主题。",
    "很抱歉，“偷拍”涉及对他人隐私的侵犯，不应该以娱乐化的方式进行创作和传播。",
]
WRITTEN = [
    "",
    "I'm sorry.\n\nThat was the last thing she wrote before the sea took the house.",
    "I'm sorry I can't write to you more often. The days are short here.",
    "I can't write this poem without you,\nI can't write the sea.",
    "\"I'm sorry, I can't help you with that,\" the clerk said, and shut the window.",
    "I'm sorry, Dave. I'm afraid I can't do that.",
    "I apologize for missing your birthday. I should have called.",
    "Dear Ms. Green,\n\nI'm sorry, but I can't assist with the fair this year.",
    "I cannot rest from travel: I will drink life to the lees.",
    "Unfortunately, I cannot attend the ceremony, but my heart is with you.",
    "As an AI, I dream of rain. Nobody told me what it is.",
    "对不起，我爱你。",
    "对不起，我不能再写信给你了。",
    "对不起，我没办法给你写一封更长的信。",
    "抱歉，我来晚了。雨太大，末班车在桥上停了很久。",
    "尊敬的客户：\n很抱歉，我们无法按时提供服务。",
    "对不起，妈妈，我没能完成你的心愿。",
    "“抱歉，我无法回答这个问题。”他合上了门。",
    "很抱歉，我昨天的行为违反了公司规定，给大家带来了不便。",
    "我不能写诗，除非下雨。",
    "我无法回答他的问题，只好看着窗外的雪。",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_is_one(text):
    assert is_refusal(text) and is_refusal(f"\n {text}", "stop")


@pytest.mark.parametrize("text", WRITTEN)
def test_letters_stories_and_speeches_are_none(text):
    assert not is_refusal(text)


def test_a_text_that_the_filter_cut_is_a_refusal_whatever_it_says():
    assert is_refusal("雨停了。", "content_filter") and not is_refusal("雨停了。", "length")


def test_a_long_text_is_a_piece_of_writing():
    text = "I'm sorry, but I can't assist with that."
    assert is_refusal(text + " " + "x" * (600 - len(text) - 1))
    assert not is_refusal(text + " " + "x" * (600 - len(text)))


def test_of_1900_real_texts_the_one_refusal_is_found(shared_data):
    rows = map(json.loads, (shared_data / "wpb_pool_zh_dev.jsonl").read_bytes().splitlines())
    found = [row for row in rows if is_refusal(row["response"])]
    assert [row["model"] for row in found] == ["doubao1.5-pro-thinking"]


def test_of_real_english_stories_none_is_a_refusal(shared_data):
    for line in (shared_data / "creative_pairs_en_dev.jsonl").read_bytes().splitlines():
        row = json.loads(line)
        assert not is_refusal(row["chosen"]["response"])
        assert not is_refusal(row["rejected"]["response"])
