"""SciPy, torch and brute force are the oracles."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kernels import entropy, huffman

laws = st.lists(st.floats(1e-3, 1), min_size=2, max_size=12).map(lambda w: np.array(w) / sum(w))


@given(p=laws)
def test_entropy_agrees_with_scipy_and_is_at_most_uniform(p: np.ndarray) -> None:
    assert entropy.entropy(p) == pytest.approx(stats.entropy(p), abs=1e-12)
    assert -1e-12 <= entropy.entropy(p) <= math.log(len(p)) + 1e-12


@given(p=laws, seed=st.integers(0, 99))
def test_kl_agrees_with_torch_and_splits_cross_entropy(p: np.ndarray, seed: int) -> None:
    q = np.random.default_rng(seed).dirichlet(np.ones(len(p))) + 1e-6
    q /= q.sum()
    exact = torch.distributions.kl_divergence(
        torch.distributions.Categorical(torch.tensor(p)), torch.distributions.Categorical(torch.tensor(q))
    )
    assert entropy.kl(p, q) == pytest.approx(float(exact), abs=1e-10)
    assert entropy.cross_entropy(p, q) == pytest.approx(entropy.entropy(p) + entropy.kl(p, q), abs=1e-10)
    assert entropy.kl(p, q) >= -1e-15
    assert entropy.kl(p, p) == 0


def test_zeros_count_nothing_in_p_and_everything_in_q() -> None:
    p, q = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    assert entropy.entropy(p) == 0
    assert entropy.kl(p, q) == pytest.approx(math.log(2))
    assert entropy.kl(q, p) == math.inf
    assert entropy.cross_entropy(q, p) == math.inf


@given(n=st.integers(2, 64), temperature=st.floats(0.1, 10))
def test_zipf_is_a_softmax(n: int, temperature: float) -> None:
    logits = -torch.log(torch.arange(1, n + 1, dtype=torch.float64)) / temperature
    assert np.allclose(entropy.zipf(n, temperature), torch.softmax(logits, 0).numpy(), atol=1e-14)


def test_the_error_of_a_measured_code_length_is_honest() -> None:
    p, q = entropy.zipf(8, 1.0), entropy.zipf(8, 0.5)
    error = math.sqrt(entropy.surprise_variance(p, q) / 500)
    rng = np.random.default_rng(0)
    exact = entropy.cross_entropy(p, q)
    z = [(entropy.cross_entropy(rng.multinomial(500, p) / 500, q) - exact) / error for _ in range(2000)]
    assert abs(np.mean(z)) < 4.5 / math.sqrt(2000)
    assert np.std(z) == pytest.approx(1, abs=4.5 / math.sqrt(4000))


@given(x=st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_the_adaptive_code_costs_the_same_in_every_order(x: list[int]) -> None:
    counts, total = np.zeros(5), 0.0
    for symbol in x:
        total -= math.log(entropy.laplace(counts)[symbol])
        counts[symbol] += 1
    assert entropy.adaptive_length(counts) == pytest.approx(total, rel=1e-12)


def test_learning_costs_half_a_logarithm_a_parameter() -> None:
    p = np.full(8, 1 / 8)
    costs = [entropy.adaptive_length(n * p) - n * math.log(8) for n in (800, 8000, 80_000)]
    assert np.diff(costs) == pytest.approx([3.5 * math.log(10)] * 2, rel=0.01)


# -- Huffman ---


def shortest(p: np.ndarray) -> float:
    """The least mean length of any prefix code, by trying all lengths with Σ 2^−l ≤ 1."""
    n = len(p)
    best = math.inf
    for bits in itertools.product(range(1, n), repeat=n):
        if sum(2.0**-b for b in bits) <= 1:
            best = min(best, float(p @ np.array(bits)))
    return best


@given(p=st.lists(st.floats(1e-3, 1), min_size=2, max_size=5).map(lambda w: np.array(w) / sum(w)))
@settings(max_examples=30, deadline=None)
def test_no_code_is_shorter(p: np.ndarray) -> None:
    assert p @ huffman.lengths(p) == pytest.approx(shortest(p), abs=1e-12)


@given(p=laws, b=st.integers(1, 3))
@settings(deadline=None)
def test_between_entropy_and_entropy_plus_one(p: np.ndarray, b: int) -> None:
    joint = huffman.blocks(p[:5] / p[:5].sum(), b)
    bits = huffman.lengths(joint)
    H = entropy.entropy(joint) / entropy.BIT
    assert joint.sum() == pytest.approx(1)
    assert pytest.approx(b * entropy.entropy(p[:5] / p[:5].sum()) / entropy.BIT, abs=1e-9) == H
    assert H - 1e-9 <= joint @ bits < H + 1
    assert huffman.kraft(bits) == pytest.approx(1, abs=1e-12)


def test_powers_of_one_half_are_coded_without_loss() -> None:
    p = np.array([0.5, 0.25, 0.125, 0.125])
    assert p @ huffman.lengths(p) == pytest.approx(entropy.entropy(p) / entropy.BIT)


@given(p=laws, message=st.lists(st.integers(0, 11), max_size=50))
def test_what_is_encoded_is_decoded(p: np.ndarray, message: list[int]) -> None:
    code = huffman.words(huffman.lengths(p))
    symbols = [symbol % len(p) for symbol in message]
    assert huffman.decode("".join(code[symbol] for symbol in symbols), code) == symbols
    assert not any(a != b and b.startswith(a) for a in code for b in code)


def test_impossible_words_and_broken_streams_are_refused() -> None:
    with pytest.raises(ValueError, match="above 1"):
        huffman.words(np.array([1, 1, 1]))
    with pytest.raises(ValueError, match="inside a code word"):
        huffman.decode("0", ["00", "01", "1"])
    assert huffman.lengths([1.0]).tolist() == [0]
