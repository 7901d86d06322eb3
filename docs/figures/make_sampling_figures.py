"""The figure of docs/sampling.md: temperatures of two species under a global bath.

Writes the SVG file beside this script. Liquid argon and krypton, without and with a force that
has no potential on one species (the defect ``species-direct``). Each is a trajectory as the suite
makes it.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from figure_style import HERE, in_style, save

from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.potentials import make_builtin
from physcheck.structures import load_structures

STRUCTURE = HERE.parents[1] / "fixtures" / "ArKr108.extxyz"
EVALUATIONS = 24_000
# Time averaged over for each point, ps.
STRETCH_PS = 0.5
CASES = (
    ("conservative forces", "lennard-jones"),
    ("a direct force on one species", "lennard-jones+species-direct=0.0012"),
)


def stretches(values: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of (T, B) over replicas and ``length`` steps, and their errors from the replicas."""
    count = len(values) // length
    parts = values[: count * length].reshape(count, length, -1).mean(axis=1)
    return parts.mean(axis=1), parts.std(axis=1, ddof=1) / np.sqrt(parts.shape[1])


def species_temperatures() -> None:
    """Each species' temperature in time, and that of all atoms, which the bath imposes."""
    figure, panels = plt.subplots(1, len(CASES), figsize=(8.0, 3.6), sharey=True)
    start = load_structures(str(STRUCTURE))[0].configurations
    for axes, (title, name) in zip(panels, CASES, strict=True):
        model, rng = make_builtin(name), np.random.default_rng(1)
        made = make_trajectory(model, start, rng=rng, evaluations=EVALUATIONS)
        groups = {**groups_of(start.system, None), "all atoms": np.ones(start.n_atoms, bool)}
        length = max(1, round(STRETCH_PS / (1e-3 * made.timestep_fs)))
        for label, mask in groups.items():
            mean, error = stretches(made.temperatures(mask), length)
            time = 1e-3 * made.timestep_fs * length * (np.arange(len(mean)) + 0.5)
            style = {"color": "0.4", "linestyle": "--"} if label == "all atoms" else {}
            axes.errorbar(time, mean, error, label=label, capsize=2, **style)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("time of a replica (ps)")
    panels[0].set_ylabel("kinetic temperature (K)")
    panels[1].legend()
    save(figure, "species-temperatures")


if __name__ == "__main__":
    with in_style():
        species_temperatures()
