"""Constant-pressure dynamics with a stress that is no derivative of the energy."""

from __future__ import annotations

from dataclasses import replace

from ase.units import kB

from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing
from physcheck.model import Capabilities, Meter
from physcheck.paper.experiment import Experiment, apart, in_direction
from physcheck.paper.results import Agreement, Findings, NotRun, Row
from physcheck.paper.setting import Setting
from physcheck.system import Configurations, Evaluation

__all__ = ["EXPERIMENT", "ForcesWithStressOf"]

_CHECK = "nph_drift"
# eV/atom/ps, the check's unit, to K/ps where half of the heat becomes potential energy: 1/(3 kB).
_KELVIN = 1 / (3 * kB)
# What the table calls the model's forces with the reference's stress.
_MIXED = "model, stress of the reference"


class ForcesWithStressOf:
    """Forces of one model, energy and stress of another, asked at the same places.

    What a user of direct forces runs a barostat with where the forces' head has no stress.

    Parameters
    ----------
    forces, stress : Meter
        Both count what they are asked: one evaluation of this model is one of each.
    """

    def __init__(self, forces: Meter, stress: Meter) -> None:
        self._forces, self._stress = forces, stress

    @property
    def capabilities(self) -> Capabilities:
        """The first model's, with energy and stress, and without exact Jacobian products."""
        return replace(
            self._forces.capabilities,
            outputs=frozenset({"energy", "forces", "stress"}),
            differentiable=False,
        )

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Forces (B, N, 3) of the one, energies (B,) and stresses (B, 3, 3) of the other."""
        forces = energy = stress = None
        if "forces" in want:
            forces = self._forces.evaluate(configurations, want={"forces"}).forces
        if rest := want & {"energy", "stress"}:
            found = self._stress.evaluate(configurations, want=rest)
            energy, stress = found.energy, found.stress
        return Evaluation(energy=energy, forces=forces, stress=stress)


def _run(setting: Setting) -> Findings:
    if not setting.one.system.is_fully_periodic:
        raise NotRun("a structure that isn't periodic along all axes has no pressure")
    rows, refused = [], {}
    for who, meter in setting.both:
        try:
            rows.append(_row(setting, who, meter))
        except CapabilityMissing as missing:
            refused[who] = str(missing)
    if "model" in refused and any(row.of == "reference" for row in rows):
        mixed = ForcesWithStressOf(setting.model, setting.need_reference())
        rows.append(_row(setting, _MIXED, mixed))
    if not rows:
        raise NotRun("; ".join(f"{who}: {why}" for who, why in refused.items()))
    return Findings(rows=rows, agreement=_agreement(rows), said=_said(rows, refused))


def _row(setting: Setting, who: str, model: Meter | ForcesWithStressOf) -> Row:
    """The drift of one of them.

    Raises
    ------
    CapabilityMissing
        It has no stress or no energy.
    """
    found = all_checks()[_CHECK].measure(model, setting.one, rng=setting.rng(f"{_CHECK}/{who}"))
    return Row(
        quantity="size of the drift of the enthalpy",
        of=who,
        value=_KELVIN * float(found.value),
        error=_KELVIN * float(found.uncertainty),
        unit="K/ps",
        note="the check nph_drift, as kinetic and potential energy",
    )


def _agreement(rows: list[Row]) -> Agreement:
    """Nothing where the model has no stress: what the paper says is of such a stress."""
    seen = {row.of: apart(row.value, row.error) != 0 for row in rows}
    if "model" not in seen:
        return ""
    return in_direction(1 if seen["model"] and not seen.get("reference", False) else 0)


def _said(rows: list[Row], refused: dict[str, str]) -> str:
    words = [f"{r.of}: {'a drift' if apart(r.value, r.error) else 'no drift seen'}" for r in rows]
    words += [f"{who}: not measured, {why}" for who, why in refused.items()]
    said = f"Enthalpy of the {'; of the '.join(words)}."
    if any(row.of == _MIXED for row in rows):
        said += " What direct forces do beside a right stress says nothing of a direct stress."
    return said


EXPERIMENT = Experiment(
    id="npt",
    title="Constant pressure with a direct stress",
    how="An Andersen piston's conserved quantity, by the check nph_drift; a model without stress "
    "is run with the reference's.",
    source="Appendix G.3 (no figures at hand)",
    paper="A direct stress makes the volume drift.",
    differs="The conserved quantity is looked at, not the volume, which moves for other reasons, "
    "too.",
    run=_run,
)
