"""How long the experiments are: a trial of some minutes, or the paper's lengths."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PAPER", "SCALES", "SMALL", "Scale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Lengths of all experiments.

    Attributes
    ----------
    name : str
    batch_atoms, replicas : int
        Replicas of a run: as many as have so many atoms in all, between 4 and ``replicas``.
    atom_steps : float
        Steps of a run are no more than this over the atoms of all replicas.
    global_atom_steps : float
        The same of a run under the global bath, where species take half a picosecond to part.
    equilibration_steps, nve_steps, bath_steps : int
        Steps wanted.
    stride : int
        Of the pair in runs with multiple time stepping (the paper: 8).
    directions, places : int
        Of the Jacobian along random directions, and at how many thermal places.
    jacobian_coordinates : int
        The largest system, 3N, whose whole Jacobian is built.
    loop_points, loops : int
    relaxation_steps, relaxations : int
        Evaluations of a relaxation, and starts of each optimiser.
    relaxation_atom_steps : float
        Starts are no more than this over the atom evaluations of one start, two at least.
    optimisers : tuple of str
    mts_steps, sampling_steps : int
        Of the runs at several strides.
    strides : tuple of int
    rotations : int
        Over which forces are averaged.
    timings : int
        Calls of a timing.
    """

    name: str
    batch_atoms: int
    replicas: int
    atom_steps: float
    global_atom_steps: float
    equilibration_steps: int
    nve_steps: int
    bath_steps: int
    stride: int
    directions: int
    places: int
    jacobian_coordinates: int
    loop_points: int
    loops: int
    relaxation_steps: int
    relaxations: int
    relaxation_atom_steps: float
    optimisers: tuple[str, ...]
    mts_steps: int
    sampling_steps: int
    strides: tuple[int, ...]
    rotations: int
    timings: int

    def replicas_of(self, n_atoms: int) -> int:
        """How many replicas a run has; four at least, so that their scatter says something."""
        return min(self.replicas, max(4, self.batch_atoms // n_atoms))

    def steps_of(self, wanted: int, n_atoms: int, *, global_bath: bool = False) -> int:
        """How many of the steps ``wanted`` a run takes."""
        atom_steps = self.global_atom_steps if global_bath else self.atom_steps
        most = atom_steps / (n_atoms * self.replicas_of(n_atoms))
        return int(min(wanted, max(most, 4 * self.stride)))

    def starts_of(self, n_atoms: int) -> int:
        """How many relaxations an optimiser makes."""
        most = self.relaxation_atom_steps / (n_atoms * self.relaxation_steps * len(self.optimisers))
        return int(min(self.relaxations, max(2, most)))


SMALL = Scale(
    name="small",
    batch_atoms=600,
    replicas=16,
    atom_steps=150_000,
    global_atom_steps=600_000,
    equilibration_steps=400,
    nve_steps=1_000,
    bath_steps=1_000,
    stride=4,
    directions=16,
    places=3,
    jacobian_coordinates=400,
    loop_points=128,
    loops=4,
    relaxation_steps=300,
    relaxations=6,
    relaxation_atom_steps=50_000,
    optimisers=("LBFGS", "FIRE"),
    mts_steps=96,
    sampling_steps=96,
    strides=(2, 4, 8),
    rotations=8,
    timings=5,
)

# 1 ns in all replicas of a bath, 40,000 steps at constant energy, 1,000 points of a loop, 1,000
# evaluations of a relaxation: arXiv 2412.11569, Figs. 2 and 6, Tables 2 and 7.
PAPER = Scale(
    name="paper",
    batch_atoms=2_000,
    replicas=8,
    atom_steps=float("inf"),
    global_atom_steps=float("inf"),
    equilibration_steps=4_000,
    nve_steps=40_000,
    bath_steps=250_000,
    stride=8,
    directions=64,
    places=8,
    jacobian_coordinates=2_000,
    loop_points=1_000,
    loops=16,
    relaxation_steps=1_000,
    relaxations=100,
    relaxation_atom_steps=float("inf"),
    optimisers=("LBFGS", "FIRE"),
    mts_steps=4_800,
    sampling_steps=20_000,
    strides=(2, 4, 6, 8, 12, 16),
    rotations=24,
    timings=20,
)

#: By the name that the option has.
SCALES = {scale.name: scale for scale in (SMALL, PAPER)}
