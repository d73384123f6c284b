"""Judges that are shown both texts of a pair, and the verdict that an answer comes to."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import islice

from harness.asking import Asking, ask, request_seed
from harness.judging.orders import shown, verdict_keys
from harness.models.base import ChatModel, ChatRequest, Completion, PairJudge
from harness.progress import Progress
from harness.prompts import fill
from harness.records import Orders, Outcome, Pair, Verdict, VerdictKey
from harness.specs import PairwiseJudge
from harness.verdicts import outcome_of, parse_pick

_AT_ONCE = 1024  # lines that are written together where nobody was paid for them


def choose_pairs(
    pairs: Sequence[Pair],
    judge: PairJudge,
    *,
    orders: Orders,
    seed: int,
    settled: Container[VerdictKey],
    write: Callable[[Sequence[Verdict]], None],
) -> None:
    """One verdict a pair and order of a judge that reads no file and never fails."""

    def verdict(key: VerdictKey, pair: Pair) -> Verdict:
        first, second = shown(pair, key[1])
        picked = judge.choose(pair.prompt, first, second)
        chosen = (picked == 0) == (key[1] == "chosen_first")
        return _line(pair, key, "chosen" if chosen else "rejected")

    keys = verdict_keys(pairs, orders=orders, seed=seed, repeats=1)
    owed = (verdict(*item) for item in keys if item[0] not in settled)
    while lines := list(islice(owed, _AT_ONCE)):
        write(lines)


class PairAsker:
    """Asks a chat model about pairs: the requests still owed, and a verdict for each answer."""

    def __init__(
        self, pairs: Sequence[Pair], model: ChatModel, judge: PairwiseJudge, asking: Asking
    ) -> None:
        self.pairs, self.model, self.judge, self.asking = pairs, model, judge, asking
        self.neutralised = 0
        self._reserved = model.reserved()

    def owed(self, settled: Container[VerdictKey]) -> Iterator[tuple[VerdictKey, Pair]]:
        """The verdicts that are not there yet."""
        asking = self.asking
        keys = verdict_keys(
            self.pairs, orders=asking.orders, seed=asking.seed, repeats=self.judge.repeats
        )
        return (item for item in keys if item[0] not in settled)

    def request(self, key: VerdictKey, pair: Pair) -> ChatRequest:
        """The call behind one verdict."""
        first, second = shown(pair, key[1])
        values = {"prompt": pair.prompt, "text_a": first, "text_b": second, "genre": pair.genre}
        filled = fill(self.judge, pair.language, values, self._reserved)
        self.neutralised += filled.neutralised
        verdict = self.judge.verdict
        labels = (
            (verdict.a, verdict.b) if verdict.tie is None else (verdict.a, verdict.b, verdict.tie)
        )
        name = f"{pair.pair_id}/{key[1]}/{key[2]}"
        return ChatRequest(name, filled.messages, request_seed(self.asking.seed, name), labels)

    def ask(
        self,
        settled: Container[VerdictKey],
        attempts: Mapping[VerdictKey, int],
        write: Callable[[Sequence[Verdict]], None],
        progress: Progress,
    ) -> None:
        """Write a verdict for everything owed, each as soon as its answer is there."""
        flying: dict[str, tuple[VerdictKey, Pair]] = {}

        def requests() -> Iterator[ChatRequest]:
            for key, pair in self.owed(settled):
                request = self.request(key, pair)
                flying[request.key] = (key, pair)
                yield request

        def verdict(request: ChatRequest, answer: Completion) -> bool:
            key, pair = flying.pop(request.key)
            line = self._verdict(key, pair, answer, attempts.get(key, 0) + 1)
            write([line])
            return line.outcome == "error"

        total = sum(1 for _ in self.owed(settled))
        ask(self.model, requests(), total, self.asking, verdict, progress)

    def _verdict(self, key: VerdictKey, pair: Pair, answer: Completion, attempt: int) -> Verdict:
        if answer.error is not None:
            return _line(pair, key, "error", answer, answer.error, attempt)
        pick = parse_pick(self.judge.verdict, answer.text, answer.finish_reason)
        assert key[1] is not None
        return _line(pair, key, outcome_of(pick, key[1]), answer, pick.reason, attempt)


def _line(
    pair: Pair,
    key: VerdictKey,
    outcome: Outcome,
    answer: Completion | None = None,
    reason: str | None = None,
    attempt: int = 1,
) -> Verdict:
    failed = answer is None or answer.error is not None
    answer = answer or Completion()
    return Verdict(
        *pair.head,
        key[1],
        outcome,
        raw=None if failed else answer.text,
        reason=reason,
        repeat=key[2],
        attempt=attempt,
        finish_reason=answer.finish_reason,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        reasoning=answer.reasoning,
        tokens_reasoning=answer.tokens_reasoning,
    )
