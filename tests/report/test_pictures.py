"""Pictures show the numbers that the evidence holds, and no evidence breaks them."""

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from physcheck.measurement import Outcome
from physcheck.report.pictures.conservation import around_the_loop
from physcheck.report.pictures.of_records import pictures_of, pictures_of_all
from physcheck.report.pictures.saved_frames import Frames, saved_frames


def record_of(report, check, structure=None):
    return next(r for r in report.records if r.check == check and structure in (None, r.structure))


def test_every_picture_of_a_run_is_whole_labelled_and_takes_the_pages_colours(runs):
    made = 0
    for name in ("curl", "stateful"):
        for record in runs.report(name).records:
            for picture in pictures_of(record):
                made += 1
                root = ElementTree.fromstring(picture.svg)
                assert root.get("aria-label") == picture.caption
                assert "#010203" not in picture.svg
                assert len(picture.svg) < 200_000
    assert made > 40


def test_the_work_of_a_lap_is_the_records(runs):
    record = record_of(runs.report("curl"), "loop_work")
    (picture,) = around_the_loop(record, saved_frames(record))
    told = float(re.search(r"leaves (\S+) meV", picture.caption)[1])
    assert told == pytest.approx(1e3 * record.evidence["worst_loop"]["work_eV"], rel=1e-2)


def test_a_loop_of_a_potential_ends_where_it_began(runs):
    record = record_of(runs.report("good"), "loop_work")
    (picture,) = around_the_loop(record, saved_frames(record))
    assert abs(float(re.search(r"leaves (\S+) meV", picture.caption)[1])) < 1e-4


def test_an_analytic_curl_does_its_work():
    # F = c (-y, x, 0) does 2 pi c a² on a circle of radius a.
    radius, curl, n = 0.1, 0.5, 16
    t = 2 * math.pi * np.arange(n) / n
    positions = np.stack([radius * np.cos(t), radius * np.sin(t), 0 * t], axis=1)[:, None]
    forces = curl * np.stack([-positions[..., 1], positions[..., 0], 0 * positions[..., 0]], -1)
    frames = Frames(("H",), positions, np.zeros((3, 3)), (False,) * 3, forces)
    loop = {"u": [[1.0, 0, 0]], "v": [[0, 1.0, 0]], "radius": radius, "phase": 0.0}
    record = _record(evidence={"quantities": {}, "worst_loop": loop})
    (picture,) = around_the_loop(record, frames)
    told = float(re.search(r"leaves (\S+) meV", picture.caption)[1])
    assert told == pytest.approx(2e3 * math.pi * curl * radius**2, rel=2e-3)


@pytest.mark.parametrize("spoil", ["nan", None, {}, [[1.0], [2.0]], ["a"]])
def test_evidence_of_any_shape_breaks_no_picture(runs, spoil):
    failed = [r for r in runs.report("curl").records if r.verdict is Outcome.FAIL]
    for record in {r.check: r for r in failed}.values():
        evidence = {key: spoil for key in record.evidence}
        pictures_of(replace(record, evidence={**evidence, "quantities": {}}))
        quantities = {key: spoil for key in record.evidence["quantities"]}
        pictures_of(replace(record, evidence={**record.evidence, "quantities": quantities}))
        series = {key: spoil for key in record.evidence.get("series", {})}
        pictures_of(replace(record, evidence={**record.evidence, "series": series}))


def test_a_file_that_is_none_gives_no_frames(runs, tmp_path):
    record = record_of(runs.report("curl"), "loop_work")
    bad = tmp_path / "bad.extxyz"
    bad.write_text("3\nno structure\n")
    gone = replace(record, evidence={**record.evidence, "configurations": str(bad)})
    assert saved_frames(gone) is None


def test_violations_are_drawn_and_one_pass_a_check(runs):
    records = runs.report("curl").records
    found = pictures_of_all(records)
    for record in records:
        if record.verdict is Outcome.FAIL:
            assert found[record.name], record.name
    passed = [r for r in records if r.verdict is Outcome.PASS and found.get(r.name)]
    assert len({r.check for r in passed}) == len(passed)


def _record(**changes):
    from tests.report.test_documents import RECORD

    return replace(RECORD, **changes)


def test_an_energy_that_steps_is_drawn_first_and_called_a_step(runs):
    # Forces go on as they were: the energy alone is another one beyond 5 Å.
    at = [2.0, 3.71, 4.57, 4.79, 4.89, 4.946, 4.973, 4.987, 4.993, 4.99916, 4.99958, 5.0, 5.43, 7.1]
    energies = [0.0, -0.11, *[-0.2209] * 9, *[-0.2579] * 3]
    record = replace(
        record_of(runs.report("good"), "path_smoothness"), check="cutoff_smoothness", unit="",
        verdict=Outcome.FAIL, value=0.044, tolerance=1e-4,
        evidence={
            "quantities": {
                "jump_at_A": 4.999581, "force_jump_eV_per_A": 4e-15, "energy_jump_eV": 0.037,
                "energy_judged": True,
            },
            "series": {"distance_A": at, "force_eV_per_A": [0.16] * 14, "energy_eV": energies},
        },
    )  # fmt: skip
    energy, force = pictures_of(record)
    assert energy.caption.startswith("Energy, as atoms move through the cutoff. A smooth")
    assert "no step of it is seen" in force.caption
    smooth = {**record.evidence["series"], "energy_eV": [math.cos(x) for x in at]}
    without = replace(record, evidence={**record.evidence, "series": smooth})
    assert "no step of it is seen" in pictures_of(without)[0].caption
