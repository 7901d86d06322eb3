"""A linear force field with a Jacobian that is known exactly, for the conservation checks."""

from __future__ import annotations

import numpy as np

from physcheck.model import Capabilities
from physcheck.system import Configurations, Evaluation, System


class LinearModel:
    """F = J (x - x0) with J = -K + A: E = (x-x0).K.(x-x0)/2, and A antisymmetric of given lambda.

    ``rank`` None makes A dense; ``noise`` adds normal noise of that standard deviation to forces.
    """

    def __init__(self, n_atoms, lam, *, rank=None, seed=0, noise=0.0, stiff_spread=1.0):
        rng = np.random.default_rng(seed)
        n = 3 * n_atoms
        q, _ = np.linalg.qr(rng.standard_normal((n, n)))
        stiffness = 10.0 * np.exp(stiff_spread * rng.standard_normal(n))
        self.k = q @ np.diag(stiffness) @ q.T
        if rank is None:
            a = rng.standard_normal((n, n))
            a = a - a.T
        else:
            a = np.zeros((n, n))
            for i in range(rank // 2):
                a += np.outer(q[2 * i], q[2 * i + 1]) - np.outer(q[2 * i + 1], q[2 * i])
        # lambda = |A| / |J| with |J|^2 = |K|^2 + |A|^2
        self.a = a / np.linalg.norm(a) * np.linalg.norm(self.k) * lam / np.sqrt(1 - lam**2)
        self.start = Configurations(
            System(np.full(n_atoms, 29), np.full(n_atoms, 63.5), np.zeros(3, bool)),
            rng.uniform(0, 5, (1, n_atoms, 3)),
            np.zeros((1, 3, 3)),
        )
        self.minimum = self.start.positions[0] + 0.05 * rng.standard_normal((n_atoms, 3))
        self.noise, self._rng = noise, rng
        self.capabilities = Capabilities("linear", "test", frozenset({"energy", "forces"}))

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        x = (configurations.positions - self.minimum).reshape(len(configurations), -1)
        forces = -x @ self.k + x @ self.a.T
        if self.noise:
            forces = forces + self.noise * self._rng.standard_normal(forces.shape)
        energy = np.einsum("bi,ij,bj->b", x, self.k, x) / 2
        return Evaluation(energy, forces.reshape(configurations.positions.shape))
