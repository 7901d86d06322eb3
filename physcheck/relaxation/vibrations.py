"""Small vibrations about a place.

The mass-weighted Jacobian within a subspace, and what grows there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase.units import fs
from numpy.typing import ArrayLike, NDArray

from physcheck.model import Meter
from physcheck.numerics.quantiles import noise_rms_quantile
from physcheck.probes.directions import orthonormal_directions
from physcheck.resolution import Resolution, visit
from physcheck.system import Configurations, Floats

__all__ = ["Pair", "Vibrations", "confirm_pair", "growth_rate", "measure_vibrations", "rigid_modes"]

#: sqrt(eV/Å²/amu) in rad/ps.
PER_PS = 1e3 * fs
# rms displacement of a coordinate in a probe, Å: from the noise of the forces, within these bounds.
_STEP_RANGE = (2e-5, 4e-3)
# Relative curvature of forces, 1/Å²: a bond's Morse exponent of 5/Å, squared; only the step starts
# from it.
_CURVATURE = 25.0
_PILOTS = 4
# Directions whose length is below this share of the longest are no motion of their own (linear
# molecules).
_RANK = 1e-6
# Error matrices drawn for the upper bound of a growth rate; the largest of so many is its 97.5 %
# quantile.
_DRAWS = 40
# The noise is known within a factor of 2 or so.
_NOISE_MARGIN = 1.5


def rigid_modes(start: Configurations) -> tuple[Floats, Floats]:
    """Orthonormal mass-weighted shifts (3, 3N) and turns (t, 3N) that change no force.

    Without periodic axes the turns that move something (3, 2 for a linear molecule, none for an
    atom); with one the turn about it.
    """
    system = start.system
    root = np.sqrt(system.masses)[:, None]
    x = start.positions[0]
    centred = x - (system.masses @ x) / system.masses.sum()
    shifts = np.stack([(root * axis).ravel() for axis in np.eye(3)])
    shifts = shifts / np.linalg.norm(shifts, axis=1, keepdims=True)
    if not system.is_periodic:
        axes = np.eye(3)
    elif int(system.pbc.sum()) == 1:
        along = start.cells[0][system.pbc]
        axes = along / np.linalg.norm(along)
    else:
        return shifts, np.zeros((0, shifts.shape[1]))
    turns = np.stack([(root * np.cross(axis, centred)).ravel() for axis in axes])
    _, sizes, rows = np.linalg.svd(turns, full_matrices=False)
    moves = sizes > _RANK * max(float(np.linalg.norm(root * x)), 1e-300)
    return shifts, rows[moves & (sizes > _RANK * sizes[0])]


def growth_rate(eigenvalues: ArrayLike) -> Floats:
    """1/ps, of exp(i sqrt(L) t) for complex eigenvalues L of the mass-weighted force constants,
    eV/Å²/amu.

    Zero for real ones, negative ones included: those are slopes of a saddle, not a gain around a
    cycle.
    """
    values = np.asarray(eigenvalues, dtype=np.complex128)
    rates: Floats = np.where(values.imag != 0, np.abs(np.sqrt(values).imag), 0.0) * PER_PS
    return rates


@dataclass(frozen=True, slots=True, eq=False)
class Vibrations:
    """The block B = W D W^T of D = -M^-1/2 J M^-1/2 within k orthonormal directions W.

    Attributes
    ----------
    start : Configurations
        B = 1: where.
    frame : (k, 3N)
        W, mass-weighted; rigid shifts left out.
    turns : int
        The first so many directions of W are rigid turns.
    block : (k, k) eV/Å²/amu
        B; symmetric for the gradient of an energy, anywhere.
    error : float, eV/Å²/amu
        Standard deviation of its elements: noise, or the change with twice the step where that is
        more.
    noise : float, eV/Å²/amu
        The noise's part.
    step : float, Å
        rms displacement of a coordinate.
    complete : bool
        Whether W spans all but the rigid shifts.
    evaluations : int
    """

    start: Configurations
    frame: Floats
    turns: int
    block: Floats
    error: float
    noise: float
    step: float
    complete: bool
    evaluations: int

    @property
    def eigenvalues(self) -> NDArray[np.complex128]:
        """(k,) complex, eV/Å²/amu."""
        return np.asarray(np.linalg.eigvals(self.block), np.complex128)

    @property
    def inner(self) -> Floats:
        """The block without the rigid turns."""
        return self.block[self.turns :, self.turns :]

    @property
    def lowest(self) -> tuple[float, Floats]:
        """The lowest eigenvalue of the inner block's symmetric part, and its mass-weighted
        direction (3N,).
        """
        inner = self.inner
        if not len(inner):
            return 0.0, np.zeros(self.frame.shape[1])
        values, vectors = np.linalg.eigh(0.5 * (inner + inner.T))
        return float(values[0]), vectors[:, 0] @ self.frame[self.turns :]

    def growth_at_most(self, rng: np.random.Generator) -> float:
        """1/ps: the largest growth rate of 40 inner blocks within the errors of this one.

        Turns are left out: their force constants are zero, and the root of a zero's error is large.
        """
        inner = self.inner
        k = len(inner)
        highest = 0.0
        for _ in range(_DRAWS):
            other = inner + _NOISE_MARGIN * self.error * rng.standard_normal((k, k))
            highest = max(highest, float(growth_rate(np.linalg.eigvals(other)).max(initial=0.0)))
        return highest

    def least_growth_seen(self, dof: float, frequency: float | None = None) -> float:
        """1/ps: the growth of a pair that fresh evaluations would tell from the errors.

        Of one with that ``frequency``, rad/ps, or at the softest mode, where errors hide most: they
        are of force constants, and growth is half of them over the frequency.
        """
        softest = max(self.lowest[0], 0.0)
        stiffness = softest if frequency is None else (frequency / PER_PS) ** 2
        turn = self.error * noise_rms_quantile(1, dof)
        return float(growth_rate(np.array([stiffness + 1j * turn]))[0])


class _Probe:
    """D along mass-weighted directions, by central differences of the forces."""

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        rng: np.random.Generator,
        resolution: Resolution,
    ) -> None:
        self.meter, self.start, self.rng, self.resolution = meter, start, rng, resolution
        self.n = start.n_coordinates
        self.root = np.repeat(np.sqrt(start.system.masses), 3)
        self.spent = 0

    def images(self, directions: Floats, step: float) -> Floats:
        """(k, 3N) D w for mass-weighted unit directions w (k, 3N), eV/Å²/amu; 2 k evaluations."""
        if not len(directions):
            return directions.copy()
        moves = directions / self.root
        sizes = np.linalg.norm(moves, axis=1, keepdims=True)
        length = step * math.sqrt(self.n)
        steps = np.concatenate([length * moves / sizes, -length * moves / sizes])
        forces = visit(
            self.meter,
            self.start.displaced(steps),
            want=frozenset({"forces"}),
            rng=self.rng,
            fresh=self.resolution.needs_fresh,
        ).require_forces()
        self.spent += len(steps)
        ahead, behind = forces.reshape(2, len(directions), self.n)
        found: Floats = -(ahead - behind) / (2 * length) * sizes / self.root
        return found

    def noise(self, directions: Floats, step: float) -> float:
        """Standard deviation of an element w_i.D w_j, eV/Å²/amu."""
        sizes = np.linalg.norm(directions / self.root, axis=1)
        length = step * math.sqrt(self.n)
        return self.resolution.force_noise / (math.sqrt(2) * length) * float(np.mean(sizes**2))


def _first_step(resolution: Resolution) -> float:
    stiffness = max(resolution.stiffness, 1e-12)
    ideal = (3 * resolution.force_noise / (math.sqrt(2) * _CURVATURE * stiffness)) ** (1 / 3)
    return float(np.clip(ideal, *_STEP_RANGE))


def measure_vibrations(
    meter: Meter,
    start: Configurations,
    *,
    products: int,
    rng: np.random.Generator,
    resolution: Resolution,
) -> Vibrations:
    """The force constants at a place, all of them or those of a Krylov subspace.

    Where 3N less the rigid modes is at most ``products``, every direction is probed, rigid turns
    included. Else Arnoldi's iteration builds a subspace from a random direction, which finds the
    ends of the spectrum first. The step is chosen on 4 directions, where two steps tell truncation
    from noise.

    Cost: 2 evaluations a direction, at most 2 (products + 11), or 2 (products + 12) in a subspace.

    Source: Saad, Numerical Methods for Large Eigenvalue Problems, chapter 6 (Arnoldi).
    """
    probe = _Probe(meter, start, rng, resolution)
    shifts, turns = rigid_modes(start)
    rigid = np.concatenate([shifts, turns])
    complete = start.n_coordinates - len(rigid) <= products
    if complete:
        inner = np.linalg.svd(rigid, full_matrices=True)[2][len(rigid) :]
        frame = np.concatenate([turns, inner])
        pilots = frame[-_PILOTS:]
    else:
        turns = turns[:0]
        pilots = orthonormal_directions(start.n_coordinates, _PILOTS, rng)
    first = _first_step(resolution)
    coarse, fine = (probe.images(pilots, share * first) for share in (2.0, 1.0))
    change = _rms((coarse - fine) @ pilots.T)
    # Noise grows as the step falls, and truncation falls with it, at kinks no faster.
    share = math.sqrt(min(1.0, probe.noise(pilots, first) / max(change, 1e-300)))
    step = max(share * first, _STEP_RANGE[0])
    known, error = fine, change
    if step < first:
        known = probe.images(pilots, step)
        # What grows as the step falls is no truncation (kinks cross it, or there is more noise than
        # was measured).
        growing = _rms((known - fine) @ pilots.T)
        if growing > 2 * change:
            step, known = first, fine
        else:
            error = change * step / first
    if complete:
        images = np.concatenate([probe.images(frame[: -len(pilots)], step), known])
    else:
        frame, images = _arnoldi(probe, shifts, products, step, rng)
    noise = probe.noise(frame, step)
    block = frame @ images.T
    return Vibrations(
        start, frame, len(turns), block, max(noise, error), noise, step, complete, probe.spent
    )


def _rms(matrix: Floats) -> float:
    return math.sqrt(float(np.mean(matrix**2)))


def _arnoldi(
    probe: _Probe, shifts: Floats, products: int, step: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    frame: list[Floats] = []
    images: list[Floats] = []
    vector = rng.standard_normal(probe.n)
    for _ in range(products):
        for _twice in range(2):
            vector = vector - shifts.T @ (shifts @ vector)
            for known in frame:
                vector = vector - (known @ vector) * known
        size = float(np.linalg.norm(vector))
        if not size > 0:
            break
        frame.append(vector / size)
        images.append(probe.images(frame[-1][None], step)[0])
        vector = images[-1].copy()
    return np.stack(frame), np.stack(images)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A pair of modes that feed each other, probed once more within their plane.

    Attributes
    ----------
    rate : float, 1/ps
        Growth of the motion within the plane, at the finer of two steps.
    low : float, 1/ps
        What it is at least, but for a chance of 5e-5.
    frequency : float, rad/ps
    plane : (2, N, 3)
        The motions, Å, the longest arrow of each 1.
    evaluations : int
    """

    rate: float
    low: float
    frequency: float
    plane: Floats
    evaluations: int


def confirm_pair(
    meter: Meter, found: Vibrations, *, rng: np.random.Generator, resolution: Resolution
) -> Pair | None:
    """Probe the plane of the fastest growing complex pair afresh, at two other steps; None if there
    is no pair.

    The plane is spanned by the real and imaginary part of the eigenvector, so that both eigenvalues
    are those of a 2 x 2 block: mean +- sqrt(half-difference^2 + s^2 - a^2) with its symmetric and
    antisymmetric off-diagonal elements s and a. Fresh noise makes the test unbiased though the pair
    was chosen for its growth; what differs between the steps is taken off ``a``.

    Cost: 8 evaluations.
    """
    values, vectors = np.linalg.eig(found.block)
    rates = growth_rate(values)
    if not rates.max(initial=0.0) > 0:
        return None
    vector = vectors[:, int(np.argmax(rates))] @ found.frame
    frame = np.linalg.qr(np.stack([vector.real, vector.imag]).T)[0].T
    probe = _Probe(meter, found.start, rng, resolution)
    blocks = [frame @ probe.images(frame, share * found.step).T for share in (1.5, 0.75)]
    noise = probe.noise(frame, 0.75 * found.step) / math.sqrt(2)
    turns = [0.5 * abs(float(b[0, 1] - b[1, 0])) for b in blocks]
    allowed = noise * noise_rms_quantile(1, resolution.dof) + abs(
        0.5 * float(blocks[0][0, 1] - blocks[0][1, 0] - blocks[1][0, 1] + blocks[1][1, 0])
    )
    fine = blocks[1]
    mean = 0.5 * float(fine[0, 0] + fine[1, 1])
    apart = math.hypot(0.5 * float(fine[0, 0] - fine[1, 1]), 0.5 * float(fine[0, 1] + fine[1, 0]))

    def rate(turn: float) -> float:
        beyond = turn**2 - apart**2
        if not beyond > 0:
            return 0.0
        return float(growth_rate(np.array([mean + 1j * math.sqrt(beyond)]))[0])

    motions = (frame / probe.root).reshape(2, -1, 3)
    longest = np.sqrt((motions**2).sum(axis=2).max(axis=1))
    return Pair(
        rate=rate(turns[1]),
        low=rate(max(0.0, min(turns) - allowed)),
        frequency=math.sqrt(max(mean, 0.0)) * PER_PS,
        plane=motions / longest[:, None, None],
        evaluations=probe.spent,
    )
