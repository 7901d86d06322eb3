"""The figure of docs/trained_networks.md: predicted against true forces, and temperatures in NVE.

Writes the SVG file beside this script.  Ethanol, both heads of ``fixtures/trained``:
the same held-out frames, then constant-energy dynamics from the same starts.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from ase import units
from ase.io import read
from figure_style import HERE, in_style, save

from physcheck.adapters.loading import load_model
from physcheck.dynamics import Simulation, draw_velocities
from physcheck.structures import catalogue
from physcheck.system import Configurations

TRAINED = HERE.parents[1] / "fixtures" / "trained"
REPLICAS, STEPS, TIMESTEP_FS, START_K = 8, 800, 0.5, 600.0
HEADS = ("conservative", "direct")


def predicted_against_true(axes: plt.Axes) -> None:
    """Each component of each force on the held-out frames."""
    frames = read(TRAINED / "ethanol_test.extxyz", index=":")
    there = Configurations.from_atoms(frames[0]).at(np.array([a.positions for a in frames]))
    wanted = np.array([a.get_forces() for a in frames])
    for head in HEADS:
        found = load_model(f"{TRAINED / 'ethanol_both.pt'},forces={head}").evaluate(there)
        error = 1e3 * np.abs(found.require_forces() - wanted).mean()
        axes.plot(
            wanted.ravel(), found.require_forces().ravel(), ".", markersize=2,
            label=f"{head}: {error:.0f} meV/Å", rasterized=True,
        )  # fmt: skip
    axes.set_xlabel("force by GFN2-xTB (eV/Å)")
    axes.set_ylabel("force by the network (eV/Å)")
    axes.legend(markerscale=5)


def temperatures(axes: plt.Axes) -> None:
    """The kinetic temperature at constant energy, mean of the replicas, a point every 50 fs."""
    start = catalogue()["ethanol"].configurations
    for head in HEADS:
        model = load_model(f"{TRAINED / 'ethanol_both.pt'},forces={head}")
        velocities = draw_velocities(start.system, REPLICAS, START_K, np.random.default_rng(1))
        run = Simulation(
            model, start.at(np.repeat(start.positions, REPLICAS, axis=0)), velocities,
            timestep_fs=TIMESTEP_FS,
        )  # fmt: skip
        run.run(STEPS)
        kinetic = run.trace().middle
        # Nine atoms, less the motion of their centre.
        kelvin = kinetic * 2 / (3 * (start.n_atoms - 1) * units.kB)
        part = round(50 / TIMESTEP_FS)
        mean = kelvin.reshape(-1, part, REPLICAS).mean(axis=1)
        time = 1e-3 * 50 * (np.arange(len(mean)) + 0.5)
        error = mean.std(axis=1, ddof=1) / np.sqrt(REPLICAS)
        axes.errorbar(time, mean.mean(axis=1), error, label=head, capsize=2)
    axes.set_xlabel("time at constant energy (ps)")
    axes.set_ylabel("kinetic temperature (K)")
    axes.legend()


if __name__ == "__main__":
    with in_style():
        figure, panels = plt.subplots(1, 2, figsize=(8.0, 3.6))
        predicted_against_true(panels[0])
        temperatures(panels[1])
        save(figure, "trained-networks")
