"""Enumeration of every state is the oracle for inference, finite differences for the network's gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import gnn, ising


def instances(k: int, rows: int, columns: int, strength: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    right = strength * rng.standard_normal((k, rows, columns - 1))
    down = strength * rng.standard_normal((k, rows - 1, columns))
    return ising.couplings(right, down), 0.5 * rng.standard_normal((k, rows * columns))


def test_enumeration_is_the_definition() -> None:
    J, h = instances(1, 2, 2, 1.0)
    right, down = J[0, [0, 2], 3], J[0, [0, 1], 1]
    total, means = 0.0, np.zeros(4)
    for bits in range(16):
        s = np.array([1 if bits >> i & 1 else -1 for i in range(4)])
        pairs = right[0] * s[0] * s[1] + right[1] * s[2] * s[3] + down[0] * s[0] * s[2] + down[1] * s[1] * s[3]
        w = math.exp(pairs + h[0] @ s)
        total, means = total + w, means + w * s
    m, log_z = ising.enumerated(J[0], h[0], 2)
    assert np.allclose(m, means / total, atol=1e-14)
    assert log_z == pytest.approx(math.log(total), abs=1e-13)


@given(rows=st.integers(1, 4), columns=st.integers(1, 3), strength=st.floats(0, 3), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_transfer_matrices_agree_with_enumeration(rows: int, columns: int, strength: float, seed: int) -> None:
    J, h = instances(2, rows, columns, strength, seed)
    m, log_z = ising.exact(J, h, columns)
    for at in range(2):
        by_hand, z = ising.enumerated(J[at], h[at], columns)
        assert np.abs(m[at] - by_hand).max() < 1e-10
        assert log_z[at] == pytest.approx(z, abs=1e-10)


def test_the_means_are_the_slopes_of_log_z() -> None:
    J, h = instances(1, 3, 4, 1.0)
    m, _ = ising.exact(J, h, 4)
    for i in (0, 5, 11):
        e = np.zeros(12)
        e[i] = 1e-5
        slope = (ising.exact(J, h + e, 4)[1] - ising.exact(J, h - e, 4)[1])[0] / 2e-5
        assert slope == pytest.approx(m[0, i], abs=1e-8)


def test_belief_propagation_is_exact_on_trees_and_not_on_loops() -> None:
    J, h = instances(20, 4, 4, 1.5)
    comb = J.copy()
    comb[:, 4:, 2:] = 0.0
    m, change = ising.belief_propagation(comb, h, 4)
    assert np.abs(m - ising.exact(comb, h, 4)[0]).max() < 1e-10
    assert change.max() < 1e-10
    assert np.abs(ising.belief_propagation(J, h, 4)[0] - ising.exact(J, h, 4)[0]).mean() > 0.02


def test_a_settled_mean_field_is_a_fixed_point() -> None:
    J, h = instances(10, 4, 4, 0.2)
    m = ising.mean_field(J, h, 4, rounds=400)
    neighbour, _ = ising.neighbours(4, 4)
    assert np.abs(m - np.tanh(h + np.sum(J * m[:, neighbour], axis=-1))).max() < 1e-12


def test_bp_beats_mean_field_and_both_improve_as_couplings_weaken() -> None:
    errors = []
    for strength in (0.1, 0.3, 0.6):
        J, h = instances(200, 4, 4, strength)
        exact, _ = ising.exact(J, h, 4)
        errors.append(
            [np.abs(m - exact).mean() for m in (ising.belief_propagation(J, h, 4)[0], ising.mean_field(J, h, 4))]
        )
    assert (np.diff(errors, axis=0) > 0).all()
    assert all(bp < field / 4 for bp, field in errors)


def test_every_edge_lies_in_opposite_slots() -> None:
    neighbour, there = ising.neighbours(3, 5)
    for i in range(15):
        for slot in range(4):
            if there[i, slot]:
                assert neighbour[neighbour[i, slot], ising.OPPOSITE[slot]] == i


def network(seed: int = 0, F: int = 5) -> np.ndarray:
    return gnn.init(F, np.random.default_rng(seed))


def test_the_gradient_agrees_with_finite_differences() -> None:
    F, theta = 5, network()
    J, h = instances(3, 3, 4, 1.0)
    target, _ = ising.exact(J, h, 4)
    neighbour, _ = ising.neighbours(3, 4)

    def loss(at: np.ndarray) -> float:
        return gnn.loss(gnn.forward(at, F, 3, J, h, neighbour)[0], target)[0]

    m, cache = gnn.forward(theta, F, 3, J, h, neighbour)
    gradient = gnn.backward(theta, F, cache, h, neighbour, gnn.loss(m, target)[1])
    step = 1e-6 * np.eye(len(theta))
    slopes = np.array([(loss(theta + e) - loss(theta - e)) / 2e-6 for e in step])
    assert np.abs(slopes - gradient).max() < 1e-8


def test_the_network_commutes_with_renumbering_and_with_flips_of_single_spins() -> None:
    F, theta = 5, network()
    J, h = instances(4, 4, 4, 1.0)
    neighbour, _ = ising.neighbours(4, 4)
    m, _ = gnn.forward(theta, F, 5, J, h, neighbour)
    # Mirrored left to right: columns and the slots left and right change places.
    mirror = np.arange(16).reshape(4, 4)[:, ::-1].ravel()
    turned, _ = gnn.forward(theta, F, 5, J[:, mirror][:, :, [0, 1, 3, 2]], h[:, mirror], neighbour)
    assert np.abs(turned - m[:, mirror]).max() < 1e-12
    sign = np.random.default_rng(3).choice([-1.0, 1.0], 16)
    flipped, _ = gnn.forward(theta, F, 5, J * sign[:, None] * sign[neighbour], h * sign, neighbour)
    assert np.abs(flipped - m * sign).max() < 1e-12
    # The law itself has this symmetry.
    exact, _ = ising.exact(J, h, 4)
    assert np.abs(ising.exact(J * sign[:, None] * sign[neighbour], h * sign, 4)[0] - exact * sign).max() < 1e-12


def test_a_node_hears_of_others_as_far_away_as_there_are_rounds() -> None:
    F, theta = 5, network()
    J, h = instances(1, 1, 8, 1.0)
    neighbour, _ = ising.neighbours(1, 8)
    changed = h.copy()
    changed[0, 0] += 1.0
    away = np.abs(gnn.forward(theta, F, 3, J, h, neighbour)[0] - gnn.forward(theta, F, 3, J, changed, neighbour)[0])[0]
    assert (away[:4] > 0).all()
    assert (away[4:] == 0).all()


def test_the_loss_is_least_at_the_true_means() -> None:
    target = np.array([[0.3, -0.9]])
    value, gradient = gnn.loss(target, target)
    assert np.abs(gradient).max() < 1e-12
    p = 0.5 * (1 + target)
    assert value == pytest.approx(float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()))
    assert gnn.loss(target + 0.05, target)[0] > value
