"""Which failure is the cause of others, and what failures are called, from what was measured."""

from dataclasses import replace

import pytest

from physcheck.measurement import Outcome
from physcheck.report.consequence import consequence
from physcheck.report.order_of_failures import faults, title_of
from physcheck.run.record import Record, Report
from physcheck.run.settings import Settings


def failure(check, family, value=0.5, structure="H2O", kind="law", **evidence):
    title = evidence.get("title", f"{check} is broken")
    return Record(
        check=check, family=family, kind=kind, structure=structure, verdict=Outcome.FAIL,
        quantity="|W|", unit="meV", seed=(0, 12), message="over", value=value, uncertainty=0.03,
        tolerance=0.1, title=title, evidence=evidence,
    )  # fmt: skip


def report(*records):
    return Report(
        created="2030-01-31T12:00:00+00:00", settings=Settings(model="x.py"), records=records,
        complete=True, exit_code=1,
    )  # fmt: skip


ENERGY, STRESS = {"only_output": "energy"}, {"only_output": "stress"}
GAP = ("force_energy_gap", "conservation")
STRESS_GAP = ("stress_energy_gap", "conservation")
FACTORS = {"title": "forces are 8 times the gradient", "factor": 8.0}
SUPERCELL = ("supercell_extensivity", "symmetry")
SHIFTED = {"quantities": {"crossings_per_atom_per_ps": None}}
CROSSED = {"quantities": {"crossings_per_atom_per_ps": 3.0}}
STRAINED = "the stress and the energy's derivative by the strain differ"
SWAPPED = {"quantities": {"force_difference_eV_per_A": 1.0}}


@pytest.mark.parametrize(
    ("failed", "shown", "follow"),
    [
        # An energy that is one per atom: forces and stress are both N times its derivative.
        (
            [
                failure(*SUPERCELL, title="another energy", **ENERGY),
                failure(*GAP, 9.0, **FACTORS),
                failure(*STRESS_GAP, title="stress is 8 times", factor=8.01),
            ],
            "force_energy_gap",
            ["supercell_extensivity", "stress_energy_gap"],
        ),
        # A stress in another frame: the energy's derivative nowhere but in some cells.
        (
            [
                failure("lattice_basis", "symmetry", title="the stress alone", **STRESS),
                failure(*STRESS_GAP),
                failure("strain_loop_work", "conservation", 9.0),
            ],
            "lattice_basis",
            ["stress_energy_gap", "strain_loop_work"],
        ),
        # A virial of positions and forces depends on images, and so on the cell's vectors.
        (
            [
                failure("periodic_wrap", "symmetry", 9.0, **STRESS),
                failure("lattice_basis", "symmetry", **STRESS),
            ],
            "periodic_wrap",
            ["lattice_basis"],
        ),
        # Pairs across the cell's faces count otherwise: whatever moves the faces shows it.
        (
            [
                failure("lattice_basis", "symmetry", 9.0),
                failure("periodic_wrap", "symmetry"),
                failure("inversion_equivariance", "symmetry"),
                failure(*SUPERCELL),
            ],
            "periodic_wrap",
            ["lattice_basis", "inversion_equivariance", "supercell_extensivity"],
        ),
        # Atoms lose their neighbours outside of the cell.
        (
            [failure("periodic_wrap", "symmetry"), failure(*GAP, 9.0, structure="generated")],
            "periodic_wrap",
            ["force_energy_gap"],
        ),
        # Batches of some lengths alone, which generated cases come in.
        (
            [
                failure("lattice_basis", "symmetry", 9.0, structure="generated"),
                failure("periodic_wrap", "symmetry", 9.0, structure="generated"),
                failure("batch_invariance", "implementation", structure="generated"),
            ],
            "batch_invariance",
            ["lattice_basis", "periodic_wrap"],
        ),
        # Running statistics, or a size kept from the first call.
        (
            [
                failure("batch_invariance", "implementation", 9.0),
                failure("history_independence", "implementation"),
                failure(*GAP, structure="generated"),
            ],
            "history_independence",
            ["batch_invariance", "force_energy_gap"],
        ),
        # A volume kept from the first structure: another factor in each.
        (
            [
                failure("history_independence", "implementation"),
                failure(*STRESS_GAP, factor=1.2),
                failure(*STRESS_GAP, structure="NaCl8", factor=0.7),
            ],
            "history_independence",
            ["stress_energy_gap"],
        ),
        # Voigt components in another order don't turn.
        (
            [
                failure("rotation_equivariance", "symmetry", kind="practice", **STRESS),
                failure(*STRESS_GAP, title="another order"),
            ],
            "stress_energy_gap",
            ["rotation_equivariance"],
        ),
        # The nearest image alone: ties of images in symmetric places.
        (
            [failure("cutoff_smoothness", "smoothness", **SHIFTED), failure(*SUPERCELL)],
            "supercell_extensivity",
            ["cutoff_smoothness"],
        ),
        # Atoms on one side of the origin are lost; generated lines cross it.
        (
            [
                failure("cutoff_smoothness", "smoothness", **SHIFTED),
                failure("translation_invariance", "symmetry"),
                failure("separated_additivity", "symmetry", 9.0),
                failure(*GAP, structure="generated"),
            ],
            "translation_invariance",
            ["cutoff_smoothness", "separated_additivity", "force_energy_gap"],
        ),
        # A transposed cell has other images: what is seen of them follows.
        (
            [
                failure("lattice_basis", "symmetry", **SWAPPED),
                failure("periodic_wrap", "symmetry", 9.0),
                failure("rotation_equivariance", "symmetry", 9.0, kind="practice"),
                failure(*STRESS_GAP, 9.0),
                failure("loop_work", "conservation", 9.0),
            ],
            "lattice_basis",
            ["periodic_wrap", "rotation_equivariance", "stress_energy_gap", "loop_work"],
        ),
        # Atoms at the origin are taken for padding.
        (
            [
                failure("cutoff_smoothness", "smoothness", 9.0, **SHIFTED),
                failure("periodic_wrap", "symmetry"),
            ],
            "periodic_wrap",
            ["cutoff_smoothness"],
        ),
        # An atom at a corner loses its neighbours: a strain moves it off there.
        (
            [failure("periodic_wrap", "symmetry"), failure(*STRESS_GAP, 9.0)],
            "periodic_wrap",
            ["stress_energy_gap"],
        ),
        # An atom at the origin loses them: likewise.
        (
            [failure("translation_invariance", "symmetry"), failure(*STRESS_GAP, 9.0)],
            "translation_invariance",
            ["stress_energy_gap"],
        ),
        # A virial that counts pairs across faces otherwise depends on what lies beside the cell.
        (
            [
                failure(*SUPERCELL, **STRESS),
                failure("rotation_equivariance", "symmetry", kind="practice", **STRESS),
            ],
            "supercell_extensivity",
            ["rotation_equivariance"],
        ),
        # The energy steps at the cutoff: the lattice that is relaxed goes over steps.
        (
            [
                failure("cell_relaxation", "relaxation", 9.0),
                failure("cutoff_smoothness", "smoothness", **CROSSED),
            ],
            "cutoff_smoothness",
            ["cell_relaxation"],
        ),
        # Two atoms alone have another element's parameters.
        (
            [
                failure("short_range_repulsion", "smoothness", 9.0, place="dimer C-C: attraction"),
                failure("separated_additivity", "symmetry", place="two Cl atoms with H 60 Å apart"),
            ],
            "separated_additivity",
            ["short_range_repulsion"],
        ),
        # Forces of the other sign attract, and stress does other work than they.
        (
            [
                failure("short_range_repulsion", "smoothness", 9.0),
                failure("strain_loop_work", "conservation", 9.0),
                failure(*GAP, title="-1 times the gradient", factor=-1.0),
            ],
            "force_energy_gap",
            ["short_range_repulsion", "strain_loop_work"],
        ),
        # A cache without the cell in its key gives strained cells the energy of the first.
        (
            [
                failure("history_independence", "implementation"),
                failure("outputs_agree", "implementation", 9.0, title=STRAINED),
            ],
            "history_independence",
            ["outputs_agree"],
        ),
        # Dropout that is left on: equal calls tell it before batches and memory do.
        (
            [
                failure("determinism", "implementation"),
                failure("batch_invariance", "implementation", 9.0),
                failure("history_independence", "implementation", 9.0),
            ],
            "determinism",
            ["batch_invariance", "history_independence"],
        ),
        # Forces without a potential: by how much differs from cell to cell.
        (
            [failure("loop_work", "conservation"), failure("size_consistency", "symmetry", 9.0)],
            "loop_work",
            ["size_consistency"],
        ),
        (
            [failure("permutation_equivariance", "symmetry", **SWAPPED), failure(*GAP, 9.0)],
            "permutation_equivariance",
            ["force_energy_gap"],
        ),
    ],
)
def test_what_was_measured_says_which_failure_is_the_cause(failed, shown, follow):
    (fault,) = faults(failed)
    assert (list(fault.shown), sorted(fault.follow)) == ([shown], sorted(follow))
    # The first sentence begins with it.
    first = consequence(report(*failed)).split(": ", 1)[1]
    assert first.startswith(fault.shown[shown][0].title)


def test_failures_of_their_own_stay_apart():
    cutoff = failure("cutoff_smoothness", "smoothness", **CROSSED)
    apart = [
        # A cap on neighbours jumps where atoms cross; it breaks supercells, too.
        [cutoff, failure(*SUPERCELL)],
        [failure(*GAP, **FACTORS), failure(*STRESS_GAP, title="3 times", factor=3.0)],
        [failure(*GAP), failure(*SUPERCELL, title="another energy", **ENERGY)],
        [failure("periodic_wrap", "symmetry"), failure(*STRESS_GAP, **FACTORS)],
        [failure("permutation_equivariance", "symmetry"), failure(*GAP, 9.0)],
        # A cap on neighbours shows in cells of many vectors.
        [cutoff, failure("lattice_basis", "symmetry", **SWAPPED)],
        # What is felt far away is no hole at short range.
        [
            failure("short_range_repulsion", "smoothness", place="dimer C-C: attraction"),
            failure("separated_additivity", "symmetry", place="two copies 60 Å apart"),
        ],
        # Forces in another unit still repel.
        [failure("short_range_repulsion", "smoothness"), failure(*GAP, **FACTORS)],
        [
            failure("history_independence", "implementation"),
            failure("outputs_agree", "implementation", title="sum of charges and the charge"),
        ],
        # Forces of an energy that has another shape, and a stress of its own.
        [failure(*GAP), failure("strain_loop_work", "conservation")],
        # Atoms that cross a cutoff are at no symmetric place.
        [cutoff, failure("periodic_wrap", "symmetry")],
        [cutoff, failure("translation_invariance", "symmetry")],
        # At a structure where no place is told apart.
        [
            failure("translation_invariance", "symmetry", **STRESS),
            failure(*STRESS_GAP, structure="NaCl8"),
        ],
        # Forces show it, too.
        [
            failure(*SUPERCELL, **STRESS),
            failure("rotation_equivariance", "symmetry", kind="practice"),
        ],
        # A stress in another unit is so everywhere.
        [
            failure("history_independence", "implementation"),
            failure(*STRESS_GAP, factor=160.2),
        ],
    ]
    for failed in apart:
        assert [list(one.follow) for one in faults(failed)] == [[], []]
    assert next(iter(faults(apart[0])[0].shown)) == "cutoff_smoothness"
    # Not all records are of the stress alone: the title mustn't say so.
    named = failure("lattice_basis", "symmetry", 9.0, title="the stress, not forces", **STRESS)
    assert title_of([named, failure("lattice_basis", "symmetry")]) == "lattice_basis is broken"
    assert title_of([failure(*GAP, 9.0), failure(*GAP, **FACTORS)]) == FACTORS["title"]


def test_a_fault_of_the_implementation_is_the_first_reason():
    failed = [failure("nve_drift", "dynamics", 9.0), failure("determinism", "implementation")]
    assert "model: determinism is broken; H2O heats" in consequence(report(*failed))


def test_another_energy_is_one_fault_where_forces_and_stress_agree():
    gaps = [failure(*GAP), failure(*STRESS_GAP, title="1.06 times", factor=1.06)]
    agree = replace(failure("strain_loop_work", "conservation"), verdict=Outcome.PASS)
    (fault,) = faults([*gaps, agree])
    assert (list(fault.shown), list(fault.follow)) == (["force_energy_gap"], ["stress_energy_gap"])
    undecided = replace(agree, verdict=Outcome.INCONCLUSIVE)
    assert [list(one.follow) for one in faults([*gaps, undecided])] == [[], []]
