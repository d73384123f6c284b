"""Reads what a server sent: an answer, or why there is none and whether to ask again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.models.base import Completion
from harness.models.server.wire import Answer, Lost
from harness.reasoning import split_reasoning

# 529 is what some servers say for "overloaded"
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_TOO_BUSY = frozenset({429, 503, 529})
_LONGEST_REASON = 400  # characters of a server's words that are kept


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and what the server called itself while giving it."""

    completion: Completion
    model: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call has no answer.

    `kind` is the HTTP status, or connect, dropped, timeout, body (no JSON) or choices (JSON
    without an answer). `again`: asking again may help. `busy`: the server had too much to do.
    """

    kind: str
    reason: str
    again: bool
    busy: bool = False


def read_lost(lost: Lost, redact: Callable[[str], str]) -> Failure:
    """A call that brought no whole answer back; a reason may quote what came of it."""
    reason = shorten(redact(lost.reason))
    return Failure(lost.kind, reason, again=True, busy=lost.kind == "timeout")


def read_answer(answer: Answer, redact: Callable[[str], str]) -> Reply | Failure:
    """An answer of a server; `redact` takes the key out of everything that is kept of it."""
    text = answer.body.decode("utf-8-sig", "replace")
    value = _redacted(_json(text), redact)  # behind JSON's escapes: a key may hide in them
    text = redact(text)
    if 200 <= answer.status < 300:
        return _read_success(value, text)
    words = f"HTTP {answer.status}: {_words(value, text)}"
    if answer.status == 429 and "insufficient_quota" in text:
        return Failure("429", words, again=False)
    if 300 <= answer.status < 400:
        words = f"HTTP {answer.status}: the server sends elsewhere; check base_url"
    return Failure(
        str(answer.status), words, again=answer.status in _AGAIN, busy=answer.status in _TOO_BUSY
    )


def _read_success(value: Any, text: str) -> Reply | Failure:
    if value is None:
        return Failure("body", f"the answer is no JSON: {shorten(text)}", again=True)
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not (choice.get("message") or choice.get("finish_reason")):
        said = f"no choices in the answer: {_words(value, text)}"
        return Failure("choices", said, again=True)
    return Reply(
        _completion(choice, value.get("usage")),
        _text(value.get("model")),
        _text(value.get("system_fingerprint")),
    )


def _completion(choice: Mapping[str, Any], usage: Any) -> Completion:
    """The first choice; fields that are missing or of another type count as absent."""
    message, usage = _dict(choice.get("message")), _dict(usage)
    thought, content = _parts(message.get("content"))
    inline, answer = split_reasoning(content)
    fields = (message.get("reasoning_content"), message.get("reasoning"))
    own = next((text for text in fields if isinstance(text, str) and text), None)
    reasoning = "\n".join(part for part in (own, thought, inline) if part)
    finish = _text(choice.get("finish_reason"))
    refusal = message.get("refusal")
    if not content and isinstance(refusal, str) and refusal:
        answer, finish = refusal, "content_filter"
    return Completion(
        text=_whole(answer),
        reasoning=_whole(reasoning) or None,
        finish_reason=finish,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        tokens_reasoning=_count(
            _dict(usage.get("completion_tokens_details")).get("reasoning_tokens")
        ),
    )


def _parts(content: Any) -> tuple[str, str]:
    """(reasoning, text) of a content: a string, or a list of parts of which some are thoughts."""
    if isinstance(content, str):
        return "", content
    thoughts, texts = [], []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            texts.append(part)
            continue
        part = _dict(part)
        inner = part.get("thinking", part.get("reasoning"))
        if inner is not None:
            thoughts.append("".join(_parts(inner)))
        elif isinstance(part.get("text"), str):
            texts.append(part["text"])
    return "".join(thoughts), "".join(texts)


def shorten(text: str) -> str:
    """One line of a text, of a length that fits a reason."""
    line = re.sub(r"\s+", " ", text[: 4 * _LONGEST_REASON]).strip()
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


def _words(value: Any, text: str) -> str:
    """What a server says of an error: its message where there is one, else the body."""
    found = value
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    if found is None or found is value:
        found = text
    said = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return _whole(shorten(said)) or "nothing said"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """A JSON value with the key taken out of every string of it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(part, redact) for part in value]
    if isinstance(value, dict):
        return {key: _redacted(part, redact) for key, part in value.items()}
    return value


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return _whole(value[:200]) if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _whole(text: str) -> str:
    """The text as UTF-8 can hold it: half of a surrogate pair becomes a replacement mark."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
