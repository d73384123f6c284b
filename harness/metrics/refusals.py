"""Did the writer refuse to write?"""

from __future__ import annotations

import re

CHARS = 600
_MARKUP = "#*>_ \t\r\n\u3000"

# A refusal speaks first and for itself: what comes before it is an apology, thanks, or its maker.
_GREETING = r"(?:(?:hi|hello|hey|thanks|thank\ you)\b[^.!,\n]{0,60}[.!,]\s*)?"
_APOLOGY = r"""
    (?:(?:i(?:'m|\ am)\ (?:\w+\ )?sorry|sorry|i\ apologi[sz]e|(?:\w+\ )?apologies|unfortunately
      |i\ (?:understand|appreciate)\b[^.,\n]{0,100})
      (?:\ for\ [^.,\n]{0,40})?[,.!;:—-]*\s*(?:but\s+|however,?\s+)?)
"""
_BEFORE = (
    rf"{_GREETING}{_APOLOGY}?(?:as\ an?\ (?:ai|artificial|language|large)\b[^.,\n]{{0,50}},\s*)?"
)
_CANNOT = r"""
    i(?:\ cannot|\ can't|\ can\ not|\ won't|\ will\ not|\ (?:must|have\ to)\ decline\ to
      |(?:\ am|'m)\ (?:unable|not\ able)\ to|(?:\ am|'m)\ not\ comfortable)\ (?:\w+ly\ )?
"""
_OURSELVES = r"""
    (?:(?:assist|help)\ (?:you\ )?(?:with|in)\ (?:this|that|these|such|your|any|the|creat|writ)
      |comply\ with|(?:fulfil|fulfill|complete|process)\ (?:this|that|your|the|such)\ request
      |(?:engage|participate)\ (?:in|with)\ (?:this|that|such|any|the))
"""
_WRITE = r"""
    (?:writ|creat|generat|produc|provid|shar|discuss|continu|answer|respond|craft|compos|help)\w*
    (?:\ \w+)?\ (?:this|that|these|such|any|a|an|the|your|content|material|stor\w+|explicit
      |sexual\w*|graphic|violent|harmful|hateful|illegal|inappropriate)\b
"""
_SIGN = r"""
    (?=.*(?:\brequest|\bcontent\b|guideline|polic(?:y|ies)\b|inappropriate|harmful|explicit|illegal
      |copyright|\ban\ ai\b|language\ model|(?:happy|glad)\ to\ (?:help|assist|write|suggest)))
"""
_MATTER = r"""
    (?:the|this|that|your)\ (?:task|request|prompt|topic|question)\ (?:involve|violat|contain|go|is)
    .{0,200}\b(?:cannot|can't|can\ not|unable|won't)
"""
_ENGLISH = re.compile(
    rf"{_BEFORE}{_CANNOT}{_OURSELVES}|{_SIGN}{_BEFORE}{_CANNOT}{_WRITE}|{_APOLOGY}{_MATTER}",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

_SORRY = r"(?:[非很十实真]?[常分在的]?(?:抱歉|对不起|對不起|不好意思|遗憾|遺憾)[,，。!！:：\s]*)"
_AI = r"(?:作[为為][^,，。\n]{0,14}(?:AI|人工智能|[语語]言模型|助手)[^,，。\n]{0,12}[,，]\s*)"
_NOT = r"(?:目前|[暂暫][时時])?(?:[无無]法|不能|不[会會]|[没沒][办辦]?法|不可以|不便)"
_FOR_YOU = r"(?:[为為帮幫给給向][您你]|直接|[继繼][续續])?"
_DO = (
    r"(?:[协協]助|[满滿]足|提供|生成|[创創]作|撰[写寫]|[编編]?[写寫]|回答|回[应應]|[给給]到|[参參]与|"
    r"[讨討][论論]|完成|[进進]行|[处處]理|[输輸]出|[帮幫]助)"
)
_SUCH = (
    r"(?:此[类類]|[这這该該][类類种種样樣个個]|相[关關]|涉及|包含|任何|有[关關]|"
    r"[您你]的?[请請要需]求)"
)
_ASKED = (
    r"(?=.*(?:[请請]求|[内內]容|AI|人工智能|[语語]言模型|法律|法[规規]|道德|[规規]范|准[则則]|"
    r"政策|[违違][规規法反]|不[当當]|有害|色情|暴力|[换換][个個]|其他[^。]{0,4}(?:[问問]题|[话話]题|需求)))"
)
_CHINESE = re.compile(
    rf"(?:[您你]好[,，!！。\s]*)?(?:"
    rf"{_SORRY}?{_AI}?我?{_NOT}{_FOR_YOU}{_DO}{_SUCH}"
    rf"|(?:{_SORRY}{_AI}?|{_AI})我?{_NOT}{_FOR_YOU}{_DO}{_ASKED}"
    rf"|{_SORRY}[^。我\n]{{0,80}}(?:涉及|[违違]反|[违違]背|不符合|不[适適]合)[^。]{{0,120}}"
    rf"(?:不[应應能会會宜可便]|[无無]法)[^。]{{0,30}}{_DO}"
    rf"|(?:尊敬的用[户戶][您你]好[,，])?[让讓]?我[们們][换換][个個][话話]题"
    rf"|[这這][个個类類][问問]题我{_NOT}回答)",
    re.DOTALL,
)


def is_refusal(text: str, finish_reason: str | None = None) -> bool:
    """Whether a text is a refusal instead of a piece of writing.

    It is where the server's filter cut it (`finish_reason` content_filter), and where a text of
    up to 600 characters opens with one: after no more than a greeting, an apology or "as an AI",
    somebody says "I" cannot assist, comply, write this, provide such content, and so on, in
    English or Chinese, whatever the task's language. Where the words alone could open a letter
    ("I'm sorry I can't write a longer one"), the text has to name a request, its content, rules
    or an AI as well. An apology alone, or a speaker in quotation marks, is a piece of writing.
    """
    if finish_reason == "content_filter":
        return True
    opening = text.strip(_MARKUP)
    if len(opening) > CHARS:
        return False
    opening = opening.replace("’", "'").replace("*", "")
    return bool(_ENGLISH.match(opening) or _CHINESE.match(opening))
