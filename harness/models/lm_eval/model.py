"""lm-eval's back-ends as chat models; what they would do on the quiet is undone or said."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import MissingExtra, ModelError, UsageError, unknown_name
from harness.models.base import ChatRequest, Completion, Done, ModelRef, ModelSettings
from harness.models.checkpoint import Checkpoint
from harness.models.estimate import estimate_tokens
from harness.models.lm_eval.calls import ask_chunks, completion, gen_kwargs, generate
from harness.records import Message
from harness.specs import Sampling

_OURS = ("name", "family")
_SECRETS = ("auth_token", "header")
# arguments that change no answer
_HOW = (
    "batch_size", "max_batch_size", "num_concurrent", "max_retries", "timeout", "device",
    "parallelize", "max_memory_per_gpu", "max_cpu_memory", "offload_folder", "verify_certificate",
    "ca_cert_path",
)  # fmt: skip
_FOLDERS = ("pretrained", "tokenizer", "peft", "delta")
_CHUNK = 256  # back-ends that batch for themselves want many at a time


def open_lm_eval(ref: ModelRef, settings: ModelSettings) -> LmEvalChat:
    """lm_eval:BACKEND[,key=value...]: a back-end of lm-eval with its own arguments."""
    for key in _SECRETS:
        if key in ref.options:
            raise UsageError(
                f"--model_args {key}=: keys come from the environment alone (OPENAI_API_KEY)"
            )
    if "trust_remote_code" in ref.options:
        raise UsageError("--model_args trust_remote_code=: write the flag --trust_remote_code")
    kind = _find(ref.what)
    bases = {f"{base.__module__}.{base.__name__}" for base in kind.__mro__}
    if "lm_eval.models.huggingface.HFLM" in bases:
        from harness.models.lm_eval.hf import LmEvalHf

        _check(kind, ref, also=("attn_implementation",))
        return LmEvalHf(kind, ref, settings)
    if "lm_eval.models.api_models.TemplateAPI" in bases:
        from harness.models.lm_eval.server import LmEvalServer

        _check(kind, ref)
        return LmEvalServer(kind, ref, settings)
    return LmEvalChat(kind, ref, settings)


def _find(name: str) -> Any:
    """The class lm-eval has under a name; importing it is what takes time."""
    try:
        import lm_eval.models  # noqa: F401 (fills the registry)
        from lm_eval.api.registry import get_model, model_registry
    except ImportError:
        raise MissingExtra("lm_eval:", "lm-eval") from None
    try:
        return get_model(name)
    except ValueError:
        known = tuple(model_registry.keys())
        raise UsageError("--model lm_eval: " + unknown_name("back-end", name, known)) from None
    except ImportError as error:
        if error.name in ("torch", "transformers", "accelerate"):
            raise MissingExtra(f"lm_eval:{name}", "hf") from None
        raise UsageError(f"--model lm_eval:{name}: {error}") from None


def _check(kind: Any, ref: ModelRef, *, also: Sequence[str] = ()) -> None:
    """Refuse arguments that no constructor names: lm-eval swallows them without a word."""
    known = {*_OURS, *also}
    for base in kind.__mro__:
        if "__init__" in vars(base):
            known |= set(inspect.signature(base.__init__).parameters)
    known -= {"self", "args", "kwargs", "trust_remote_code", *_SECRETS}
    for key in ref.options:
        if key not in known:
            raise UsageError("--model_args: " + unknown_name(f"{ref.what} key", key, known))


class LmEvalChat:
    """A back-end of which only the interface is known: it answers lists of rendered prompts.

    lm-eval gives back texts alone: no token counts, no finish reasons.
    """

    def __init__(self, kind: Any, ref: ModelRef, settings: ModelSettings) -> None:
        self.kind, self.settings = kind, settings
        self.backend = f"lm_eval:{ref.what}"
        self.family = ref.options.get("family")
        self.args = {key: value for key, value in ref.options.items() if key not in _OURS}
        what = self.args.get("model") or self.args.get("pretrained") or ref.what
        self.name = ref.options.get("name") or what
        self.device = "cpu"
        self.config: Mapping[str, Any] = {}
        self.calls = 0
        self._lm: Any = None

    def identity(self) -> Mapping[str, Any]:
        """The back-end's arguments, folders by their contents."""
        args = {key: _content(key, value) for key, value in self.args.items() if key not in _HOW}
        return {"backend": self.backend, "args": args}

    def judge(self) -> None:
        """None of its own."""

    def facts(self) -> Mapping[str, Any]:
        """How it ran."""
        from importlib.metadata import version

        return {
            "engine": "lm_eval",
            "lm_eval": version("lm_eval"),
            "arguments": {key: value for key, value in self.args.items() if key in _HOW},
            "hardware": {"device": self.device},
            "family": self.family,
            "replayable": False,
            "dropped_parameters": [],
            "calls": self.calls,
            "retries": {},
        }

    def resume(self, facts: Mapping[str, Any]) -> None:
        """Calls go on being counted."""
        self.calls += facts.get("calls", 0)

    def reserved(self) -> tuple[str, ...]:
        """Not known."""
        return ()

    def count(self, messages: Sequence[Message]) -> int:
        """An estimate by characters."""
        return estimate_tokens(messages)

    def answer(
        self,
        requests: Iterable[ChatRequest],
        sampling: Sampling,
        done: Done,
        notice: Callable[[str], None],
    ) -> None:
        """Chunks, one after the other."""
        batch = partial(self._batch, self.load(), sampling)
        ask_chunks(batch, list(requests), self.counted(done), size=_CHUNK)

    def counted(self, done: Done) -> Done:
        """`done` that counts calls."""

        def over(request: ChatRequest, answer: Completion) -> None:
            self.calls += 1
            done(request, answer)

        return over

    def load(self, **more: Any) -> Any:
        """The back-end, made when first needed; `more` are arguments beside the user's."""
        if self._lm is None:
            logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it repeats what servers say
            args = {key: value for key, value in self.args.items() if key not in more}
            text = ",".join(f"{key}={value}" for key, value in args.items())
            try:
                self._lm = self.kind.create_from_arg_string(text, more)
            except ModuleNotFoundError as error:
                raise UsageError(f"--model {self.backend}: {error}") from None
            except (OSError, ValueError, TypeError) as error:
                raise ModelError(f"--model {self.backend}: {error}") from error
        return self._lm

    def _batch(
        self, lm: Any, sampling: Sampling, requests: Sequence[ChatRequest]
    ) -> list[Completion]:
        try:
            contexts = [
                lm.apply_chat_template([message.as_dict() for message in request.messages])
                for request in requests
            ]
        except NotImplementedError:
            raise ModelError(f"--model {self.backend}: it has no chat template") from None
        texts = generate(lm, contexts, [gen_kwargs(sampling)] * len(contexts))
        return [completion(text) for text in texts]


def whole_number(args: Mapping[str, str], key: str, default: int) -> int:
    """An argument that is a number from 1."""
    text = args.get(key, str(default))
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"--model_args {key}={text}: a whole number from 1")
    return int(text)


def _content(key: str, value: str) -> str:
    """An argument as the identity has it: a folder is what it holds, not where it lies."""
    folder = Path(value).expanduser()
    if key not in _FOLDERS or not folder.is_dir():
        return value
    return Checkpoint(folder, value, None, {}).fingerprint()
