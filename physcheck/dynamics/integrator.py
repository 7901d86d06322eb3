"""Trajectories of B replicas: B (kick), A (drift), O (bath), with the energies of every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from physcheck.dynamics.baths import Bath
from physcheck.dynamics.replica_run import ReplicaRun
from physcheck.dynamics.shadow import HALF_WINDOW, ShadowWindow, WindowMoment, shadow_correction
from physcheck.dynamics.trace import Trace
from physcheck.dynamics.velocities import kinetic_energies
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["Simulation", "injected_friction"]

_FRICTION: ContextVar[float] = ContextVar("physcheck_injected_friction", default=0.0)
# A change dv of the velocities changes the shadow energy by dt dv.(F(t + dt) - F(t)) over this: it
# is the 12 of dt² v.V''v/12, and V''v dt is the forces' change over the step.
_BATH_DIVISOR = 12


@contextmanager
def injected_friction(rate_per_ps: float) -> Iterator[None]:
    """Simulations made inside lose energy at a known rate: ``dE/dt = -2 rate K``.  For tests only.

    Velocities are scaled by ``exp(-rate dt/2)`` at both ends of a step, and the account leaves that
    out: a drift of an exactly known size that no force causes.  A negative rate heats.
    """
    token = _FRICTION.set(rate_per_ps)
    try:
        yield
    finally:
        _FRICTION.reset(token)


class Simulation(ReplicaRun):
    """Replicas of one system that one model moves.

    Without a bath velocity Verlet (B A B), with one BAOAB (B A O A B).  The net force is taken off,
    so that the centre of mass keeps still: ``F_i -= (m_i/M) sum F``.  Everything but the model's
    own arithmetic is float64; one step costs B evaluations, the start too.

    Parameters
    ----------
    model : Meter
    start, velocities, timestep_fs, bath, rng, atom_kinetic
        As :class:`~physcheck.dynamics.replica_run.ReplicaRun` takes them.

    Raises
    ------
    ModelError, NonFiniteOutput, AllotmentExceeded
        From the model; the trace up to that step stays.

    Attributes
    ----------
    positions, velocities, forces : (B, N, 3)
        Now.
    shadow_start : WindowMoment or None
        The first moment whose shadow energy is known (no bath).
    """

    def __init__(
        self,
        model: Meter,
        start: Configurations,
        velocities: Floats,
        *,
        timestep_fs: float,
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
        self.model = model
        self._want = frozenset({"forces", "energy"}) & model.capabilities.outputs
        self._half_masses = 0.5 * np.repeat(self.masses, 3)
        self._damping = math.exp(-_FRICTION.get() * 1e-3 * timestep_fs / 2)
        self._work = np.zeros(len(start))
        self._window = (
            ShadowWindow(self.positions, self.masses, self.timestep) if bath is None else None
        )
        # Forces and velocities of the last three moments, for the shadow energy with a bath.
        self._past: list[tuple[Floats, Floats]] = []
        self.shadow_start: WindowMoment | None = None
        self.forces, self.energies = self._evaluate()
        self._record_moment(self._sum_kinetic())

    def _evaluate(self) -> tuple[Floats, Floats]:
        answer = self.model.evaluate(self._configurations(), want=self._want)
        forces = self._without_net_force(answer.require_forces())
        energies = answer.energy
        return forces, np.full(len(forces), np.nan) if energies is None else energies

    def _sum_kinetic(self) -> Floats:
        flat = self.velocities.reshape(len(self.velocities), -1)
        kinetic: Floats = (flat * flat) @ self._half_masses
        return kinetic

    @property
    def shadow_end(self) -> WindowMoment | None:
        """The last moment whose shadow energy is known; None without one."""
        if self._window is None or self.shadow_start is None:
            return None
        return self._window.moment()

    def _step(self) -> None:
        forces_before = self.forces
        if self._damping != 1.0:
            self.velocities = self.velocities * self._damping
        kick = 0.5 * self.timestep * self._inverse_masses
        kinetic_before = self._sum_kinetic() if self._damping != 1.0 else self._account.kinetic[-1]
        self.velocities = self.velocities + kick * self.forces
        kinetic_kicked = self._sum_kinetic()
        middle, exchanged = self._drift(kinetic_kicked)
        if self.atom_kinetic:
            self._account.middle.append(kinetic_energies(self.velocities, self.masses))
        else:
            self._account.middle.append(middle)
        self.forces, self.energies = self._evaluate()
        self._work = self._work + kinetic_kicked - kinetic_before
        if exchanged is not None:
            # O changes the shadow energy by more than K, since the forces change by J over the
            # mean of the velocities before and after it (see Trace.heat).
            change = np.einsum("bna,bna->b", exchanged[1], self.forces - forces_before)
            self._heat = self._heat + exchanged[0] + self.timestep / _BATH_DIVISOR * change
        self.velocities = self.velocities + kick * self.forces
        kinetic = self._sum_kinetic()
        self._work = self._work + kinetic - middle
        if self._damping != 1.0:
            self.velocities = self.velocities * self._damping
            kinetic = self._sum_kinetic()
        self.steps += 1
        self._record_moment(kinetic)

    def _drift(self, kinetic: Floats) -> tuple[Floats, tuple[Floats, Floats] | None]:
        """A, or A O A with a bath: K in the middle, and the changes of K and velocities by O."""
        if self.bath is None:
            self.positions = self.positions + self.timestep * self.velocities
            return kinetic, None
        assert self.rng is not None
        half = 0.5 * self.timestep
        self.positions = self.positions + half * self.velocities
        old = self.velocities
        self.velocities = self.bath.act(old, self.masses, self.timestep, self.rng)
        self.positions = self.positions + half * self.velocities
        middle = self._sum_kinetic()
        return middle, (middle - kinetic, self.velocities - old)

    def _record_moment(self, kinetic: Floats) -> None:
        account = self._account
        account.potential.append(self.energies)
        account.kinetic.append(kinetic)
        account.heat.append(self._heat)
        account.work.append(self._work)
        if self._window is not None:
            known = self._window.push(self.positions, self.velocities, self.forces, self.energies)
            if known is not None:
                if self.shadow_start is None:
                    self.shadow_start = self._window.moment()
                account.shadow.append(known)
            return
        # BAOAB: the three-point formula, known one step late.
        self._past.append((self.forces, self.velocities))
        if len(self._past) < 3:
            return
        (before, _), (forces, velocities), (after, _) = self._past
        del self._past[0]
        correction = shadow_correction(
            velocities, before, forces, after, self.masses, self.timestep
        )
        account.shadow.append(account.potential[-2] + account.kinetic[-2] + correction)

    def trace(self) -> Trace:
        """The account of the moments so far."""
        lead = HALF_WINDOW if self._window is not None else 1
        return self._account.trace(self.timestep_fs, lead, self._middle_shape)
