"""The figure of docs/performance.md: what physcheck itself takes, against N and B.

``make figures`` writes the SVG file beside this script, and prints the numbers.  The model is a
ring of springs, which takes next to no time, and its own time is taken off.  Processor seconds of
one thread, so that other programs hardly matter; memory is the peak of what Python and numpy hold.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from ase.build import bulk
from figure_style import in_style, save

from physcheck.checks import all_checks
from physcheck.model import Capabilities
from physcheck.system import Configurations, Evaluation, as_configurations

CHECKS = ("net_force", "force_energy_gap", "loop_work", "jacobian_asymmetry")
# Cubic cells of four atoms along an edge.
EDGES = (3, 6, 9, 14)
DIRECTIONS = (8, 16, 32, 64)


class Ring:
    """Anharmonic springs along the order of the atoms; ``seconds`` of its own are counted."""

    def __init__(self, start: Configurations) -> None:
        self.places = start.positions[0]
        self.seconds = 0.0
        outputs = frozenset({"energy", "forces"})
        self.capabilities = Capabilities("ring", "benchmark", outputs, batched=True)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Energies and forces."""
        began = time.process_time()
        u = configurations.positions - self.places
        stretch = np.roll(u, -1, axis=1) - u
        pull = stretch + 0.3 * stretch**2
        forces = pull - np.roll(pull, 1, axis=1) - u
        energy = (0.5 * stretch**2 + 0.1 * stretch**3 + 0.5 * u**2).sum(axis=(1, 2))
        self.seconds += time.process_time() - began
        return Evaluation(energy=energy, forces=forces)


def crystal(edge: int) -> Configurations:
    """Copper of ``4 edge^3`` atoms."""
    return as_configurations(bulk("Cu", cubic=True) * (edge, edge, edge))


def cost(check: str, start: Configurations, **options: Any) -> tuple[float, float, int]:
    """Processor seconds without the model's, peak of memory in MB, and evaluations."""
    spec = all_checks()[check]
    given = {**spec.options.get("quick", {}), **options}

    def run() -> tuple[Ring, Any]:
        model = Ring(start)
        return model, spec.measure(model, start, rng=np.random.default_rng(0), **given)

    run()
    began = time.process_time()
    model, made = run()
    seconds = time.process_time() - began - model.seconds
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return seconds, peak / 1e6, made.force_evaluations


def curves(
    names: Sequence[str], places: Sequence[int], measure: Callable[[str, int], Any]
) -> dict[str, list[Any]]:
    """The costs of each name at each place, printed as they come."""
    found: dict[str, list[Any]] = {}
    for name in names:
        for place in places:
            made = measure(name, place)
            print(f"{name:20} {place:6} {made[0]:7.3f} s {made[1]:7.1f} MB {made[2]:4} evaluations")
            found.setdefault(name, []).append(made)
    return found


def main() -> None:
    """Measure, print and draw."""
    starts = {4 * edge**3: crystal(edge) for edge in EDGES}
    by_size = curves(CHECKS, list(starts), lambda name, n: cost(name, starts[n]))
    middle = crystal(EDGES[1])
    by_batch = curves(
        ["jacobian_asymmetry"], DIRECTIONS, lambda name, k: cost(name, middle, directions=k)
    )["jacobian_asymmetry"]
    with in_style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), layout="constrained")
        for name, costs in by_size.items():
            each = [1e3 * seconds / made for seconds, _, made in costs]
            axes[0].plot(list(starts), each, "o-", label=name)
            axes[1].plot(list(starts), [peak for _, peak, _ in costs], "o-", label=name)
        axes[2].plot([made for *_, made in by_batch], [peak for _, peak, _ in by_batch], "o-")
        labels = ("ms an evaluation", "peak of memory (MB)", "peak of memory (MB)")
        for one, label in zip(axes, labels, strict=True):
            one.set(xscale="log", yscale="log", xlabel="atoms N", ylabel=label)
        axes[2].set_xlabel(f"evaluations B, N = {middle.n_atoms}")
        axes[0].legend(fontsize=8)
        save(figure, "performance")


if __name__ == "__main__":
    main()
