"""What one NVE step over 64 replicas of 32 atoms costs beyond the model: below 0.3 ms is the aim.

python benchmarks/nve_step.py
"""

from __future__ import annotations

import time

import numpy as np
from ase.build import bulk

from physcheck.dynamics import Simulation, draw_velocities
from physcheck.model import Capabilities, Meter
from physcheck.system import Configurations, Evaluation


class Springs:
    """Cheap forces, whose time the meter counts as the model's."""

    def __init__(self, reference: np.ndarray) -> None:
        self.reference = reference
        self.capabilities = Capabilities(
            "springs", "benchmark", frozenset({"energy", "forces"}), batched=True
        )

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        moved = configurations.positions - self.reference
        return Evaluation(2.0 * np.einsum("bna,bna->b", moved, moved), -4.0 * moved)


def overhead_ms(n_replicas: int = 64, n_steps: int = 400, repeats: int = 5) -> float:
    """Milliseconds of the harness a step: the best of a few runs."""
    one = Configurations.from_atoms(bulk("Cu", cubic=True) * 2)
    start = one.at(np.repeat(one.positions, n_replicas, axis=0))
    velocities = draw_velocities(one.system, n_replicas, 300.0, np.random.default_rng(0))
    best = np.inf
    for _ in range(repeats):
        meter = Meter(Springs(one.positions))
        simulation = Simulation(meter, start, velocities, timestep_fs=2.0)
        simulation.run(20)
        before, began = meter.seconds, time.perf_counter()
        simulation.run(n_steps)
        spent = time.perf_counter() - began - (meter.seconds - before)
        best = min(best, 1e3 * spent / n_steps)
    return best


if __name__ == "__main__":
    print(f"{overhead_ms():.3f} ms a step over 64 replicas of 32 atoms, beyond the model")
