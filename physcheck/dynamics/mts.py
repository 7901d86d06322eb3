"""Multiple time stepping (r-RESPA): a fast model at each step, an accurate one at each M-th."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physcheck.dynamics.baths import Bath
from physcheck.dynamics.replica_run import ReplicaRun
from physcheck.dynamics.trace import Trace
from physcheck.dynamics.velocities import kinetic_energies
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["MultipleTimeStepping"]


@dataclass(frozen=True, slots=True, eq=False)
class _OuterMoment:
    """Velocities, fast force and correction S at the beginning of an outer step."""

    velocities: Floats
    fast: Floats
    correction: Floats


class MultipleTimeStepping(ReplicaRun):
    """Replicas that a fast model moves and an accurate one corrects every M steps (r-RESPA).

    One outer step of length D = M dt, with ``S = F_accurate - F_fast``:

        v += D/2 S/m;   M times [velocity Verlet, or BAOAB with a bath, by F_fast];   v += D/2 S/m

    so that on average over an outer step the accurate force acts; what is conserved is its energy.
    Net forces are taken off as in :class:`~physcheck.dynamics.integrator.Simulation`. One outer
    step of B replicas costs M B evaluations of the fast model and B of the accurate one; the start
    B of each. All but the models' own arithmetic is float64. At M = 1 the trajectory is that of
    the accurate force alone.

    The shadow energy is E + K plus

        dt²/12 v.V_f''v - dt²/24 |F_f|²/m  +  D²/12 (v.S''v - S.F_f/m) - D²/24 |S|²/m,

    the terms of the inner and the outer splitting, from differences along the trajectory as in
    :mod:`physcheck.dynamics.shadow`; at M = 1 it is the three-point formula there. ``-S.F_f/m`` is
    what the fast force adds to the second derivative of the correction's potential along its flow.

    Parameters
    ----------
    fast : Meter
        Forces at every step; no energy needed.
    accurate : Meter
        Forces, and energy if it gives one, at every M-th step.
    timestep_fs : float
        The inner one.
    stride : int
        M.
    correct : bool
        False leaves S out: the fast model alone, with the accurate one's energy at each M-th step.
    start, velocities, bath, rng, atom_kinetic
        As :class:`~physcheck.dynamics.replica_run.ReplicaRun` takes them; steps are inner ones. The
        bath acts in every inner step.

    Raises
    ------
    ModelError, NonFiniteOutput, AllotmentExceeded
        From the models; the trace up to that outer step stays.

    Source: Tuckerman, Berne, Martyna, J. Chem. Phys. 97, 1990 (1992); for direct and conservative
    forces Bigi, Langer, Ceriotti, arXiv 2412.11569, sec. 5; the shadow's terms as in Hairer,
    Lubich, Wanner, Acta Numerica 12 (2003).
    """

    def __init__(
        self,
        fast: Meter,
        accurate: Meter,
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
        super().__init__(
            start,
            velocities,
            timestep_fs=timestep_fs,
            bath=bath,
            rng=rng,
            atom_kinetic=atom_kinetic,
        )
        if stride < 1:
            raise ValueError(f"stride is {stride}, should be 1 or more")
        self.fast, self.accurate, self.stride, self.correct = fast, accurate, stride, correct
        self.forces = self._evaluate_fast()
        self.correction, self.energies = self._evaluate_accurate()
        # Of the last outer moment: the correction of the one before it, and the fast force an
        # inner step before it.
        self._correction_before: Floats | None = None
        self._fast_before: Floats | None = None
        self._record_moment()

    def _evaluate_fast(self) -> Floats:
        answer = self.fast.evaluate(self._configurations())
        return self._without_net_force(answer.require_forces())

    def _evaluate_accurate(self) -> tuple[Floats, Floats]:
        """The correction S, and the energy (NaN where there is none)."""
        want = frozenset({"forces", "energy"}) & self.accurate.capabilities.outputs
        answer = self.accurate.evaluate(self._configurations(), want=want)
        energies = answer.energy
        correction = np.zeros_like(self.forces)
        if self.correct:
            correction = self._without_net_force(answer.require_forces()) - self.forces
        return correction, np.full(len(correction), np.nan) if energies is None else energies

    def _step(self) -> None:
        """One outer step."""
        kick = 0.5 * self.stride * self.timestep * self._inverse_masses
        here = _OuterMoment(self.velocities, self.forces, self.correction)
        self.velocities = self.velocities + kick * self.correction
        fast_after: Floats | None = None
        for _ in range(self.stride):
            fast_before = self.forces
            self._inner_step()
            fast_after = self.forces if fast_after is None else fast_after
        self.correction, self.energies = self._evaluate_accurate()
        assert fast_after is not None
        if self._correction_before is not None and self._fast_before is not None:
            self._account.shadow.append(
                self.last_total
                + self._shadow_term(here, self._fast_before, fast_after, self._correction_before)
            )
        self._correction_before, self._fast_before = here.correction, fast_before
        self.velocities = self.velocities + kick * self.correction
        self.steps += 1
        self._record_moment()

    def _inner_step(self) -> None:
        half = 0.5 * self.timestep
        kick = half * self._inverse_masses
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
        self._account.middle.append(each if self.atom_kinetic else total)
        self.positions = self.positions + half * self.velocities
        self.forces = self._evaluate_fast()
        self.velocities = self.velocities + kick * self.forces

    def _shadow_term(
        self,
        here: _OuterMoment,
        fast_before: Floats,
        fast_after: Floats,
        correction_before: Floats,
    ) -> Floats:
        """(B,) what makes E + K of the moment ``here`` a shadow energy, eV (see the class)."""
        dt, outer = self.timestep, self.stride * self.timestep

        def curvature(after: Floats, before: Floats, span: float) -> Floats:
            """``v.V''v`` from forces at both sides, ``span`` apart from here."""
            change = np.einsum("bna,bna->b", here.velocities, after - before)
            found: Floats = -change / (2 * span)
            return found

        def product(one: Floats, other: Floats) -> Floats:
            """``sum of one.other/m``."""
            found: Floats = np.einsum("bna,bna,n->b", one, other, 1.0 / self.masses)
            return found

        # The 1/12 and 1/24 are those of velocity Verlet's shadow energy, once for each splitting.
        inner = curvature(fast_after, fast_before, dt) / 12 - product(here.fast, here.fast) / 24
        slow = curvature(self.correction, correction_before, outer) / 12
        slow = slow - product(here.correction, here.fast) / 12
        slow = slow - product(here.correction, here.correction) / 24
        term: Floats = dt**2 * inner + outer**2 * slow
        return term

    def _record_moment(self) -> None:
        account = self._account
        account.potential.append(self.energies)
        account.kinetic.append(kinetic_energies(self.velocities, self.masses).sum(axis=1))
        account.heat.append(self._heat)
        account.work.append(account.kinetic[-1] - account.kinetic[0] - self._heat)

    def trace(self) -> Trace:
        """The account of the outer moments so far; ``middle`` has a row for every inner step."""
        return self._account.trace(self.stride * self.timestep_fs, 1, self._middle_shape)
