"""What a judge's calls cost: the estimate of a dry run, and the sum after a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError, unknown_name
from harness.jobs.judging import Judging
from harness.judging import PairAsker, TextRater
from harness.models import AnyModel, ChatModel, PairJudge
from harness.records import Pair
from harness.scoring import distinct_texts, tokens_of
from harness.spec_files import check, load_yaml
from harness.specs import PairwiseJudge, PriceList, TokenPrice


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of one model, and the file they come from."""

    price: TokenPrice
    currency: str
    sha256: str

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        """An amount of money."""
        return (tokens_in * self.price.input + tokens_out * self.price.output) / 1e6


def read_prices(path: Path, names: Sequence[str]) -> Prices:
    """The prices of the first of these names that the file knows."""
    listed = check(load_yaml(path), PriceList, path)
    for name in names:
        if name in listed.models:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            return Prices(listed.models[name], listed.currency, sha256)
    raise UsageError(f"--price_file {path}: " + unknown_name("model", names[0], listed.models))


def spent(prices: Prices, counts: Mapping[str, Any]) -> dict[str, Any]:
    """The cost of a run as its manifest has it; null where no answer was counted."""
    put_in, put_out = counts.get("tokens_in"), counts.get("tokens_out")
    known = put_in is not None and put_out is not None
    return {
        "amount": round(prices.cost(put_in, put_out), 6) if known else None,  # type: ignore[arg-type]
        "currency": prices.currency,
        "price_file_sha256": prices.sha256,
    }


def estimate(
    pairs: Sequence[Pair], model: AnyModel, judging: Judging | None, prices: Prices | None
) -> str:
    """What a run would ask for, in words."""
    if isinstance(model, ChatModel):
        assert judging is not None
        return _calls(pairs, model, judging, prices)
    texts = distinct_texts(pairs)
    tokens = 0 if isinstance(model, PairJudge) else tokens_of(texts, model)
    return f"{len(texts):,} distinct texts, {tokens:,} tokens"


def _calls(pairs: Sequence[Pair], model: ChatModel, judging: Judging, prices: Prices | None) -> str:
    calls = tokens = 0
    for request in _requests(pairs, model, judging):
        calls += 1
        tokens += model.count(request.messages)
    most = calls * judging.asking.sampling.max_tokens
    text = (
        f"{calls:,} calls by {judging.judge.name}, about {tokens:,} tokens in, at most {most:,} out"
    )
    if prices is not None:
        low, high = prices.cost(tokens, 0), prices.cost(tokens, most)
        text += f" ({prices.currency} {low:,.2f} for what goes in, at most {high:,.2f} in all)"
    return text


def _requests(pairs: Sequence[Pair], model: ChatModel, judging: Judging) -> Any:
    if isinstance(judging.judge, PairwiseJudge):
        asker = PairAsker(pairs, model, judging.judge, judging.asking)
        return (asker.request(key, pair) for key, pair in asker.owed({}))
    rater = TextRater(pairs, model, judging.judge, judging.asking)
    return (rater.request(*key) for key in rater.owed({}))
