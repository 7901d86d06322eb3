"""Run the suite on real models, each in an environment of its own.

    python benchmarks/models/run.py [NAME...] [--pytest-option...]

A subject is a model spec below and a folder here (several may share one) with ``requirements.txt``
and, where a package pins versions that don't install, ``requirements-no-deps.txt``; ``prepare.py``
makes the model's file where no package has one.  Environments are ``.envs/NAME`` in the project's
root, reports ``out/models/NAME.json``, and what a subject printed ``out/models/NAME.log``.  Two
folders are at work at a time, each on one thread, slow models first.  A subject that can't be
installed or run doesn't stop the others.  Each has a budget in evaluations and the seed 0, so that
a run can be repeated.  The table in ``docs/models.md`` is rewritten from the reports that there
are, but not by a run with options of its own; the text around it is written by hand.  Exit code 1
if a subject could not be installed, gave no report, or breaks the contract of a model in a way that
isn't known of its package; its verdicts don't count.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TORCH = "torch==2.13.0"


@dataclass(frozen=True, slots=True)
class Subject:
    """A model: its folder here, its spec, the evaluations of its run, and further options.

    ``breaks`` are the rules of the contract that the package itself breaks, for a known reason.
    """

    folder: str
    spec: str
    budget: int
    options: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()


# Numbers of evaluations, not what a minute buys: the same on a busy machine as on an idle one.
FAST, SLOW, SLOWEST, FEWEST = 25_000, 8_000, 2_500, 800
COPPER = "EAM_Dynamo_MishinMehlPapaconstantopoulos_2001_Cu__MO_346334655118_005"
SILICON = "SW_StillingerWeber_1985_Si__MO_405512056662_005"
SUBJECTS = {
    # 0.4 s an evaluation, as its package is: one crystal, and no check that needs trajectories.
    "alignn_ff": Subject(
        "alignn_ff",
        "alignn::ff",
        FEWEST,
        (
            "--physcheck-structures=Si8",
            "--physcheck-checks=conservation,symmetry,smoothness,implementation",
        ),
    ),
    "aimnet": Subject("aimnet", "aimnet::aimnet.pt", SLOW),
    "chgnet": Subject("chgnet", "chgnet::0.3.0", SLOWEST),
    "deepmd": Subject("deepmd", "deepmd::deepmd.pth", SLOW),
    "fairchem": Subject("fairchem", "fairchem::fairchem.pt", SLOWEST),
    # Its calculator puts the molecule that it is given into a periodic box, in place.
    "grace": Subject("grace", "grace::grace-net", SLOW, breaks=("input_is_untouched",)),
    "kim-eam": Subject("kim", f"kim::{COPPER}", FAST),
    "kim-sw": Subject("kim", f"kim::{SILICON}", FAST),
    "mace": Subject("mace", "mace::mace.model", SLOW),
    "mattersim": Subject("mattersim", "mattersim::mattersim.pth", SLOW),
    "matgl": Subject("matgl", "matgl::matgl-net", SLOW),
    "nequip": Subject("nequip", "nequip::nequip.ckpt", SLOW),
    # Of the published size, 2 s an evaluation of Cu32: the smallest molecule and crystal.
    "orb": Subject(
        "orb",
        "orb::orb-v3-conservative-inf-omat,weights=orb.ckpt",
        FEWEST,
        ("--physcheck-structures=ethanol,Si8",),
    ),
    "pet": Subject("metatrain", "metatomic::pet.pt", FAST),
    "pet-direct": Subject("metatrain", "metatomic::pet.pt,forces=direct", FAST),
    "sevennet": Subject("sevennet", "sevennet::7net-0", SLOWEST),
    "so3lr": Subject("so3lr", "so3lr::default", SLOW),
    # Its charges start from those of the call before, and converge to within its accuracy.
    "tblite": Subject(
        "tblite",
        "tblite::GFN2-xTB",
        FAST,
        breaks=("batches_are_single_calls", "fresh_copies_are_equal"),
    ),
    "torchani": Subject("torchani", "torchani::ANI-1x,member=0", FAST),
}
PAGE = ROOT / "docs" / "models.md"
BEGIN, END = "<!-- table: benchmarks/models/run.py -->", "<!-- end of table -->"
# Folders that are at work at a time.
WORKERS = 2
# What physcheck itself needs beside the subject's packages; torch comes before.
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HARNESS = tuple(name for name in PROJECT["dependencies"] if not name.startswith("torch"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one subject: ``problem`` is empty if there is a report.

    ``broken`` are the rules of the contract of a model that its adapter breaks unexpectedly.
    """

    name: str
    problem: str
    seconds: float
    report: dict[str, Any]
    broken: tuple[str, ...] = ()


def install(name: str, log: IO[str]) -> Path:
    """The interpreter of the subject's environment, installed if its requirements changed.

    Raises
    ------
    subprocess.CalledProcessError
        An installation step failed.
    """
    name = SUBJECTS[name].folder
    folder = HERE / name
    environment = ROOT / ".envs" / name
    python = environment / "bin" / "python"
    lists = [folder / "requirements.txt", folder / "requirements-no-deps.txt"]
    wanted = "\n".join([TORCH, *HARNESS, *(p.read_text() for p in lists if p.exists())])
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    stamp = environment / ".stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return python

    def call(*command: object) -> None:
        subprocess.run(list(map(str, command)), check=True, stdout=log, stderr=log)

    call(sys.executable, "-m", "venv", "--clear", environment)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # First, so that nothing else chooses a build for other hardware.
    call(*pip, TORCH)
    call(*pip, "-r", lists[0], *HARNESS)
    if lists[1].exists():
        call(*pip, "--no-deps", "-r", lists[1])
    call(*pip, "--no-deps", "-e", ROOT)
    stamp.write_text(digest)
    return python


def broken_rules(name: str, python: Path, out: Path, log: IO[str]) -> list[str]:
    """The rules of ``physcheck.testing.check_adapter`` that the subject breaks unexpectedly.

    Raises
    ------
    subprocess.CalledProcessError
        The model could not be loaded.
    """
    code = (
        "import sys; from physcheck.testing import check_adapter; "
        "results = check_adapter(sys.argv[1], on_broken='return'); "
        "broken = [one for one in results if one.outcome == 'broken']; "
        "print(*broken, sep='\\n', file=sys.stderr); "
        "print('RULES', *sorted({one.rule for one in broken}))"
    )
    command = [python, "-W", "ignore", "-c", code, SUBJECTS[name].spec]
    said = subprocess.run(
        command,
        cwd=out,
        env=_environment(),
        check=True,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    found = said.stdout.rpartition("RULES")[2].split()
    return [rule for rule in found if rule not in SUBJECTS[name].breaks]


def _environment() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1", **os.environ}


def prepare(name: str, python: Path, out: Path, log: IO[str]) -> None:
    """Make the subject's model file, where its folder says how.

    Raises
    ------
    subprocess.CalledProcessError
        The model's file could not be made.
    """
    script = HERE / SUBJECTS[name].folder / "prepare.py"
    if script.exists():
        subprocess.run(
            [python, script], cwd=out, env=_environment(), check=True, stdout=log, stderr=log
        )


def judge(
    name: str, python: Path, out: Path, log: IO[str], options: Sequence[str]
) -> dict[str, Any]:
    """The JSON report of the suite on the subject; empty if the run gave none."""
    path = out / f"{name}.json"
    path.unlink(missing_ok=True)
    subject = SUBJECTS[name]
    command = [
        *(python, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "physcheck.suite"),
        f"--model={subject.spec}",
        f"--physcheck-json={path}",
        f"--physcheck-budget={subject.budget}",
        "--physcheck-seed=0",
        *subject.options,
        *options,
    ]
    subprocess.run(command, cwd=out, env=_environment(), check=False, stdout=log, stderr=log)
    return json.loads(path.read_text()) if path.exists() else {}


def run(name: str, out: Path, options: Sequence[str]) -> Outcome:
    """Install and judge one subject."""
    print(f"== {name}: begun ==", flush=True)
    started = time.perf_counter()
    report: dict[str, Any] = {}
    problem, broken = "", ()
    with (out / f"{name}.log").open("w") as log:
        try:
            python = install(name, log)
            prepare(name, python, out, log)
            broken = tuple(broken_rules(name, python, out, log))
            report = judge(name, python, out, log, options)
            if not report.get("complete"):
                problem = str(report.get("error") or "no complete report")
        except subprocess.CalledProcessError as error:
            command = " ".join(map(str, error.cmd[1:]))
            problem = f"not made: {command} ended with {error.returncode}"
    seconds = time.perf_counter() - started
    rules = f"contract {'broken: ' + ', '.join(broken) if broken else 'holds'}"
    print(f"== {name}: {problem or rules}, {seconds:.0f} s ==", flush=True)
    return Outcome(name, problem, seconds, report, broken)


def by_folder(names: Sequence[str]) -> list[list[str]]:
    """Subjects that share an environment and a prepared file together, slow models first."""
    folders: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda one: SUBJECTS[one].budget):
        folders.setdefault(SUBJECTS[name].folder, []).append(name)
    return list(folders.values())


HEADER = (
    *("model", "pass", "fail", "inconclusive", "open laws of conservation", "failed checks"),
    *("evaluations", "seconds"),
)


def row_of(outcome: Outcome) -> tuple[str, ...]:
    """One line of the table: verdicts by count, the checks that failed, evaluations and seconds."""
    if outcome.problem:
        return (outcome.name, "-", "-", "-", "-", outcome.problem, "-", f"{outcome.seconds:.0f}")
    counts = outcome.report["summary"]
    records = outcome.report["records"]
    failed = sorted({r["check"] for r in records if r["verdict"] in ("fail", "error")})
    still = [r for r in records if r["verdict"] == "inconclusive" and r["kind"] == "law"]
    still_open = sorted(
        {
            r["check"] + (" (generated cases)" if r["structure"] == "generated" else "")
            for r in still
            if r["family"] == "conservation"
        }
    )
    return (
        outcome.name,
        str(counts["pass"]),
        str(counts["fail"] + counts["error"]),
        str(counts["inconclusive"]),
        ", ".join(still_open) or "none",
        ", ".join(failed) or "none",
        str(counts["force_evaluations"]),
        f"{counts['seconds']:.0f}",
    )


def summary(outcomes: list[Outcome]) -> str:
    """The table for the terminal."""
    rows = [(*HEADER, "contract")]
    rows += [(*row_of(one), ", ".join(one.broken) or "holds") for one in outcomes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def markdown(reports: dict[str, dict[str, Any]]) -> str:
    """The table for the page: one line a complete report."""
    lines = ["| " + " | ".join(("spec", "computes in", "budget", *HEADER[1:])) + " |"]
    lines.append("|" + "---|" * (len(HEADER) + 2))
    for name, report in sorted(reports.items()):
        model = report["model"]
        cells = row_of(Outcome(name, "", 0.0, report))[1:]
        budget = f"{report['plan']['budget']:,}"
        spec = f"`{model['spec']}`"
        lines.append("| " + " | ".join((spec, model["dtype"], budget, *cells)) + " |")
    return "\n".join(lines)


def write_page(out: Path) -> None:
    """Put the table of all complete reports in ``out`` between the marks of the page."""
    reports = {}
    for path in out.glob("*.json"):
        report = json.loads(path.read_text())
        if path.stem in SUBJECTS and report.get("complete") and report.get("records"):
            reports[path.stem] = report
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end and reports:
        PAGE.write_text(f"{before}{BEGIN}\n\n{markdown(reports)}\n\n{END}{after}")


def main(words: list[str]) -> int:
    """Judge the named subjects, or all; words that begin with a dash are for pytest."""
    names = [word for word in words if not word.startswith("-")]
    options = [word for word in words if word.startswith("-")]
    unknown = sorted(set(names) - set(SUBJECTS))
    if unknown:
        print(f"no subject {', '.join(unknown)}; known: {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    out = ROOT / "out" / "models"
    out.mkdir(parents=True, exist_ok=True)
    groups = by_folder(names or tuple(SUBJECTS))
    with ThreadPoolExecutor(WORKERS) as pool:
        made = pool.map(lambda group: [run(name, out, options) for name in group], groups)
        outcomes = sorted((one for group in made for one in group), key=lambda one: one.name)
    print("\n" + summary(outcomes))
    if not options:
        write_page(out)
    return 1 if any(outcome.problem or outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
