"""PyTorch is the oracle, for values and for gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from kernels import attention


def heads(seed: int = 0, n: int = 5, m: int = 7, d: int = 16, dv: int = 3) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape) for shape in ((2, n, d), (2, m, d), (2, m, dv), (2, n, dv)))


@pytest.mark.parametrize("scaled", [True, False])
def test_values_agree_with_torch(scaled: bool) -> None:
    Q, K, V, _ = heads()
    scale = None if scaled else 1.0
    theirs = scaled_dot_product_attention(*map(torch.from_numpy, (Q, K, V)), scale=scale).numpy()
    assert np.abs(attention.attention(Q, K, V, scaled) - theirs).max() < 1e-12


def test_causal_agrees_with_torch_and_sees_no_later_key() -> None:
    Q, K, V, _ = heads(n=6, m=6)
    theirs = scaled_dot_product_attention(*map(torch.from_numpy, (Q, K, V)), is_causal=True).numpy()
    assert np.abs(attention.attention(Q, K, V, causal=True) - theirs).max() < 1e-12
    assert (np.triu(attention.weights(Q, K, causal=True), k=1) == 0).all()


@pytest.mark.parametrize("scaled", [True, False])
def test_gradients_agree_with_autograd(scaled: bool) -> None:
    Q, K, V, G = heads()
    tensors = [torch.from_numpy(A).requires_grad_() for A in (Q, K, V)]
    out = scaled_dot_product_attention(*tensors, scale=None if scaled else 1.0)
    (out * torch.from_numpy(G)).sum().backward()
    for ours, tensor in zip(attention.gradients(Q, K, V, G, scaled), tensors, strict=True):
        assert tensor.grad is not None
        assert np.abs(ours - tensor.grad.numpy()).max() < 1e-12


def test_the_jacobian_agrees_with_autograd() -> None:
    z = np.random.default_rng(0).standard_normal(6)
    theirs = torch.autograd.functional.jacobian(lambda t: torch.softmax(t, 0), torch.from_numpy(z)).numpy()
    assert np.abs(attention.softmax_jacobian(attention.softmax(z)) - theirs).max() < 1e-14


def test_softmax_survives_large_scores_and_ignores_a_shift() -> None:
    z = np.array([1e4, 0.0, -1e4])
    assert attention.softmax(z).tolist() == [1.0, 0.0, 0.0]
    z = np.array([0.3, -1.0, 2.0])
    assert np.allclose(attention.softmax(z), attention.softmax(z + 500.0), atol=1e-12)


def test_entropy_from_one_hot_to_uniform() -> None:
    assert attention.entropy(np.array([1.0, 0.0, 0.0])) == 0.0
    assert attention.entropy(np.full(8, 1 / 8)) == pytest.approx(np.log(8))
    p = attention.softmax(np.random.default_rng(0).standard_normal((100, 8)))
    theirs = torch.distributions.Categorical(torch.from_numpy(p)).entropy().numpy()
    assert np.allclose(attention.entropy(p), theirs, atol=1e-12)


def test_attention_does_not_know_the_order_of_the_keys() -> None:
    Q, K, V, _ = heads()
    order = np.random.default_rng(1).permutation(K.shape[1])
    assert np.allclose(attention.attention(Q, K, V), attention.attention(Q, K[:, order], V[:, order]), atol=1e-13)


@pytest.mark.parametrize("d", [4, 64, 512])
def test_the_variance_of_a_score_is_the_width(d: int) -> None:
    # 20,000 independent products at a fixed seed; 4.5 standard errors: a false alarm in 7 of a million seeds.
    rng = np.random.default_rng(d)
    q, k = rng.standard_normal((2, 20_000, d))
    squares = np.sum(q * k, axis=1) ** 2
    assert abs(squares.mean() - d) < 4.5 * squares.std() / np.sqrt(len(squares))


def test_saturation_starves_the_queries_and_spares_the_values() -> None:
    rng = np.random.default_rng(0)
    Q, K = rng.standard_normal((64, 1, 1024)), rng.standard_normal((64, 16, 1024))
    V, G = rng.standard_normal((64, 16, 8)), rng.standard_normal((64, 1, 8))
    jacobian = {s: np.linalg.norm(attention.softmax_jacobian(attention.weights(Q, K, s)), axis=(2, 3)).mean()
                for s in (True, False)}  # fmt: skip
    value = {s: np.linalg.norm(attention.gradients(Q, K, V, G, s)[2]) for s in (True, False)}
    assert jacobian[False] < 0.3 * jacobian[True]
    assert value[False] > value[True]
