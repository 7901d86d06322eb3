"""A molecule, or an atom, moved on a fine path through its place, and the jumps on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.consequences import crossing_heat, crossing_rate, energy_jump_heat
from physcheck.checks.differences import ENERGY_LENGTH
from physcheck.checks.smoothness.approach import Jump, energy_noise_of
from physcheck.checks.smoothness.jump_series import series_about
from physcheck.checks.smoothness.jumps import Bracket, apparent_jumps, narrowed, suspects
from physcheck.model import Meter
from physcheck.numerics.near_pairs import near_pairs
from physcheck.probes.loops import molecules
from physcheck.resolution import Resolution, visit
from physcheck.system import Configurations, Floats

__all__ = ["BISECTIONS", "SUSPECTS", "BodyPath"]

# Step of the fine path, Å, for a nearest distance of 2.5 Å or more, and in proportion below: 32 of
# them help to bridge the gaps between the shells of a lattice, and a fifth difference of pair
# forces is 1e-6 of them, and few pairs cross a cutoff within one step.
_STEP = 0.02
_NEAREST = 2.5
#: Halvings of a step, and how many steps of a path are looked into.
BISECTIONS, SUSPECTS = 8, 2
# Rows of fifth differences that show a jump as large as this share of it: three a jump.
_ALIKE, _ROWS = 0.5, 3
_WANT = frozenset({"forces", "energy"})


class BodyPath:
    """A fine path of one body through its place.

    Attributes
    ----------
    usual : float, eV/Å
        The apparent jump that any of its points has.
    stiffness : float, eV/Å²
        The steepest change of a force component between its points.
    """

    def __init__(
        self,
        meter: Meter,
        base: Configurations,
        resolution: Resolution,
        rng: np.random.Generator,
        points: int,
        repeats: float,
    ) -> None:
        self.meter, self.base, self.resolution = meter, base, resolution
        groups = [atoms for atoms, _ in molecules(base) if len(atoms) < base.n_atoms]
        body = (
            groups[int(rng.integers(len(groups)))]
            if groups
            else np.array([int(rng.integers(base.n_atoms))])
        )
        direction = rng.standard_normal(3)
        self.direction = np.zeros((base.n_atoms, 3))
        self.body = body
        self.direction[body] = direction / np.linalg.norm(direction)
        symbols = base.system.symbols
        names = ", ".join(f"{a} ({symbols[a]})" for a in body[:4])
        self.name = f"atom{'s' if len(body) > 1 else ''} {names}"
        step = _STEP * min(1.0, _distance(base, body) / _NEAREST)
        # A random phase, so that points don't sit where a lattice is symmetric.
        shifts = np.arange(points) - points / 2 + float(rng.uniform())
        self.places: Floats = np.asarray(step * shifts, dtype=np.float64)
        answer = visit(
            meter,
            self._at(self.places),
            want=_WANT,
            rng=rng,
            fresh=resolution.needs_fresh,
        )
        self.zero = 0.0 if answer.energy is None else float(answer.energy.mean())
        self.values = _channels(answer.require_forces(), answer.energy, self.zero)
        self.has_energy = answer.energy is not None
        self.energy_noise = energy_noise_of(meter, answer.energy, resolution, repeats)
        forces = self.values[:, : base.n_atoms]
        steepest = np.abs(np.diff(forces, axis=0)).max(initial=0.0)
        self.stiffness = float(steepest) / step
        self.usual = float(np.median(apparent_jumps(self.values)[:, : base.n_atoms].max(axis=1)))

    def _at(self, places: Floats) -> Configurations:
        return self.base.displaced(places[:, None, None] * self.direction)

    def _ask(self, place: float) -> Floats:
        meter = self.meter.fresh() if self.resolution.needs_fresh else self.meter
        answer = meter.evaluate(self._at(np.array([place])), want=_WANT)
        return np.asarray(_channels(answer.require_forces(), answer.energy, self.zero)[0])

    def jumps(self, negligible: float, most: int = SUSPECTS) -> list[Jump]:
        """The likeliest jumps, bisected: at most ``most``.  Cost: 10 evaluations each."""
        n = self.base.n_atoms
        noise = np.full(n, self.resolution.force_noise)
        if self.has_energy:
            noise = np.append(noise, self.energy_noise)
        found = []
        for suspect in suspects(self.values, noise, most, negligible):
            bracket = narrowed(self.places, self.values, suspect, self._ask, BISECTIONS)
            found.append(self._jump(bracket))
        return found

    def _jump(self, bracket: Bracket) -> Jump:
        n = self.base.n_atoms
        sizes = bracket.jumps
        atom = int(np.argmax(sizes[:n]))
        symbol = self.base.system.symbols[atom]
        label = (
            f"{self.name} moved by {bracket.right:.4f} Å: the force on atom {atom} ({symbol}) "
            f"jumps by {sizes[atom]:.3g} eV/Å within {bracket.right - bracket.left:.1g} Å"
        )
        heat = crossing_heat(sizes[:n], self.base.system.masses)
        energy = float(sizes[n]) if self.has_energy else None
        return Jump(
            label,
            float(sizes[atom]),
            energy,
            self.energy_noise,
            bracket.right - bracket.left,
            atom,
            self._at(np.array([bracket.left, bracket.right])),
            bracket.right,
            heat,
            self._rate(sizes, heat, energy),
            series_about(bracket, self.places, self.values, atom, has_energy=self.has_energy),
        )

    def rate(self, count: float = 1.0) -> float:
        """How often an atom crosses what the path meets ``count`` times, 1/ps."""
        length = float(np.ptp(self.places))
        return crossing_rate(self.base.system.masses[self.body], length, count)

    def _rate(self, sizes: Floats, heat: float, energy: float | None) -> float:
        """That of jumps about as large as a measured one, of what heats more: force or energy."""
        n = self.base.n_atoms
        of_energy = 0.0 if energy is None else energy_jump_heat(energy * ENERGY_LENGTH)
        channels = slice(n, None) if of_energy > heat else slice(n)
        apparent = apparent_jumps(self.values)[:, channels].max(axis=1)
        rows = float((apparent > _ALIKE * sizes[channels].max()).sum())
        return self.rate(max(1.0, rows / _ROWS))


def _distance(start: Configurations, body: Any) -> float:
    """From the body to the nearest other atom, Å; images included."""
    inside = np.isin(np.arange(start.n_atoms), body)
    found = near_pairs(start, _NEAREST)
    others = found.distances[inside[found.first] & ~inside[found.second]]
    return float(others.min()) if len(others) else _NEAREST


def _channels(forces: Floats, energy: Floats | None, zero: float) -> Floats:
    """(n, N or N + 1, 3): atoms' forces, and the energy over 1 Å as a channel of one component."""
    if energy is None:
        return forces
    extra = np.zeros((len(forces), 1, 3))
    extra[:, 0, 0] = (energy - zero) / ENERGY_LENGTH
    return np.concatenate([forces, extra], axis=1)
