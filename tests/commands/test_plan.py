"""``physcheck plan``: what it tells is what the run does."""

import json

from physcheck.cli import main

ONE = ["--structures=Cu32", "--budget=quick"]


def test_the_plan_is_that_of_the_run(capsys, subject):
    checks = "--checks=conservation,net_torque,mts_tandem"
    assert main(["plan", "builtin::gupta", *ONE, checks, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "physcheck-plan/1"
    assert told["model"]["name"] == "gupta"
    subject.run("--physcheck-model=builtin::gupta", "--physcheck-structures=Cu32",
                "--physcheck-budget=quick", f"--physcheck-{checks[2:]}", factory=None)  # fmt: skip
    report = subject.report()
    made = [r["check"] for r in report["records"] if r["verdict"] != "not_applicable"]
    assert [record["check"] for record in told["records"]] == made
    assert told["evaluations"] == report["plan"]["evaluations"]
    assert told["not_scheduled"] == report["not_scheduled"]
    assert [left["check"] for left in told["not_applicable"]] == ["net_torque"]


def test_the_plan_of_a_shard_is_its_share_of_the_records(capsys):
    options = ["builtin::gupta", "--structures=Cu32,Cu12-slab", "--budget=quick"]
    options += ["--checks=conservation", "--json"]
    told = []
    for shard in ([], ["--shard=1/2"], ["--shard=2/2"]):
        assert main(["plan", *options, *shard]) == 0
        told.append(json.loads(capsys.readouterr().out))
    names = [[(r["check"], r["structure"]) for r in one["records"]] for one in told]
    assert sorted(names[0]) == sorted(names[1] + names[2])
    assert names[1]
    assert names[2]
    assert main(["plan", *options[:-1], "--shard=1/2"]) == 0
    assert "--shard=1/2" in capsys.readouterr().out.splitlines()[-1]


def test_the_plan_for_people(capsys):
    assert main(["plan", "builtin::gupta", "--budget=quick"]) == 0
    told = capsys.readouterr().out
    flat = " ".join(told.split())
    assert "gives energy, forces, stress" in flat
    assert "the first of the catalogue that the model takes; shows best: " in flat
    assert "compares two models: give --physcheck-reference: mts_tandem[" in flat
    assert "needs standard: " in flat
    assert told.rstrip().endswith("run it:  physcheck run builtin::gupta --budget=2500")
    assert max(map(len, told.splitlines())) <= 100


def test_species_and_a_model_that_raises(capsys, tmp_path, monkeypatch):
    assert main(["plan", "builtin::gupta", "--species=Cu", "--budget=quick"]) == 0
    told = capsys.readouterr().out
    assert "Cu12-slab" in told
    assert "  Si8 (" not in told
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text("def f():\n    raise OSError('no weights')\n")
    assert main(["plan", "m.py:f"]) == 4
    assert "OSError: no weights" in capsys.readouterr().err
