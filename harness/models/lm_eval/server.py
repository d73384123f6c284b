"""lm-eval's back-ends for servers: one request at a time from each of several threads.

Left to itself lm-eval gives every request the seed 1234 and gives all of them up with one that
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from harness.errors import ModelError, UsageError
from harness.models.base import ChatRequest, Completion, Done, ModelRef, ModelSettings
from harness.models.lm_eval.calls import (
    ask_threads,
    completion,
    gen_kwargs,
    generate,
    server_failure,
)
from harness.models.lm_eval.model import LmEvalChat, whole_number
from harness.specs import Sampling

_FORCED = ("o1", "5", "o3", "o4")  # parts of names that lm-eval sends temperature 1 alone
_MOST_STOPS = 4  # it sends no more
_SERVER_KEYS = ("reasoning_effort", "thinking")


class LmEvalServer(LmEvalChat):
    """A server behind lm-eval's classes for APIs; retries and time-outs are theirs."""

    def __init__(self, kind: Any, ref: ModelRef, settings: ModelSettings) -> None:
        super().__init__(kind, ref, settings)
        self.device = "server"
        bases = {base.__name__ for base in kind.__mro__}
        self._chats = "LocalChatCompletion" in bases  # sends what stands in gen_kwargs as it is
        self._renames = "OpenAIChatCompletion" in bases
        if not self._chats and "AnthropicChat" not in bases:
            raise UsageError(
                f"--model {self.backend}: it sends plain text, and a judge is asked in messages; "
                "use lm_eval:local-chat-completions"
            )
        if "model" not in self.args:
            raise UsageError(f"--model {self.backend}: add --model_args model=NAME")
        local = ref.what.startswith("local-")
        if "base_url" in self.args:
            _check_address(self.args["base_url"], whole=local)
        elif local:
            raise UsageError(
                f"--model {self.backend}: add base_url=http://HOST:PORT/v1/chat/completions"
            )
        self._workers = whole_number(self.args, "num_concurrent", settings.num_concurrent)
        self._dropped: list[str] = []
        self._heard = False

    def facts(self) -> Mapping[str, Any]:
        """How it ran."""
        return {
            **super().facts(),
            "num_concurrent": self._workers,
            "dropped_parameters": list(self._dropped),
        }

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Each answer as it comes. ModelError where the server refuses everybody."""
        self._say_dropped(sampling, notice)
        _without_bars()
        # its own concurrency is asyncio.run, which fails inside a running loop
        lm = self.load(num_concurrent=1, batch_size=1)
        try:
            _ = lm.header
        except ValueError as error:  # no key in the environment
            raise UsageError(f"--model {self.backend}: {error}") from None
        call = partial(self._ask, lm, sampling)
        ask_threads(call, requests, self.counted(done), workers=self._workers)

    def _say_dropped(self, sampling: Sampling, notice: Callable[[str], None]) -> None:
        lost = []
        if self._renames and any(part in self.args["model"] for part in _FORCED):
            lost += ["temperature", "stop"]
            notice(
                f"{self.backend}: lm-eval takes {self.args['model']} for a model that knows no "
                "temperature but 1 and no stop strings, and sends none; "
                "lm_eval:local-chat-completions or openai: send what was asked"
            )
        if not self._chats:
            lost += ["seed", *(key for key in _SERVER_KEYS if getattr(sampling, key) is not None)]
        if len(sampling.stop) > _MOST_STOPS:
            lost.append("stop")
            notice(f"{self.backend}: lm-eval sends the first {_MOST_STOPS} stop strings alone")
        self._dropped += [key for key in lost if key not in self._dropped]

    def _ask(self, lm: Any, sampling: Sampling, request: ChatRequest) -> Completion:
        """One call; runs in a thread."""
        from openai import OpenAIError  # litellm's errors are of its kind
        from requests import RequestException

        wanted = gen_kwargs(sampling)
        if self._chats:
            wanted["seed"] = request.seed  # what stands here overrules the seed of the class
            if sampling.reasoning_effort is not None:
                wanted["reasoning_effort"] = sampling.reasoning_effort
            if sampling.thinking is not None:
                wanted["chat_template_kwargs"] = {"enable_thinking": sampling.thinking}
        try:
            context = lm.apply_chat_template([message.as_dict() for message in request.messages])
            (text,) = generate(lm, [context], [wanted])
        except (RequestException, OpenAIError) as error:
            reason, hopeless = server_failure(error, heard=self._heard)
            if hopeless:
                raise ModelError(f"--model {self.backend}: {reason}") from None
            return Completion(error=reason)
        except ValueError:  # an answer without choices
            return completion(None)
        self._heard = True
        return completion(text)


def _check_address(address: str, *, whole: bool) -> None:
    parts = urlsplit(address)
    if parts.username or parts.password or parts.query:
        raise UsageError("--model_args base_url=: keys come from the environment, not the address")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--model_args base_url={address}: not an http address")
    if whole and parts.path.rstrip("/") in ("", "/v1"):
        raise UsageError(
            f"--model_args base_url={address}: lm-eval wants the whole address: "
            f"{parts.scheme}://{parts.netloc}/v1/chat/completions"
        )


def _without_bars() -> None:
    """No progress bar a call; disable_tqdm does not reach these classes."""
    from lm_eval.models import api_models
    from tqdm import tqdm

    api_models.tqdm = partial(tqdm, disable=True)
