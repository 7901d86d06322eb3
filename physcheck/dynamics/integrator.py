"""One trajectory of B replicas: B (kick), A (drift), O (bath), and the accounts of every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from ase.units import fs

from physcheck.dynamics.baths import Bath
from physcheck.dynamics.shadow import HALF_WINDOW, ShadowWindow, WindowMoment, shadow_correction
from physcheck.dynamics.velocities import kinetic_energies
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["Simulation", "Trace", "injected_friction"]

_FRICTION: ContextVar[float] = ContextVar("physcheck_injected_friction", default=0.0)


@contextmanager
def injected_friction(rate_per_ps: float) -> Iterator[None]:
    """Simulations made inside lose energy at a known rate: ``dE/dt = -2 rate K``.  For tests only.

    Velocities are scaled by ``exp(-rate dt/2)`` at both ends of a step, off the books: a drift of an
    exactly known size that no force is to blame for.  A negative rate heats.
    """
    token = _FRICTION.set(rate_per_ps)
    try:
        yield
    finally:
        _FRICTION.reset(token)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The accounts of T + 1 moments (the start and T steps) of B replicas, energies in eV.

    Attributes
    ----------
    time_fs : (T + 1,) float
    potential : (T + 1, B) float
        The model's energy; NaN where it gives none.
    kinetic : (T + 1, B) float
        At the end of steps.  Biased by ``-(omega dt)²/4`` at a given total energy: for temperatures
        take ``middle``.
    heat : (T + 1, B) float
        What the bath put in since the start, its effect on the shadow energy included.
    work : (T + 1, B) float
        Kinetic energy that the forces put in since the start.
    shadow : (T + 1, B) float
        The integrator's own conserved energy; without a bath to dt^8 and NaN in the first and last
        few moments, with a bath to dt^4 and NaN in the first and last.
    conserved : (T + 1, B) float
        ``shadow - heat``.
    middle : (T, B) float, or (T, B, N)
        Kinetic energy in the middle of each step (around O): of all atoms or, if asked for, of each.
    """

    time_fs: Floats
    potential: Floats
    kinetic: Floats
    heat: Floats
    work: Floats
    shadow: Floats
    middle: Floats

    @property
    def total(self) -> Floats:
        """(T + 1, B) E + K."""
        return self.potential + self.kinetic

    @property
    def conserved(self) -> Floats:
        """(T + 1, B) the shadow energy less the heat."""
        return self.shadow - self.heat


class Simulation:
    """Replicas of one system in motion.

    Without a bath velocity Verlet (B A B), with one BAOAB (B A O A B).  The net force is taken off, so
    that the centre of mass keeps still: ``F_i -= (m_i/M) sum F``.  Everything but the model's own
    arithmetic is float64; one step costs B evaluations, the start too.

    Parameters
    ----------
    model : Meter
    start : Configurations
        B replicas.
    velocities : (B, N, 3)
        ASE's unit, as :func:`~physcheck.dynamics.velocities.draw_velocities` makes them.
    timestep_fs : float
    bath : Bath or None
    rng : numpy Generator
        For the bath.
    atom_kinetic : bool
        Keep the kinetic energy of each atom in the middle of each step, not just the sum.

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
        if bath is not None and rng is None:
            raise ValueError("a bath needs rng, a numpy Generator")
        if not timestep_fs > 0:
            raise ValueError(f"timestep_fs is {timestep_fs}, should be positive")
        shape = start.positions.shape
        if velocities.shape != shape:
            raise ValueError(f"velocities have shape {velocities.shape}, should be {shape}")
        self.model, self.bath, self.rng = model, bath, rng
        self.system, self.cells = start.system, start.cells
        self.masses = start.system.masses
        self.timestep_fs, self.timestep = timestep_fs, timestep_fs * fs
        self.atom_kinetic = atom_kinetic
        self.positions = start.positions.copy()
        self.velocities = np.array(velocities, dtype=np.float64)
        self.steps = 0
        self._want = frozenset({"forces", "energy"}) & model.capabilities.outputs
        self._inverse = (1.0 / self.masses)[:, None]
        self._half_masses = 0.5 * np.repeat(self.masses, 3)
        self._share = (self.masses / self.masses.sum())[:, None]
        self._damping = math.exp(-_FRICTION.get() * 1e-3 * timestep_fs / 2)
        n_batch = len(start)
        self._heat, self._work = np.zeros(n_batch), np.zeros(n_batch)
        self._rows: dict[str, list[Floats]] = {
            name: [] for name in ("potential", "kinetic", "heat", "work", "shadow", "middle")
        }
        self._window = (
            ShadowWindow(self.positions, self.masses, self.timestep) if bath is None else None
        )
        self._past: list[tuple[Floats, Floats]] = []
        self.shadow_start: WindowMoment | None = None
        self.forces, self.energies = self._ask()
        self._close(self._sum_kinetic())

    def _ask(self) -> tuple[Floats, Floats]:
        answer = self.model.evaluate(
            Configurations(self.system, self.positions, self.cells), want=self._want
        )
        forces = answer.require_forces()
        forces = forces - self._share * forces.sum(axis=1, keepdims=True)
        energies = answer.energy
        return forces, np.full(len(forces), np.nan) if energies is None else energies

    def _sum_kinetic(self) -> Floats:
        flat = self.velocities.reshape(len(self.velocities), -1)
        kinetic: Floats = (flat * flat) @ self._half_masses
        return kinetic

    @property
    def first_total(self) -> Floats:
        """(B,) E + K at the start, eV."""
        return self._rows["potential"][0] + self._rows["kinetic"][0]

    @property
    def first_kinetic(self) -> Floats:
        """(B,) K at the start, eV."""
        return self._rows["kinetic"][0]

    @property
    def last_total(self) -> Floats:
        """(B,) E + K now, eV."""
        return self._rows["potential"][-1] + self._rows["kinetic"][-1]

    @property
    def last_unexplained(self) -> Floats:
        """(B,) change of E + K since the start that the bath's heat doesn't account for, eV; NaN without energy."""
        return self.last_total - self.first_total - self._heat

    @property
    def last_kinetic(self) -> Floats:
        """(B,) K now, eV."""
        return self._rows["kinetic"][-1]

    @property
    def shadow_end(self) -> WindowMoment | None:
        """The last moment whose shadow energy is known; None without one."""
        if self._window is None or self.shadow_start is None:
            return None
        return self._window.moment()

    def run(self, n_steps: int) -> None:
        """Take ``n_steps`` steps of all replicas."""
        for _ in range(n_steps):
            self._step()

    def _step(self) -> None:
        half = 0.5 * self.timestep
        forces_before = self.forces
        if self._damping != 1.0:
            self.velocities = self.velocities * self._damping
        kick = half * self._inverse
        kinetic_before = self._sum_kinetic() if self._damping != 1.0 else self._rows["kinetic"][-1]
        self.velocities = self.velocities + kick * self.forces
        middle = kinetic_middle = self._sum_kinetic()
        exchanged: tuple[Floats, Floats] | None = None
        if self.bath is None:
            self.positions = self.positions + self.timestep * self.velocities
        else:
            assert self.rng is not None
            self.positions = self.positions + half * self.velocities
            old = self.velocities
            self.velocities = self.bath.act(old, self.masses, self.timestep, self.rng)
            self.positions = self.positions + half * self.velocities
            middle = self._sum_kinetic()
            exchanged = middle - kinetic_middle, self.velocities - old
        if self.atom_kinetic:
            self._rows["middle"].append(kinetic_energies(self.velocities, self.masses))
        else:
            self._rows["middle"].append(middle)
        self.forces, self.energies = self._ask()
        self._work = self._work + kinetic_middle - kinetic_before
        if exchanged is not None:
            # The O step changes the shadow energy by more than K: dt/12 dv.(F(t+dt) - F(t)), because
            # the forces change by J over the mean of both velocities (see Trace.heat).
            change = np.einsum("bna,bna->b", exchanged[1], self.forces - forces_before)
            self._heat = self._heat + exchanged[0] + self.timestep / 12 * change
        self.velocities = self.velocities + kick * self.forces
        kinetic = self._sum_kinetic()
        self._work = self._work + kinetic - middle
        if self._damping != 1.0:
            self.velocities = self.velocities * self._damping
            kinetic = self._sum_kinetic()
        self.steps += 1
        self._close(kinetic)

    def _close(self, kinetic: Floats) -> None:
        """Book one moment."""
        rows = self._rows
        rows["potential"].append(self.energies)
        rows["kinetic"].append(kinetic)
        rows["heat"].append(self._heat)
        rows["work"].append(self._work)
        if self._window is not None:
            known = self._window.push(self.positions, self.velocities, self.forces, self.energies)
            if known is not None:
                if self.shadow_start is None:
                    self.shadow_start = self._window.moment()
                rows["shadow"].append(known)
            return
        # BAOAB: the three-point formula, one step late.
        self._past.append((self.forces, self.velocities))
        if len(self._past) < 3:
            return
        (before, _), (forces, velocities), (after, _) = self._past
        del self._past[0]
        correction = shadow_correction(
            velocities, before, forces, after, self.masses, self.timestep
        )
        rows["shadow"].append(rows["potential"][-2] + rows["kinetic"][-2] + correction)

    def trace(self) -> Trace:
        """The accounts so far."""
        n_moments, n_batch = len(self._rows["kinetic"]), len(self.positions)
        rows = {
            name: np.array(self._rows[name]) for name in ("potential", "kinetic", "heat", "work")
        }
        shadow = np.full((n_moments, n_batch), np.nan)
        known = self._rows["shadow"]
        lead = HALF_WINDOW if self._window is not None else 1
        if known:
            shadow[lead : lead + len(known)] = known
        shape = (0, n_batch, len(self.masses)) if self.atom_kinetic else (0, n_batch)
        middle = np.array(self._rows["middle"]) if self._rows["middle"] else np.zeros(shape)
        return Trace(
            time_fs=self.timestep_fs * np.arange(n_moments, dtype=np.float64),
            shadow=shadow,
            middle=middle,
            **rows,
        )
