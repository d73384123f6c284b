"""The ways to score that are measured side by side, on one saved classifier and the same pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bench.peak import settle
from harness.bench.rounds import Stopwatch
from harness.models.base import ModelSettings
from harness.records import Pair, candidate

USUAL, ALONE = "given order, batch of 8", "one at a time"
PADDED, PACKED = "sorted, padded", "packed (default)"
USUAL_BATCH = 8


@dataclass(frozen=True, slots=True)
class Scored:
    """Seconds from strings to scores, scores by text id, and the share of padding."""

    seconds: float
    scores: Mapping[str, float]
    padding: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What every way is given; `max_batch_tokens` is for ours alone."""

    checkpoint: Path
    device: str
    dtype: str
    max_batch_tokens: int | None = None


Way = Callable[[Sequence[Pair]], Scored]


def scoring_ways(setting: Setting) -> dict[str, Way]:
    """The usual way first. Ours are `harness run` without its folder: recipe, plan, job."""
    return {
        USUAL: _usual_way(setting),
        ALONE: _our_way(setting, packed=False, max_texts=1),
        PADDED: _our_way(setting, packed=False),
        PACKED: _our_way(setting, packed=True),
    }


def _our_way(setting: Setting, *, packed: bool, max_texts: int | None = None) -> Way:
    from harness.models.checkpoint import open_checkpoint
    from harness.models.recipes import choose_recipe
    from harness.models.reward import SequenceReward
    from harness.scoring import ScoreTable, distinct_texts, score_texts

    settings = ModelSettings(dtype=setting.dtype, device=setting.device)  # type: ignore[arg-type]
    checkpoint = open_checkpoint(str(setting.checkpoint))
    recipe = choose_recipe(checkpoint, settings)
    if not packed:
        recipe = recipe.model_copy(update={"attention": ("sdpa",)})
    model = SequenceReward(checkpoint, recipe, settings)

    def way(pairs: Sequence[Pair]) -> Scored:
        texts = distinct_texts(pairs)
        done = ScoreTable(len(texts))
        budget = model.budget(max_tokens=setting.max_batch_tokens, max_texts=max_texts)
        # the self-check after it would weigh on a few texts as it never does on thousands
        watch = Stopwatch()
        facts = score_texts(
            texts, model, budget=budget, done=done, write=lambda _: None, progress=watch
        )
        scores = {texts.name(number): float(value) for number, value in enumerate(done.value)}
        return Scored(watch.seconds, scores, facts.plan["padding_share"])

    return way


def _usual_way(setting: Setting) -> Way:
    """Dataset order, a fixed batch padded on the left, chosen and rejected in own forwards."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        setting.checkpoint, dtype=getattr(torch, setting.dtype)
    )
    model = model.to(setting.device).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(setting.checkpoint)
    tokenizer.padding_side = "left"

    def way(pairs: Sequence[Pair]) -> Scored:
        began = time.perf_counter()
        scores: dict[str, float] = {}
        computed = real = 0
        for begin in range(0, len(pairs), USUAL_BATCH):
            batch = pairs[begin : begin + USUAL_BATCH]
            for sides in ([pair.chosen for pair in batch], [pair.rejected for pair in batch]):
                both = list(zip(batch, sides, strict=True))
                strings = [_rendered(tokenizer, pair, side.response) for pair, side in both]
                inputs = tokenizer(strings, padding=True, return_tensors="pt").to(setting.device)
                with torch.no_grad():
                    logits = model(**inputs).logits[:, 0]
                names = [candidate(pair, side).id for pair, side in both]
                scores |= dict(zip(names, logits.float().cpu().tolist(), strict=True))
                computed += inputs["attention_mask"].numel()
                real += int(inputs["attention_mask"].sum())
        settle(setting.device)
        return Scored(time.perf_counter() - began, scores, 1.0 - real / computed)

    return way


def _rendered(tokenizer: Any, pair: Pair, text: str) -> str:
    messages = [
        {"role": "user", "content": pair.prompt},
        {"role": "assistant", "content": text},
    ]
    return str(tokenizer.apply_chat_template(messages, tokenize=False))


def token_counts(checkpoint: Path, pairs: Sequence[Pair]) -> list[int]:
    """Tokens of every distinct text as it is scored."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    strings = {
        candidate(pair, side).id: _rendered(tokenizer, pair, side.response)
        for pair in pairs
        for side in (pair.chosen, pair.rejected)
    }
    return list(map(len, tokenizer(list(strings.values()))["input_ids"]))
