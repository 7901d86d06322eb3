"""What ``mts_tandem`` predicts of a pair, held against what an engine wrote of its replicas.

A run of either engine has ``potential`` and ``kinetic`` (T + 1,) eV at each outer step.
"""

import math

import numpy as np
import pytest
from ase.units import kB

from physcheck.checks.dynamics.mts_runs import Pair, drift_of
from physcheck.dynamics import degrees_of_freedom
from physcheck.model import Meter
from physcheck.system import Configurations

PER_PS = 1e-3


def row_of(found, name):
    """A row of the table of ``mts_tandem``, such as ``stride 4``."""
    return next(r for r in found.evidence["quantities"]["table"] if r["name"] == name)


def recommended_stride(found):
    return found.evidence["quantities"]["recommended_stride"]


def printed_lines(found):
    """The lines for i-PI, and those for LAMMPS."""
    lines = [line.strip() for line in found.evidence["lines"]]
    first = next(n for n, line in enumerate(lines) if line.startswith("for i-PI"))
    second = next(n for n, line in enumerate(lines) if line.startswith("for LAMMPS"))
    return lines[first:second], lines[second:]


def equilibrated_pair(fast, accurate, atoms, predicted, *, temperature_K, replicas, steps):
    """Replicas of their own, at the timestep that ``mts_tandem`` chose."""
    return Pair.equilibrated(
        Meter(fast), Meter(accurate), Configurations.from_atoms(atoms), np.random.default_rng(2),
        temperature_K=temperature_K, replicas=replicas, steps=steps,
        timestep_fs=predicted.evidence["quantities"]["timestep_fs"],
    )  # fmt: skip


def replica_of(pair, atoms, replica):
    """Where a replica begins: Atoms, and velocities (N, 3) in ASE's unit."""
    there = atoms.copy()
    there.positions = pair.start.positions[replica]
    return there, pair.velocities[replica]


def places_in(path, n_atoms, head):
    """(T, N, 3) from a file of frames: ``head`` lines, then a line an atom, its name first."""
    lines = path.read_text().splitlines()
    frames = range(0, len(lines), n_atoms + head)
    rows = [lines[k + head : k + head + n_atoms] for k in frames]
    return np.array([[row.split()[1:4] for row in frame] for frame in rows], dtype=float)


def energies_along(model, pair, run):
    """(T + 1,) eV, what a model says of the places of a run of a system without a cell."""
    cells = np.zeros((len(run.positions), 3, 3))
    there = Configurations(pair.start.system, run.positions, cells)
    return model.evaluate(there, want={"energy"}).energy


def assert_total_energy_is_ours(runs, pair, stride, steps, within):
    """The first outer steps are those of our integrator; it is returned, moved so far."""
    ours = pair._pair(stride)
    ours.run(steps)
    trace = ours.trace()
    for replica, run in enumerate(runs):
        total = (run.potential + run.kinetic)[: steps + 1]
        assert total - total[0] == pytest.approx(
            trace.total[:, replica] - trace.total[0, replica], abs=within
        )
    return ours


def drift_along(pair, totals, stride=1):
    """Drift of total energies, a (T + 1,) array a replica, eV."""
    each = np.array(totals).T / len(pair.start.system)
    return drift_of(PER_PS * stride * pair.timestep_fs * np.arange(len(each)), each)


def assert_drift_is_predicted(engine, runs, pair, stride, predicted):
    """Ours has the integrator's swings taken off, an engine's hasn't: they are in its error."""
    drift = drift_along(pair, [run.potential + run.kinetic for run in runs], stride)
    row = row_of(predicted, f"stride {stride}")
    error = math.hypot(drift.error, drift.allowance)
    print(f"{engine} {drift.mean:.2e} ± {error:.0e} eV/atom/ps, "
          f"predicted {row['drift']:.2e} ± {row['drift_error']:.0e}")  # fmt: skip
    assert abs(drift.mean - row["drift"]) < 4 * math.hypot(error, row["drift_error"])


def assert_temperature_is_predicted(engine, runs, pair, stride, predicted):
    """Mean over all atoms; the predicted one weighs species by their numbers of atoms."""
    system = pair.start.system
    each = [2 * run.kinetic.mean() / (kB * degrees_of_freedom(system)) for run in runs]
    mean, error = np.mean(each), np.std(each, ddof=1) / math.sqrt(len(each))
    row = row_of(predicted, f"stride {stride}")
    species = list(row["temperatures_K"])
    symbols = pair.start.to_atoms().get_chemical_symbols()
    weights = np.array([symbols.count(s) for s in species]) / len(symbols)
    expected = weights @ [row["temperatures_K"][s] for s in species]
    spread = weights @ [row["temperature_errors_K"][s] for s in species]
    print(f"{engine} {mean:.2f} ± {error:.2f} K, predicted {expected:.2f} ± {spread:.2f} K")
    assert abs(mean - expected) < 4 * math.hypot(error, spread)
