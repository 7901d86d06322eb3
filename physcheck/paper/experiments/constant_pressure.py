"""Constant-pressure dynamics with a stress that is no derivative of the energy."""

from __future__ import annotations

from ase.units import kB

from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing
from physcheck.paper.experiment import Experiment, apart
from physcheck.paper.results import Findings, NotRun, Row
from physcheck.paper.setting import Setting

__all__ = ["EXPERIMENT"]

_CHECK = "nph_drift"
# eV/atom/ps, the check's unit, to K/ps where half of the heat becomes potential energy: 1/(3 kB).
_KELVIN = 1 / (3 * kB)


def _run(setting: Setting) -> Findings:
    if not setting.one.system.is_fully_periodic:
        raise NotRun("a structure that isn't periodic along all axes has no pressure")
    check = all_checks().get(_CHECK)
    if check is None:
        raise NotRun("this version of physcheck has no dynamics at constant pressure")
    rows = []
    refused = ""
    for who, meter in setting.both:
        try:
            found = check.measure(meter, setting.one, rng=setting.rng(f"{_CHECK}/{who}"))
        except CapabilityMissing as missing:
            refused = f"{who}: {missing}"
            continue
        rows.append(
            Row(
                quantity="size of the drift of the enthalpy",
                of=who,
                value=_KELVIN * float(found.value),
                error=_KELVIN * float(found.uncertainty),
                unit="K/ps",
                note="the check nph_drift, as kinetic and potential energy",
            )
        )
    if not rows:
        raise NotRun(refused)
    seen = {row.of: apart(row.value, row.error) != 0 for row in rows}
    said = "; ".join(f"{who}: {'a drift' if any_ else 'no drift'}" for who, any_ in seen.items())
    agrees = seen.get("model", False) and not seen.get("reference", False)
    return Findings(
        rows=rows,
        agreement="as in the paper" if agrees else "not told apart",
        said=f"{said}{f'; not measured for the {refused}' if refused else ''}.",
    )


EXPERIMENT = Experiment(
    id="npt",
    title="Constant pressure with a direct stress",
    how="An Andersen piston's conserved quantity, by the check nph_drift.",
    source="Appendix G.3 (no figures at hand)",
    paper="A direct stress makes the volume drift.",
    differs="The conserved quantity is looked at, not the volume, which moves for other reasons, "
    "too.",
    run=_run,
)
