import numpy as np
from ase.build import molecule

from physcheck.run.evidence import save_evidence
from physcheck.run.jsonable import to_jsonable
from physcheck.system import Configurations

FRAMES = Configurations.from_atoms(molecule("H2O"))


def test_evidence_of_two_structures_never_shares_a_file(tmp_path):
    names = [
        "a/b",
        "a_b",
        "a b",
        "a:b",
        "é" * 200,
        "é" * 201,
        "x" * 300,
        "../up",
        "\ud800",
        "\ud801",
    ]
    paths = {
        save_evidence({"configurations": FRAMES}, name, lambda: tmp_path)["configurations"]
        for name in names
    }
    assert len(paths) == len(names)
    assert len(list(tmp_path.iterdir())) == len(names)
    saved = save_evidence({"configurations": FRAMES}, "loop_work-H2O", lambda: tmp_path)
    assert saved["configurations"] == str(tmp_path / "loop_work-H2O.extxyz")


def test_evidence_that_cannot_be_saved_costs_no_record(tmp_path):
    class Odd:
        def __str__(self):
            raise RuntimeError("no words")

    frames = Configurations.from_atoms(molecule("H2O"))
    found = {"configurations": frames, "frame_forces": [np.zeros((7, 3))]}
    saved = save_evidence(found, "x", lambda: tmp_path)
    assert "configurations_not_saved" in saved
    assert list(tmp_path.iterdir()) == []


def test_json_has_no_lone_surrogates():
    assert to_jsonable({"\ud800": ["\udfff", "Å"]}) == {r"\ud800": [r"\udfff", "Å"]}
