"""Multiple time stepping: drift, temperatures and cost against the stride."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ase.units import kB

from physcheck.checks.dynamics.mts_tandem import measure_mts_tandem
from physcheck.errors import CapabilityMissing
from physcheck.model import Meter
from physcheck.paper.experiment import Experiment, apart, in_direction
from physcheck.paper.results import Curve, Findings, NotRun, Plot, Row
from physcheck.paper.setting import TEMPERATURE_K, Setting
from physcheck.text.numbers import as_float

__all__ = ["EXPERIMENT"]

# eV/atom/ps to K/ps where half of the heat becomes potential energy: 1/(3 kB).
_KELVIN = 1 / (3 * kB)


def _run(setting: Setting) -> Findings:
    scale = setting.scale
    try:
        found = measure_mts_tandem(
            # The check counts both models as one.
            Meter(setting.model.model),
            setting.equilibrated.places[0],
            reference=setting.need_reference().model,
            rng=setting.rng("mts"),
            strides=scale.strides,
            replicas=setting.replicas,
            steps=scale.mts_steps,
            sampling_steps=scale.sampling_steps,
            temperature_K=TEMPERATURE_K,
            timestep_fs=setting.timestep_fs,
        )
    except CapabilityMissing as missing:
        raise NotRun(str(missing)) from missing
    quantities: Mapping[str, Any] = found.evidence["quantities"]
    table = quantities["table"]
    rows = [row for entry in table for row in _rows(entry)]
    rows += _sampled(quantities)
    shown = [entry for entry in table if entry["stride"] and entry["blow_up_fs"] is None]
    plots = [_plot(shown)] if shown else []
    alone, pairs = table[0], [entry for entry in table if entry["stride"]]
    heats = alone["blow_up_fs"] is not None or apart(
        as_float(alone["drift"]), as_float(alone["drift_error"])
    )
    calm = [e for e in pairs if e["blow_up_fs"] is None and not e["fault"]]
    better = [e for e in calm if abs(as_float(e["drift"])) < abs(as_float(alone["drift"]))]
    strides = ", ".join(str(entry["stride"]) for entry in better) or "none"
    said = (
        f"The model alone {'drifts' if heats else 'is not seen to drift'}; strides that drift less "
        f"and have no fault: {strides}. {str(found.evidence['place']).capitalize()}."
    )
    agreement = in_direction(1 if heats and better else 0)
    spent = (quantities["model_evaluations"], quantities["reference_evaluations"])
    return Findings(rows=rows, plots=plots, agreement=agreement, said=said, uncounted=spent)


def _rows(entry: Mapping[str, Any]) -> list[Row]:
    """Drift and speed of one line of the check's table."""
    name = str(entry["name"])
    of = {"model alone": "model", "reference alone": "reference"}.get(name, f"pair, {name}")
    away = entry["blow_up_fs"]
    found = [
        Row(
            quantity="drift of the reference's energy",
            of=of,
            value=_KELVIN * as_float(entry["drift"]),
            error=None if away is not None else _KELVIN * as_float(entry["drift_error"]),
            unit="K/ps",
            paper="M = 8: none seen" if name == "stride 8" else "",
            note=f"a replica ran away after {as_float(away):.3g} fs"
            if away is not None
            else str(entry["fault"]),
        )
    ]
    if entry["stride"] and entry["speed_up"] is not None:
        found.append(
            Row(
                quantity="speed over the reference alone",
                of=of,
                value=as_float(entry["speed_up"]),
                error=None,
                paper="cost 1 + (F - 1)/M of the direct model, about 20 % more, at M = 8 and "
                "F = 2.3 to 2.7"
                if name == "stride 8"
                else "",
                note="from timings on this machine, which have no error of sampling",
            )
        )
    return found


def _sampled(quantities: Mapping[str, Any]) -> list[Row]:
    """Temperatures under a global bath, at the recommended stride and of the model alone."""
    stride = quantities["recommended_stride"]
    names = {"alone": "model", "tandem": f"pair, stride {stride}"}
    return [
        Row(
            quantity=f"T_{species} - 300 K, SVR 10 fs (mts_tandem)",
            of=names[who],
            value=as_float(mean) - TEMPERATURE_K,
            error=as_float(error),
            unit="K",
            paper="PET-M, M = 8: T_H -0.1, T_O 0.1" if who == "tandem" else "",
        )
        for who, found in quantities["sampled_temperatures_K"].items()
        for species, (mean, error) in found.items()
    ]


def _plot(table: list[Mapping[str, Any]]) -> Plot:
    return Plot(
        caption="Drift of the reference's energy against the stride of the pair.",
        x="stride M",
        y="drift (K/ps)",
        curves=[
            Curve(
                label="pair",
                x=[float(entry["stride"]) for entry in table],
                y=[_KELVIN * as_float(entry["drift"]) for entry in table],
                spread=[_KELVIN * as_float(entry["drift_error"]) for entry in table],
            )
        ],
        level=0.0,
        level_label="none",
        markers=True,
    )


EXPERIMENT = Experiment(
    id="mts",
    title="Multiple time stepping is the cure",
    how="The model at every step, the reference every M steps (the check mts_tandem): drift of the "
    "reference's energy, temperatures under a global bath, speed.",
    source="Sec. 5, Appendix I",
    paper="At M = 8 no drift is seen and all temperatures are right, at a cost of about 20 % over "
    "direct forces alone.",
    differs="Short runs at several strides; the speed is that of this machine.",
    run=_run,
)
