"""Multiple time stepping: a cheap force at every step, what it lacks of a better one every M steps."""

from __future__ import annotations

import numpy as np
from ase.units import fs

from physcheck.dynamics.baths import Bath
from physcheck.dynamics.integrator import Trace
from physcheck.dynamics.velocities import kinetic_energies
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["Tandem"]


class Tandem:
    """Replicas of one system that a fast force moves and a slower, better one corrects (r-RESPA).

    One outer step of length D = M dt, with ``S = F_whole - F_fast``:

        v += D/2 S/m;   M times [velocity Verlet, or BAOAB with a bath, by F_fast];   v += D/2 S/m

    so that on average over an outer step the whole force acts, and the energy of the whole force is what is
    conserved. Net forces are taken off as in :class:`~physcheck.dynamics.integrator.Simulation`.
    One outer step of B replicas costs M B evaluations of the fast model and B of the whole one; the start
    B of each. All but the models' own arithmetic is float64. At M = 1 the trajectory is that of the whole force.

    The shadow energy is E + K plus

        dt²/12 v.V_f''v - dt²/24 |F_f|²/m  +  D²/12 (v.S''v - S.F_f/m) - D²/24 |S|²/m,

    the inner and the outer splitting's own terms, from differences along the way as in :mod:`physcheck.dynamics.shadow`; at
    M = 1 it is the three-point formula there. ``-S.F_f/m`` is what the fast force adds to the second derivative of the
    slow potential along its flow.

    Parameters
    ----------
    fast, whole : Meter
        Forces at every step (no energy needed); forces and, if it gives one, energy at every M-th.
    start : Configurations
        B replicas.
    velocities : (B, N, 3)
        ASE's unit.
    timestep_fs : float
        The inner one.
    stride : int
        M.
    correct : bool
        False leaves S out: the fast model alone, its energy still booked by the whole one at every M-th step.
    bath : Bath or None
        Acts in every inner step.
    rng : numpy Generator
        For the bath.
    atom_kinetic : bool
        Keep the kinetic energy of each atom in the middle of each inner step.

    Raises
    ------
    ModelError, NonFiniteOutput, AllotmentExceeded
        From the models; the trace up to that outer step stays.

    Source: Tuckerman, Berne, Martyna, J. Chem. Phys. 97, 1990 (1992); for direct and conservative forces Bigi,
    Langer, Ceriotti, arXiv 2412.11569, sec. 5; the shadow's terms as in Hairer, Lubich, Wanner, Acta Numerica 12 (2003).
    """

    def __init__(
        self,
        fast: Meter,
        whole: Meter,
        start: Configurations,
        velocities: Floats,
        *,
        timestep_fs: float,
        stride: int,
        correct: bool = True,
        bath: Bath | None = None,
        rng: np.random.Generator | None = None,
        atom_kinetic: bool = False,
    ) -> None:
        if bath is not None and rng is None:
            raise ValueError("a bath needs rng, a numpy Generator")
        if not timestep_fs > 0:
            raise ValueError(f"timestep_fs is {timestep_fs}, should be positive")
        if stride < 1:
            raise ValueError(f"stride is {stride}, should be 1 or more")
        shape = start.positions.shape
        if velocities.shape != shape:
            raise ValueError(f"velocities have shape {velocities.shape}, should be {shape}")
        self.fast, self.whole, self.bath, self.rng = fast, whole, bath, rng
        self.system, self.cells = start.system, start.cells
        self.masses = start.system.masses
        self.timestep_fs, self.timestep, self.stride = timestep_fs, timestep_fs * fs, stride
        self.correct, self.atom_kinetic = correct, atom_kinetic
        self.positions = start.positions.copy()
        self.velocities = np.array(velocities, dtype=np.float64)
        self.steps = 0
        self._inverse = (1.0 / self.masses)[:, None]
        self._share = (self.masses / self.masses.sum())[:, None]
        self._heat = np.zeros(len(start))
        self._rows: dict[str, list[Floats]] = {
            name: [] for name in ("potential", "kinetic", "heat", "shadow", "middle")
        }
        self.forces = self._ask_fast()
        self.slow, self.energies = self._ask_whole()
        # Of the last outer moment: the slow force of the one before, and the fast one an inner step before.
        self._slow_before: Floats | None = None
        self._fast_before: Floats | None = None
        self._close()

    def _balanced(self, forces: Floats) -> Floats:
        balanced: Floats = forces - self._share * forces.sum(axis=1, keepdims=True)
        return balanced

    def _here(self) -> Configurations:
        return Configurations(self.system, self.positions, self.cells)

    def _ask_fast(self) -> Floats:
        return self._balanced(self.fast.evaluate(self._here()).require_forces())

    def _ask_whole(self) -> tuple[Floats, Floats]:
        """The slow force, and the energy (NaN where there is none)."""
        want = frozenset({"forces", "energy"}) & self.whole.capabilities.outputs
        answer = self.whole.evaluate(self._here(), want=want)
        energies = answer.energy
        slow = np.zeros_like(self.forces)
        if self.correct:
            slow = self._balanced(answer.require_forces()) - self.forces
        return slow, np.full(len(slow), np.nan) if energies is None else energies

    def _sum_kinetic(self) -> Floats:
        total: Floats = kinetic_energies(self.velocities, self.masses).sum(axis=1)
        return total

    @property
    def first_total(self) -> Floats:
        """(B,) E + K at the start, eV."""
        return self._rows["potential"][0] + self._rows["kinetic"][0]

    @property
    def last_unexplained(self) -> Floats:
        """(B,) change of E + K since the start that the bath's heat doesn't account for, eV; NaN without energy."""
        return self.last_total - self.first_total - self._heat

    @property
    def last_total(self) -> Floats:
        """(B,) E + K at the last outer moment, eV."""
        return self._rows["potential"][-1] + self._rows["kinetic"][-1]

    @property
    def last_kinetic(self) -> Floats:
        """(B,) K at the last outer moment, eV."""
        return self._rows["kinetic"][-1]

    def run(self, n_outer: int) -> None:
        """Take ``n_outer`` outer steps of all replicas."""
        for _ in range(n_outer):
            self._outer_step()

    def _outer_step(self) -> None:
        kick = 0.5 * self.stride * self.timestep * self._inverse
        here = self.positions, self.velocities, self.forces, self.slow
        self.velocities = self.velocities + kick * self.slow
        first_after: Floats | None = None
        for _ in range(self.stride):
            fast_before = self.forces
            self._inner_step()
            first_after = self.forces if first_after is None else first_after
        self.slow, self.energies = self._ask_whole()
        assert first_after is not None
        if self._slow_before is not None and self._fast_before is not None:
            self._rows["shadow"].append(
                self.last_total
                + self._correction(here, self._fast_before, first_after, self._slow_before)
            )
        self._slow_before, self._fast_before = here[3], fast_before
        self.velocities = self.velocities + kick * self.slow
        self.steps += 1
        self._close()

    def _inner_step(self) -> None:
        half = 0.5 * self.timestep
        kick = half * self._inverse
        self.velocities = self.velocities + kick * self.forces
        self.positions = self.positions + half * self.velocities
        old = self.velocities
        if self.bath is not None:
            assert self.rng is not None
            self.velocities = self.bath.act(old, self.masses, self.timestep, self.rng)
        each = kinetic_energies(self.velocities, self.masses)
        total = each.sum(axis=1)
        if self.bath is not None:
            self._heat = self._heat + total - kinetic_energies(old, self.masses).sum(axis=1)
        self._rows["middle"].append(each if self.atom_kinetic else total)
        self.positions = self.positions + half * self.velocities
        self.forces = self._ask_fast()
        self.velocities = self.velocities + kick * self.forces

    def _correction(
        self,
        here: tuple[Floats, Floats, Floats, Floats],
        fast_before: Floats,
        fast_after: Floats,
        slow_before: Floats,
    ) -> Floats:
        """(B,) what makes E + K of the moment ``here`` (x, v, F_fast, S) a shadow energy, eV."""
        _, velocities, fast, slow = here
        dt, outer = self.timestep, self.stride * self.timestep

        def curvature(after: Floats, before: Floats, span: float) -> Floats:
            found: Floats = -np.einsum("bna,bna->b", velocities, after - before) / (2 * span)
            return found

        def product(one: Floats, other: Floats) -> Floats:
            found: Floats = np.einsum("bna,bna,n->b", one, other, 1.0 / self.masses)
            return found

        inner = curvature(fast_after, fast_before, dt) / 12 - product(fast, fast) / 24
        slower = curvature(self.slow, slow_before, outer) / 12
        slower = slower - product(slow, fast) / 12 - product(slow, slow) / 24
        correction: Floats = dt**2 * inner + outer**2 * slower
        return correction

    def _close(self) -> None:
        """Book one outer moment."""
        self._rows["potential"].append(self.energies)
        self._rows["kinetic"].append(self._sum_kinetic())
        self._rows["heat"].append(self._heat)

    def trace(self) -> Trace:
        """The accounts of the outer moments so far; ``middle`` has a row for every inner step.

        ``heat`` is the kinetic energy that the bath put in, without its effect on the shadow energy (of order dt²).
        """
        rows = {name: np.array(self._rows[name]) for name in ("potential", "kinetic", "heat")}
        shadow = np.full(rows["kinetic"].shape, np.nan)
        known = self._rows["shadow"]
        if known:
            shadow[1 : 1 + len(known)] = known
        n_atoms = len(self.masses)
        empty = np.zeros((0, len(self.positions), *((n_atoms,) if self.atom_kinetic else ())))
        return Trace(
            time_fs=self.stride * self.timestep_fs * np.arange(len(shadow), dtype=np.float64),
            work=rows["kinetic"] - rows["kinetic"][0] - rows["heat"],
            shadow=shadow,
            middle=np.array(self._rows["middle"]) if self._rows["middle"] else empty,
            **rows,
        )
