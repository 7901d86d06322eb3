"""Does a default run find each built-in defect, and blame no other law?

    python benchmarks/defects_by_default.py [--defects a,b*] [--seeds 3] [--first-seed 0]
                                            [--budget standard] [--results FILE] [--markdown FILE]

Each public defect is put at its default strength around the built-in potential that it is meant
for, and a whole run is made of it: no check and no structure is named.  A defect is found where one
of the checks that it says must fail does; a law is wrongly blamed where one fails that it doesn't
name at all.  Defects that are no fault (float32, offset, forces-only) must not fail any law.

Prints a line a (defect, seed), and a table.  With --results each line is kept in a file, and what
it holds already isn't run again.  Exits 1 if fewer than 95 % are found, or any law is wrongly
blamed.  A run takes 20 to 60 s, three seeds of all some one and a half hours.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path

import physcheck
from physcheck.measurement import Outcome
from physcheck.potentials import DEFECTS

# Which potential a defect is meant for; the others go around Gupta's, which binds any element.
_BASES = {
    "curl": "morse",  # no periodic systems
    "net-torque": "morse",  # likewise
    "local-curl": "water",  # one molecule of several
    "species-direct": "water",  # one element of two
}
_LEAST_SHARE = 0.95


@dataclass(frozen=True)
class Run:
    """What a default run said of a defect.

    Attributes
    ----------
    failed : list of str
        The checks that the defect says must fail, and that did.
    missed : dict of str to str
        Those of them that were judged and didn't fail: their verdicts by structure.
    blamed : dict of str to str
        Laws that failed and that the defect doesn't name: their messages by record.
    errors : dict of str to str
    evaluations : int
        Those before the first record included.
    seconds : float
        Processor time.
    """

    model: str
    defect: str
    seed: int
    failed: list[str]
    missed: dict[str, str]
    blamed: dict[str, str]
    errors: dict[str, str]
    records: int
    evaluations: int
    seconds: float

    @property
    def found(self) -> bool:
        """Whether its own check fails; of what is no fault, that nothing does."""
        return bool(self.failed) if DEFECTS[self.defect].must_fail else not self.blamed

    @property
    def line(self) -> str:
        """What became of it, in a line and one for each surprise."""
        mark = "  " if self.found and not self.blamed else "!!"
        own = ", ".join(self.failed) or ("nothing to fail" if self.found else "NOTHING")
        lines = [
            f"{mark} {self.model} seed {self.seed}: {own}   ({self.records} records, "
            f"{self.evaluations:,} evaluations, {self.seconds:.0f} s)"
        ]
        lines += [f"     not failed: {name}: {what}" for name, what in self.missed.items()]
        lines += [f"     wrongly blamed: {name}: {what}" for name, what in self.blamed.items()]
        lines += [f"     error: {name}: {what}" for name, what in self.errors.items()]
        return "\n".join(lines)


def run(defect: str, seed: int, budget: str) -> Run:
    """A default run of a defect at its default strength."""
    kind = DEFECTS[defect]
    model = f"builtin::{_BASES.get(defect, 'gupta')}+{defect}"
    started = time.process_time()
    report = physcheck.judge(model, budget=budget, seed=seed)
    seconds = time.process_time() - started
    records = report.records
    fails = [record for record in records if record.verdict is Outcome.FAIL]
    failed = sorted({record.check for record in fails} & kind.must_fail)
    missed: dict[str, str] = {}
    for check in sorted(kind.must_fail.difference(failed)):
        own = [f"{record.structure} {record.verdict}" for record in records if record.check == check
               and record.verdict is not Outcome.NOT_APPLICABLE]  # fmt: skip
        missed[check] = ", ".join(own) or "never judged"
    named = kind.must_fail | kind.may_fail
    return Run(
        model=model,
        defect=defect,
        seed=seed,
        failed=failed,
        missed=missed,
        blamed={
            record.name: record.explanation
            for record in fails
            if record.kind == "law" and record.check not in named
        },
        errors={r.name: r.explanation for r in records if r.verdict is Outcome.ERROR},
        records=len(records),
        evaluations=sum(r.force_evaluations or 0 for r in records) + sum(report.setup.values()),
        seconds=seconds,
    )


def table(runs: Iterable[Run]) -> str:
    """Markdown: a row a defect."""
    by_defect: dict[str, list[Run]] = {}
    for one in runs:
        by_defect.setdefault(one.defect, []).append(one)
    lines = ["| model | found | by | also not failed | wrongly blamed | evaluations | s |",
             "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for found in by_defect.values():
        cells = [
            f"`{found[0].model.removeprefix('builtin::')}`",
            f"{sum(one.found for one in found)} of {len(found)}",
            ", ".join(sorted({check for one in found for check in one.failed})) or "-",
            ", ".join(sorted({check for one in found for check in one.missed})) or "-",
            ", ".join(sorted({name for one in found for name in one.blamed})) or "-",
            f"{max(one.evaluations for one in found):,}",
            f"{max(one.seconds for one in found):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def kept(path: Path | None) -> list[Run]:
    """The runs that a file holds."""
    if path is None or not path.exists():
        return []
    return [Run(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def parsed_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--defects", default="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    # A number that doesn't depend on the machine, and what auto buys for a cheap model.
    parser.add_argument("--budget", default="standard")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def main() -> int:
    """Run what the command line names, and count."""
    args = parsed_arguments()
    patterns = args.defects.split(",")
    chosen = [name for name in DEFECTS if any(fnmatch(name, pattern) for pattern in patterns)]
    runs = kept(args.results)
    done = {(one.defect, one.seed) for one in runs}
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for defect in chosen:
            if (defect, seed) in done:
                continue
            one = run(defect, seed, args.budget)
            runs.append(one)
            print(one.line, flush=True)
            if args.results is not None:
                with args.results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(one)) + "\n")
    runs = [one for one in runs if one.defect in chosen]
    text = table(runs)
    print(text)
    if args.markdown is not None:
        args.markdown.write_text(text, encoding="utf-8")
    found = sum(one.found for one in runs)
    blamed = sum(len(one.blamed) for one in runs)
    print(f"found: {found} of {len(runs)}; laws wrongly blamed: {blamed}")
    return 0 if found >= _LEAST_SHARE * len(runs) and not blamed else 1


if __name__ == "__main__":
    sys.exit(main())
