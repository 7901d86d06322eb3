"""The cases of benchmarks/faults.py: options and specs that are wrong, and all kinds by name."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from fault_case import GOOD, LONG, SHORT, SUITE, Case, prepare_paths
from fault_files import file_case
from fault_models import answer_case, death_case, disk_case

__all__ = ["KINDS", "Case", "kind_of", "make_case", "strange_options", "strange_specs"]

# -- options ---------------------------------------------------------------

_PATHS = {
    "no such user": "~nosuchuser/x",
    "long name": LONG,
    "long name in a folder": f"{LONG}/x",
    "long path": "/".join(["d" * 200] * 40),
    "NUL": "a\0b",
    "not UTF-8": "a\udcff.x",
    "link loop": "loop",
    "in a link loop": "loop/x",
    "folder": "folder",
    "in a file": "file.txt/x",
}
_READ = {"pipe": "pipe", "device": "/dev/zero", "missing": "missing.x", "link to nothing": "broken"}
_NUMBERS = {
    "5,000 digits": "9" * 5000,
    "letters": "ten",
    "NaN": "nan",
    "empty": "",
    "blank": "  ",
    "hexadecimal": "0x10",
    "minus infinity": "-inf",
    "negative": "-1",
    "NUL": "1\0",
    "not UTF-8": "\udcff",
    "infinity": "inf",
    "long": "1" * 200_000,
}
_WORDS = {
    "empty": "",
    "blank": " ",
    "long": "n" * 5000,
    "very long": "n" * 200_000,
    "NUL": "a\0b",
    "not UTF-8": "\udcff",
    "newlines": "a\nb\nERROR: c",
    "escape": "\x1b[31mred",
    "commas": ",,,",
    "brackets": "[[[",
    "percent": "%s%n{0}",
}
_TOML = {
    "deep": "a = " + "[" * 5000 + "]" * 5000,
    "deep tables": "[" + ".".join("a" * 3000) + "]",
    "digits": "a = " + "9" * 5000,
    "no TOML": "[[[[",
    "a list": "known_failure = [1, 2]",
    "a word": "known_failure = 'x'",
    "a table": "[known_failure]\ncheck = 'x'",
    "no reason": "[[known_failure]]\ncheck = 'loop_work'\nstructure = 'H2O'",
    "unknown check": "[[known_failure]]\ncheck = 'x'\nstructure = 'H2O'\nreason = 'y'",
    "list for a name": "[[known_failure]]\ncheck = ['x']\nstructure = 'H2O'\nreason = 'y'",
    "unknown key": "[[known_failure]]\nchek = 'x'",
    "date": "[[known_failure]]\ncheck='loop_work'\nstructure='H2O'\nreason='y'\nuntil='soon'",
    "time": "[[known_failure]]\ncheck='loop_work'\nstructure='H2O'\nreason='y'\nuntil=12:00:00",
    "binary": b"\xff\xfe\x00",
    "bom": b"\xef\xbb\xbf[[known_failure]]\n",
}
_SHARDS = {
    "none": "0/2", "beyond": "3/2", "one number": "2", "letters": "a/b", "empty": "",
    "minus": "-1/2",
    "digits": "1/" + "9" * 5000, "NaN": "nan/2", "three": "1/2/3", "NUL": "1/2\0", "spaces": " / ",
}  # fmt: skip
_REPORTS = {
    "empty": "",
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "no records": "{}",
    "records of nothing": '{"records": [{}]}',
    "records as words": '{"records": "none"}',
    "deep": "[" * 100_000,
    "deep objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "digits": '{"schema_version": ' + "9" * 5_000 + "}",
    "NaN": '{"schema_version": NaN, "records": [NaN]}',
    "twice": "{}{}",
    "surrogates": '{"schema_version": "\\ud800", "records": []}',
    "another version": '{"schema_version": 10000, "records": []}',
}
_CASE = (
    '{"format": "physcheck-case/1", "check": "%s", "symbols": %s, "positions": %s, '
    '"cell": %s, "pbc": %s, "action": %s}'
)
_KEPT = {
    "another check": _CASE % ("nothing", '["H"]', "[[0,0,0]]", "[]", "[false]", "{}"),
    "no atoms": _CASE % ("net_force", "[]", "[]", "[[0,0,0]]", "[false]", "{}"),
    "one coordinate": _CASE % ("net_force", '["H"]', "[[0]]", "[]", "[]", "{}"),
}


def strange_options() -> list[Case]:
    """Every option with every strange value that it can't take."""
    cases = []

    def add(name: str, about: str, value: str, prepare=prepare_paths) -> None:
        option = f"--physcheck-{name}={value}"
        model = [] if name == "model" else [GOOD]
        rest = [word for word in SHORT if not word.startswith(f"--physcheck-{name}=")]
        cases.append(
            Case("options", f"{name}: {about}", (*SUITE, *model, *rest, option), prepare, True)
        )

    written, read = ("json", "html", "markdown", "badge"), ("known-failures", "baseline")
    for name in (*written, *read, "structures", "model", "reference"):
        for about, value in _PATHS.items():
            add(name, about, f"{value}.py" if name in ("model", "reference") else value)
    for name in (*read, "structures"):
        for about, value in _READ.items():
            add(name, about, value)
    for about in sorted(set(_PATHS) - {"folder"}):
        add("evidence", about, _PATHS[about])
        add("cases", about, _PATHS[about])
    for about, value in {**_PATHS, **_READ}.items():
        add("resume", about, value)
    for name in ("seed", "timeout", "search"):
        for about, value in _NUMBERS.items():
            add(name, about, value)
    add("timeout", "zero", "0")
    add("seed", "2^64", str(2**64))
    for about, value in _SHARDS.items():
        add("shard", about, value)
    for about, text in _REPORTS.items():
        for name in ("baseline", "resume"):

            def prepare_report(folder: Path, data: str = text) -> None:
                (folder / "old.json").write_text(data)

            add(name, f"report: {about}", "old.json", prepare_report)
    for about, text in {**_REPORTS, **_KEPT}.items():

        def prepare_kept(folder: Path, data: str = text) -> None:
            (folder / "kept").mkdir()
            (folder / "kept/old.json").write_text(data)

        add("structures", f"kept case: {about}", "generated", prepare_kept)
        words = (*cases[-1].arguments, "--physcheck-cases=kept", "--physcheck-search=200")
        cases[-1] = replace(cases[-1], arguments=words)
    words = ("checks", "structures", "species", "profile", "budget", "fail-on", "model", "dtype")
    for name in (*words, "reference", "device"):
        for about, value in _WORDS.items():
            add(name, about, value)
    for about, text in _TOML.items():
        data = text if isinstance(text, bytes) else text.encode()
        if about == "bom":
            continue

        def prepare(folder: Path, data: bytes = data) -> None:
            (folder / "known.toml").write_bytes(data)

        add("known-failures", f"TOML: {about}", "known.toml", prepare)
    return [*cases, *_ini_cases()]


def _ini_cases() -> list[Case]:
    values = {
        "seed": "many", "timeout": "nan", "only": "perhaps", "profile": "mdd", "checks": "nothing",
        "structures": "~nosuchuser/x.xyz", "known_failures": "missing.toml", "model": "x" * 300,
        "json": LONG, "evidence": "~nosuchuser", "budget": "-", "fail_on": "no",
    }  # fmt: skip
    cases = []
    for key, value in values.items():

        def prepare(folder: Path, key: str = key, value: str = value) -> None:
            (folder / "pytest.ini").write_text(f"[pytest]\nphyscheck_{key} = {value}\n")

        model = () if key == "model" else (GOOD,)
        words = (*SUITE, *model, "-c", "pytest.ini")
        cases.append(Case("options", f"ini: {key} = {value[:20]}", words, prepare, True))
    return cases


# -- specs ---------------------------------------------------------------

_SPECS = {
    "argument given twice": "builtin::lennard-jones,argument=x",
    "torch's argument twice": "torch::m.pt,argument=x",
    "no such user": "~nosuchuser/x.py:f",
    "no such user's weights": "torch::~nosuchuser/x.pt",
    "long name": f"{'x' * 300}.py:f",
    "long weights": f"torch::{'x' * 300}.pt",
    "digits": "builtin::lennard-jones,cutoff=" + "9" * 5000,
    "strength": "builtin::gupta+curl=" + "9" * 5000,
    "which": "builtin::water+local-curl=0.1:" + "9" * 5000,
    "NUL": "x\0.py:f",
    "NUL in weights": "torch::x\0.pt",
    "not UTF-8": "\udcff.py:f",
    "option twice": "m.py:f,a=1,a=2",
    "no value": "builtin::gupta,cutoff=",
    "device": "builtin::gupta,device=moon",
    "folder": "folder.py:f",
    "loop": "loop.py:f",
    "pipe": "pipe.py:f",
    "empty": "::",
    "no argument": "torch::",
    "no name": "builtin::",
    "only options": ",a=1",
    "colons": ":::::",
    "module": "no.such.module:f",
    "dunder": "__main__:nothing",
    "half": "m.py:",
    "brackets": "m.py:f()",
    "defects": "builtin::gupta" + "+curl" * 500,
    "infinite cutoff": "builtin::lennard-jones,cutoff=1e999",
    "negative cutoff": "builtin::lennard-jones,cutoff=-1",
    "words for cutoff": "builtin::lennard-jones,cutoff=far",
    "exported": "m.pt2",
    "pickle": "m.pt",
    "broken archive": "broken.pt",
    "no model": "m.py:nothing",
    "unknown option": "m.py:f,colour=red",
    "missing option": "m.py:needs",
}


def _prepare_specs(folder: Path) -> None:
    prepare_paths(folder)
    (folder / "folder.py").mkdir()
    (folder / "loop.py").symlink_to("loop.py")
    os.mkfifo(folder / "pipe.py")
    (folder / "m.py").write_text(
        "from ase.calculators.emt import EMT\ndef f(x=1): return EMT()\n"
        "def needs(weights): return EMT()\n"
    )
    (folder / "m.pt2").write_bytes(b"PK\3\4")
    (folder / "m.pt").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    (folder / "broken.pt").write_bytes(b"PK\3\4" + b"\0" * 100 + b"PK\5\6" + b"\0" * 18)


def strange_specs() -> list[Case]:
    """Specs that name no model, as model and as reference."""
    cases = []
    for about, spec in _SPECS.items():
        words = (*SUITE, f"--physcheck-model={spec}", *SHORT)
        cases.append(Case("specs", about, words, _prepare_specs, True))
        words = (*SUITE, GOOD, f"--physcheck-reference={spec}", *SHORT)
        cases.append(Case("specs", f"reference: {about}", words, _prepare_specs, True))
    return cases


# -- random texts ---------------------------------------------------------------

_PIECES = ["~", "/", "..", ":", "::", "@", ",", "=", "+", "%", "\0", "\udc80", "é", "\n", "x.py",
           "builtin", "gupta", "torch", "m.pt", "H2O", "*", "[", "]", "nan", "1e300", "9" * 400,
           "-", " ", "a" * 260, "\u202e", "🙂", "s.extxyz", "auto", "true", "'", '"',
           "\\"]  # fmt: skip
_NAMES = ("checks", "structures", "species", "profile", "budget", "seed", "timeout", "json",
          "html", "markdown", "evidence", "known-failures", "fail-on", "reference", "device",
          "dtype", "model", "search", "cases", "baseline", "resume", "shard",
          "badge")  # fmt: skip


def _random_text(rng: random.Random) -> str:
    # Not from the root: some of these are written to.
    return "".join(rng.choice(_PIECES) for _ in range(rng.randrange(1, 7))).lstrip("/")


def _random_options(rng: random.Random) -> Case:
    names = rng.sample(_NAMES, rng.choice([1, 1, 2, 3]))
    words = [f"--physcheck-{name}={_random_text(rng)}" for name in names]
    model = [] if "model" in names else [GOOD]
    rest = [word for word in SHORT if word.split("=")[0][12:] not in names]
    about = "random texts: " + ", ".join(names)
    return Case("options", about, (*SUITE, *model, *rest, *words), prepare_paths)


def _random_spec(rng: random.Random) -> Case:
    text = rng.choice(["", "m.py:", "builtin::", "torch::"]) + _random_text(rng)
    words = (*SUITE, f"--physcheck-model={text}", *SHORT)
    return Case("specs", "random text", words, _prepare_specs)


_STRANGE_OPTIONS, _STRANGE_SPECS = strange_options(), strange_specs()
_MAKERS: dict[str, Callable[[random.Random], Case]] = {
    "options": lambda rng: (
        rng.choice(_STRANGE_OPTIONS) if rng.random() < 0.5 else _random_options(rng)
    ),
    "specs": lambda rng: rng.choice(_STRANGE_SPECS) if rng.random() < 0.5 else _random_spec(rng),
    "files": file_case,
    "answers": answer_case,
    "deaths": death_case,
    "disks": disk_case,
}
KINDS = tuple(_MAKERS)
# Of forty cases in a row so many are of each kind.
_OF_FORTY = {"options": 12, "specs": 8, "files": 11, "answers": 7, "deaths": 1, "disks": 1}
_ORDER = tuple(kind for kind, count in _OF_FORTY.items() for _ in range(count))


def kind_of(number: int, kinds: Sequence[str] = KINDS) -> str:
    """The kind of the case of a number, of those given."""
    order = [kind for kind in _ORDER if kind in kinds]
    return order[number % len(order)]


def make_case(kind: str, rng: random.Random) -> Case:
    """A case of a kind, the same for the same generator."""
    return _MAKERS[kind](rng)
