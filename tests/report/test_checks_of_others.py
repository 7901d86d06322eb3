"""A check of another package has the place in reports that its registration asks for."""

import pytest

import physcheck
from physcheck.checks import all_checks
from physcheck.measurement import Outcome
from physcheck.registry import check, registration
from physcheck.report.consequence import consequence
from physcheck.report.order_of_failures import faults
from physcheck.run.outcomes import error_record
from physcheck.run.record import Record, Report
from physcheck.run.settings import Settings
from physcheck.text.failure import short_sentence

SETTINGS = Settings(model="x.py")


@pytest.fixture
def register(monkeypatch):
    """Registers a check with a Failure, for this test alone."""
    all_checks()
    monkeypatch.setattr(registration, "_REGISTRY", registration.registered_checks())

    def registering(identifier, family, **failure):
        def measure(model, start, *, rng):
            """A law of others."""

        measure.__name__ = f"measure_{identifier}"
        tolerances = physcheck.Tolerances(screening=1, md=1, tight=1, reason="r", source="s")
        check(
            family=family, quantity="q", unit="", needs={"forces"}, kind="law",
            title=f"{identifier} is broken", causes="", advice="", tolerances=tolerances,
            evaluations={"quick": 1, "standard": 1, "full": 1},
            failure=physcheck.Failure(**failure),
        )(measure)  # fmt: skip

    return registering


def failed(*checks):
    specs = all_checks()
    return [
        Record(
            check=check, family=specs[check].family, kind="law", structure="Cu32", seed=(0, 1),
            verdict=Outcome.FAIL, quantity="q", unit="", value=2.0, uncertainty=0.1, tolerance=1.0,
            title=specs[check].title,
        )
        for check in checks
    ]  # fmt: skip


def told(*checks):
    """Of each fault: its title, the checks that show it, and those that follow."""
    return [(f.title, [*f.shown], [*f.follow]) for f in faults(failed(*checks))]


MASSES = physcheck.KnownFault("answers depend on masses", explains=("loop_work", "dynamics"))


def test_it_explains_what_it_says_before_shipped_checks_do(register):
    register("same_isotopes", "symmetry", fault=MASSES)
    assert told("loop_work", "nve_drift", "same_isotopes", "equipartition") == [
        (MASSES.title, ["same_isotopes"], ["loop_work", "nve_drift"]),
        ("", ["equipartition"], []),
    ]
    # One failure says it all itself, and a fault that isn't seen explains nothing.
    assert told("same_isotopes") == [("", ["same_isotopes"], [])]
    assert told("loop_work", "nve_drift")[0][1:] == (["loop_work"], ["nve_drift"])


def test_what_explains_it_comes_first(register):
    register("same_isotopes", "symmetry", fault=MASSES, follows_from=("determinism",))
    [(_, shown, follow)] = told("same_isotopes", "determinism")
    assert (shown, follow) == (["determinism"], ["same_isotopes"])


def test_it_explains_only_where_its_evidence_says_so(register):
    fault = physcheck.KnownFault(
        "answers depend on masses", ("loop_work",), lambda evidence: "heavy" in evidence
    )
    register("same_isotopes", "symmetry", fault=fault)
    assert [follow for _, _, follow in told("loop_work", "same_isotopes")] == [[], []]


def test_it_may_show_a_fault_that_shipped_checks_show(register):
    shared = all_checks()["loop_work"].failure.fault
    register("long_loop", "conservation", fault=shared)
    [(title, shown, follow)] = told("long_loop", "jacobian_asymmetry", "nve_drift")
    assert (title, sorted(shown), follow) == (
        shared.title, ["jacobian_asymmetry", "long_loop"], ["nve_drift"],
    )  # fmt: skip


@pytest.mark.parametrize("named", ["loop_work", "conservation"])
def test_it_follows_from_what_it_says(register, named):
    register("phonon_symmetry", "dynamics", follows_from=(named,))
    [(_, shown, follow)] = told("phonon_symmetry", "loop_work")
    assert (shown, follow) == (["loop_work"], ["phonon_symmetry"])


def test_its_family_follows_from_forces_without_a_potential(register):
    register("diffusion", "sampling")
    [(_, shown, follow)] = told("diffusion", "loop_work")
    assert (shown, follow) == (["loop_work"], ["diffusion"])


def test_what_it_spoils_is_what_not_to_run(register):
    register("phonon_symmetry", "dynamics", spoils=("phonon calculations",))
    report = Report(
        created="", settings=SETTINGS, records=tuple(failed("phonon_symmetry")), complete=True
    )
    assert consequence(report) == (
        "Don't run phonon calculations with this model: phonon_symmetry is broken."
    )


def test_its_records_say_it_in_a_few_words(register):
    register("same_isotopes", "symmetry", short_title="masses matter")
    made = error_record(all_checks()["same_isotopes"], "Cu32", SETTINGS, "").to_json()
    record = Record.from_json({**made, "verdict": "fail", "value": 3.0, "tolerance": 1.0})
    assert short_sentence(record, 15) == "masses matter"


def test_a_report_with_checks_that_are_no_longer_there_is_shown():
    theirs = Record(
        check="theirs", family="other", kind="law", structure="Cu32", seed=(0, 1), unit="",
        verdict=Outcome.FAIL, quantity="q", value=2.0, tolerance=1.0, title="theirs is broken",
    )  # fmt: skip
    assert [fault.by_check for fault in faults([theirs])] == [{"theirs": [theirs]}]
