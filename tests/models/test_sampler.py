"""The sampler: its noise, its law, and that nothing but seed and step decides."""

from __future__ import annotations

import hashlib
import math

import pytest

torch = pytest.importorskip("torch", reason="needs the hf extra")
transformers = pytest.importorskip("transformers", reason="needs the hf extra")
from scipy.stats import chisquare  # noqa: E402

from harness.models.chat.sampler import gumbel, pick, stream, survivors  # noqa: E402
from harness.specs import Sampling  # noqa: E402

LOGITS = [2.0, 0.5, -1.0, 1.9, 0.0, -3.0]
WARM = Sampling(temperature=1.0)


def splitmix64(state: int, number: int) -> int:
    """Output `number`, from 0, in whole numbers of any size: another road than torch's."""
    word = 2**64 - 1
    z = (state + (number + 1) * 0x9E3779B97F4A7C15) & word
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & word
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & word
    return z ^ (z >> 31)


def noise_by_hand(seed: int, step: int, token: int) -> float:
    state = int.from_bytes(hashlib.sha256(f"{seed}\0{step}".encode()).digest()[:8], "big")
    uniform = ((splitmix64(state, token) >> 11) + 0.5) / 2**53
    return -math.log(-math.log1p(-uniform))


def drawn(logits: list[float], sampling: Sampling, n: int) -> list[int]:
    """How often each token comes in n draws of n seeds."""
    rows = torch.tensor(logits).expand(n, -1)
    tokens = pick(rows, sampling, list(range(n)), [0] * n)
    return [tokens.count(token) for token in range(len(logits))]


def softmax(logits: list[float], kept: set[int]) -> list[float]:
    weights = [math.exp(x) if i in kept else 0.0 for i, x in enumerate(logits)]
    return [weight / sum(weights) for weight in weights]


def test_the_generator_is_splitmix64() -> None:
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [splitmix64(1234567, i) for i in range(5)] == published
    noise = gumbel(torch.tensor([[1234567]]), torch.arange(5)[None])[0].tolist()
    uniform = [((z >> 11) + 0.5) / 2**53 for z in published]
    assert noise == pytest.approx([-math.log(-math.log1p(-u)) for u in uniform], rel=1e-5)


def test_a_pick_is_the_largest_of_logit_over_temperature_plus_noise() -> None:
    sampling = Sampling(temperature=0.7)
    for seed in range(50):
        for step in (0, 1, 77):
            sums = [x / 0.7 + noise_by_hand(seed, step, token) for token, x in enumerate(LOGITS)]
            picked = pick(torch.tensor([LOGITS]), sampling, [seed], [step])
            assert picked == [sums.index(max(sums))]


def test_noise_begins_with_a_sha256_of_seed_and_step() -> None:
    digest = hashlib.sha256(b"12\x007").digest()
    assert stream(12, 7) % 2**64 == int.from_bytes(digest[:8], "big")


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (WARM, {0, 1, 2, 3, 4, 5}),
        (Sampling(temperature=1.0, top_k=3), {0, 1, 3}),
        # shares .430 .096 .021 .389 .058 .004: the first two reach .819, the third .915
        (Sampling(temperature=1.0, top_p=0.85), {0, 1, 3}),
        (Sampling(temperature=1.0, top_p=0.4), {0}),
        # of three, the first two have .895
        (Sampling(temperature=1.0, top_k=3, top_p=0.89), {0, 3}),
        (Sampling(temperature=1.0, top_p=1.0, top_k=400), {0, 1, 2, 3, 4, 5}),
    ],
)
def test_draws_follow_the_softmax_of_what_is_kept(sampling: Sampling, kept: set[int]) -> None:
    counts = drawn(LOGITS, sampling, 20_000)
    law = softmax(LOGITS, kept)
    assert {token for token, count in enumerate(counts) if count} == kept
    if len(kept) > 1:
        places = sorted(kept)
        expected = [law[i] * 20_000 for i in places]
        assert chisquare([counts[i] for i in places], expected).pvalue > 0.01


def test_temperature_flattens_the_law() -> None:
    counts = drawn(LOGITS, Sampling(temperature=2.5), 20_000)
    law = softmax([x / 2.5 for x in LOGITS], set(range(6)))
    assert chisquare(counts, [share * 20_000 for share in law]).pvalue > 0.01


def test_the_steps_of_one_seed_are_independent_draws() -> None:
    law = softmax(LOGITS, set(range(6)))
    tokens = [pick(torch.tensor([LOGITS]), WARM, [5], [step])[0] for step in range(6000)]
    counts = [tokens.count(token) for token in range(6)]
    assert chisquare(counts, [share * 6000 for share in law]).pvalue > 0.01
    pairs = list(zip(tokens[::2], tokens[1::2], strict=True))
    likely = [(a, b) for a in (0, 1, 3) for b in (0, 1, 3)]
    seen = [pairs.count(pair) for pair in likely]
    expected = [law[a] * law[b] for a, b in likely]
    rest = len(pairs) - sum(seen)
    expected = [share * len(pairs) for share in (*expected, 1 - sum(expected))]
    assert chisquare([*seen, rest], expected).pvalue > 0.01


@pytest.mark.parametrize("settings", [{}, {"top_k": 40}, {"top_p": 0.9}])
def test_a_row_is_drawn_alike_alone_and_among_others(settings: dict[str, float]) -> None:
    torch.manual_seed(0)
    logits, sampling = torch.randn(9, 5000) * 3, Sampling(temperature=1.0, **settings)
    seeds, steps = list(range(100, 109)), [3, 1, 4, 1, 5, 9, 2, 6, 5]
    together = pick(logits, sampling, seeds, steps)
    alone = [pick(logits[i : i + 1], sampling, [seeds[i]], [steps[i]])[0] for i in range(9)]
    assert together == alone


def test_noise_for_the_kept_tokens_alone_gives_the_pick_of_noise_for_all() -> None:
    torch.manual_seed(1)
    logits = torch.randn(200, 300) * 2
    values, ids = survivors(logits, 20, 0.8)
    masked = torch.full_like(logits, -torch.inf).scatter(1, ids, values)
    keys = torch.tensor([stream(seed, 0) for seed in range(200)])[:, None]
    everywhere = (masked + gumbel(keys, torch.arange(300)[None])).argmax(-1).tolist()
    kept = pick(logits, Sampling(temperature=1.0, top_k=20, top_p=0.8), list(range(200)), [0] * 200)
    assert kept == everywhere


@pytest.mark.parametrize(("top_k", "top_p"), [(None, 0.5), (None, 0.95), (50, None), (50, 0.7)])
@pytest.mark.parametrize("width", [0.1, 3.0])
def test_what_is_kept_is_what_transformers_keeps(
    top_k: int | None, top_p: float | None, width: float
) -> None:
    # 0.1: so flat that top_p keeps more tokens than it looks at first
    torch.manual_seed(2)
    logits = torch.randn(4, 3000) * width
    expected = logits
    if top_k is not None:
        expected = transformers.TopKLogitsWarper(top_k)(None, expected)
    if top_p is not None:
        expected = transformers.TopPLogitsWarper(top_p)(None, expected)
    values, ids = survivors(logits, top_k, top_p)
    found = torch.full_like(logits, -torch.inf).scatter(1, ids.expand_as(values), values)
    # transformers sums the shares from the other end: the last token may fall on either side
    assert ((found > -torch.inf) != (expected > -torch.inf)).sum(-1).max() <= (1 if top_p else 0)


def test_temperature_zero_takes_the_likeliest() -> None:
    rows = torch.tensor([LOGITS, LOGITS[::-1]])
    assert pick(rows, Sampling(), [0, 1], [0, 0]) == [0, 5]
