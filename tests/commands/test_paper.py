import json

import pytest
from support.paper_runs import TINY

from physcheck.cli import main
from physcheck.paper.results import PaperReport
from physcheck.paper.scale import SCALES

PAIR = ["--model=builtin::water+curl=0.05", "--reference=builtin::water", "--structures=H2O"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(SCALES, "small", TINY)


def test_the_experiments_are_listed(capsys):
    assert main(["paper", "--list"]) == 0
    assert "lambda_distance" in capsys.readouterr().out


def test_files_and_lines(tmp_path, capsys):
    files = [tmp_path / name for name in ("out.json", "out.html", "out.md")]
    words = [f"--{kind}={path}" for kind, path in zip(("json", "html", "markdown"), files)]
    assert main(["paper", *PAIR, "--only=lambda,loop,npt", *words]) == 0
    told = capsys.readouterr().out
    assert "lambda[H2O]" in told
    assert "2 experiments made: 2 as in the paper, 1 not run" in told
    report = PaperReport.from_json(json.loads(files[0].read_text()))
    assert report.complete
    assert [r.experiment for r in report.results] == ["lambda", "loop", "npt"]
    assert "<svg " in files[1].read_text()
    assert "| lambda | model |" in files[2].read_text()


def test_a_run_goes_on(tmp_path, capsys):
    path = tmp_path / "out.json"
    words = ["paper", *PAIR, f"--json={path}", "--resume"]
    assert main([*words, "--only=lambda"]) == 0
    first = json.loads(path.read_text())
    assert main([*words, "--only=lambda,loop"]) == 0
    both = json.loads(path.read_text())
    assert both["results"][0] == first["results"][0]
    assert len(both["results"]) == 2
    capsys.readouterr()
    assert main([*words, "--seed=1"]) == 4
    assert "is of another model" in capsys.readouterr().err
    path.write_text("{}")
    assert main(words) == 4
    assert "is no report of physcheck paper" in capsys.readouterr().err
    assert main(["paper", *PAIR, "--resume"]) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*PAIR, "--only=lamda"], "no experiment is called 'lamda'; did you mean lambda"),
        (["--reference=builtin::water"], "missing option '--model'"),
        (["--model=builtin::watr"], "did you mean water"),
        ([*PAIR[:1], "--reference=builtin::watr"], "did you mean water"),
        ([*PAIR[:2], "--structures=H20"], "H20"),
        ([*PAIR, "--scale=long"], "'small', 'paper'"),
        ([*PAIR, "--labels=none.xyz"], "none.xyz"),
    ],
)
def test_mistakes_are_a_line_and_exit_code_4(words, said, capsys):
    assert main(["paper", *words]) == 4
    told = capsys.readouterr()
    assert said in told.err.splitlines()[0]
    assert told.out == ""


def test_an_experiment_that_fails_is_exit_code_1(capsys):
    words = ["--model=builtin::water+nan=50", "--structures=H2O", "--only=lambda"]
    assert main(["paper", *words]) == 1
    assert "NonFiniteOutput" in capsys.readouterr().out


def test_a_structure_that_the_model_refuses(capsys):
    words = ["--model=builtin::stillinger-weber", "--structures=Cu32", "--only=lambda"]
    assert main(["paper", *words]) == 0
    assert "species Cu not supported" in capsys.readouterr().out
