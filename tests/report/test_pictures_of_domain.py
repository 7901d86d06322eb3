"""The pictures of where a law of generated cases begins to fail."""

from dataclasses import replace

import pytest

from physcheck.measurement import Outcome
from physcheck.names import GENERATED
from physcheck.report.pictures.of_records import pictures_of, pictures_of_all
from physcheck.run.record import Record

GROUPS = [[1.4, 1.1, 1e-9], [1.09, 0.96, 0.2], [0.95, 0.81, 300.0]]
DOMAIN = {
    "closest_contact": {"groups": GROUPS, "fails_from": 0.94},
    "temperature_K": {"groups": [[0.0, 300.0, 0.1], [310.0, 900.0, 2.0]], "fails_from": None},
}
RECORD = Record(
    check="force_energy_gap", family="conservation", kind="law", structure=GENERATED,
    verdict=Outcome.FAIL, quantity="gap", unit="meV/Å", value=300.0, tolerance=1.0, seed=(0, 1),
    evidence={"quantities": {"domain": DOMAIN}},
)  # fmt: skip


def test_each_axis_has_a_picture_that_says_where_it_begins():
    contact, heat = pictures_of(RECORD)
    assert "first case above the tolerance lies at 0.94" in contact.caption
    assert "Generated cases by temperature" in heat.caption
    assert "closest pair" in contact.svg
    assert "first case" not in heat.caption


@pytest.mark.parametrize(
    "domain", [None, {}, {"strain": None}, {"strain": {"groups": [1, 2], "fails_from": "x"}}]
)
def test_evidence_of_another_shape_gives_none(domain):
    other = replace(RECORD, evidence={"quantities": {"domain": domain}})
    assert pictures_of(other) == []


def test_of_passes_one_is_drawn():
    passes = [
        replace(RECORD, check=check, verdict=Outcome.PASS, value=0.1)
        for check in ("force_energy_gap", "net_force", "loop_work")
    ]
    assert len(pictures_of_all(passes)) == 1
