"""The body of a request, and which of its parameters a server refuses to hear of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.models.base import ChatRequest
from harness.models.server.wire import Answer
from harness.specs import Sampling

# in the order in which they are given up where an error names several of them
OPTIONAL = (
    "chat_template_kwargs",
    "reasoning_effort",
    "top_k",
    "seed",
    "top_p",
    "stop",
    "temperature",
)
# one limit under two names: never given up, only renamed
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_INSIDE = {"enable_thinking": "chat_template_kwargs"}
_PLAIN_WORDS = ("seed", "stop", "temperature")  # named in an error only with a sign of it around
_ABOUT_LENGTH = re.compile(
    r"context.{0,20}(length|window|exceed)|(maximum|max).{0,20}context|too (large|long|many)",
    re.IGNORECASE,
)
_LOC = re.compile(r"['\"]loc['\"]:\s*[(\[]([^)\]]*)")
_BEFORE = (
    r"(?:support|supports|supported|allow|accept|unknown|unsupported|unexpected|invalid|permitted|"
    r"unrecogni[sz]ed|parameters?|params?|arguments?|fields?|property|keyword|name)[\s:=]+(?:the )?"
)
_AFTER = r"\s+(?:parameters?|arguments?|fields?|options?|values?|is|isn't|must|cannot|does|not)\b"


class Parameters:
    """What is sent beside model and messages; shrinks as the server refuses parts of it.

    `dropped` are the names given up, in this run or an earlier one.
    """

    def __init__(
        self,
        model: str,
        sampling: Sampling,
        notice: Callable[[str], None],
        dropped: Iterable[str] = (),
    ) -> None:
        self.dropped = list(dropped)
        self._model = model
        self._sampling = sampling
        self._notice = notice
        self._renamed: set[str] = set()
        self._settle()

    def _settle(self) -> None:
        self._fixed = {
            name: value
            for name, value in _asked(self._sampling).items()
            if value is not None and name not in self.dropped
        }
        limit = _LIMITS["max_tokens"] if "max_tokens" in self.dropped else "max_tokens"
        self._fixed[limit] = self._sampling.max_tokens
        seed = () if "seed" in self.dropped else ("seed",)
        self.names = frozenset((*self._fixed, *seed))  # of what a request sent now has

    def body(self, request: ChatRequest) -> bytes:
        """The JSON of a request."""
        messages = [message.as_dict() for message in request.messages]
        value = {"model": self._model, "messages": messages, **self._fixed}
        if "seed" in self.names:
            value["seed"] = request.seed
        try:
            return json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # half of a surrogate pair in a text: JSON can write it
            return json.dumps(value).encode()

    def refused(self, answer: Answer, sent: frozenset[str]) -> bool:
        """Whether the server refused one of the parameters sent with this call.

        It is given up from now on, which is said once; the call can be made again without it.
        """
        name = refused_name(answer, sent)
        if name is None:
            return False
        if name not in self.names:  # another call found out before
            return True
        if name in _LIMITS:
            return self._rename(name)
        self.dropped.append(name)
        self._settle()
        self._notice(f"the server refuses {name}: the run goes on without it")
        return True

    def _rename(self, name: str) -> bool:
        other = _LIMITS[name]
        if other in self._renamed:
            return False  # it knows neither name, and an answer without a limit was not asked for
        self._renamed.add(name)
        self.dropped = [entry for entry in self.dropped if entry not in _LIMITS] + [name]
        self._settle()
        self._notice(f"the server refuses {name}: the limit is sent as {other}")
        return True


def _asked(sampling: Sampling) -> dict[str, Any]:
    """The optional parameters but the seed, which is each request's own."""
    thinking = sampling.thinking
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop": list(sampling.stop) or None,
        "reasoning_effort": sampling.reasoning_effort,
        "chat_template_kwargs": None if thinking is None else {"enable_thinking": thinking},
    }


def refused_name(answer: Answer, sent: frozenset[str]) -> str | None:
    """The one of the parameters sent that a 400 or 422 refuses, or None.

    `param` or `loc` of the error name it, or its message does. An error about the length of the
    context is about this request alone.
    """
    if answer.status not in (400, 422):
        return None
    text = answer.body[:20_000].decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    error = value.get("error", value) if isinstance(value, Mapping) else value
    message = _message(error)
    if _ABOUT_LENGTH.search(message) or _at(error, "code") == "context_length_exceeded":
        return None
    known = {name: name for name in sent} | {
        inner: outer for inner, outer in _INSIDE.items() if outer in sent
    }
    pointed = _pointed(error)
    named = {
        outer
        for inner, outer in known.items()
        if (inner in pointed if pointed else _names(message, inner))
    }
    return next((name for name in (*OPTIONAL, *_LIMITS) if name in named), None)


def _at(error: Any, key: str) -> Any:
    return error.get(key) if isinstance(error, Mapping) else None


def _message(error: Any) -> str:
    said = _at(error, "message") or _at(error, "detail") or error
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return text[:2000]  # beyond that it echoes the request


def _pointed(error: Any) -> set[str]:
    """Parts of the paths by which an error points at fields: `param`, or `loc` of its details."""
    param = _at(error, "param")
    if isinstance(param, str) and param:
        return set(re.split(r"[.\[\]]+", param))
    details = _at(error, "detail")
    found: set[str] = set()
    for detail in details if isinstance(details, list) else ():
        loc = _at(detail, "loc")
        found |= {str(part) for part in loc} if isinstance(loc, list) else set()
    for path in _LOC.findall(_message(error)):  # the same, written out as text
        found |= set(re.findall(r"\w+", path))
    return found


def _names(message: str, name: str) -> bool:
    """Whether a message names a parameter, not just happens to hold an English word."""
    if name not in _PLAIN_WORDS:
        return re.search(rf"(?<!\w){name}(?!\w)", message) is not None
    quoted = rf"['\"`]{name}['\"`]"
    return (
        re.search(rf"{quoted}|{_BEFORE}{name}(?!\w)|(?<!\w){name}{_AFTER}", message, re.IGNORECASE)
        is not None
    )
