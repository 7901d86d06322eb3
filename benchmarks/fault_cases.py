"""The cases of benchmarks/faults.py: options, specs, structure files and answers that are wrong."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KINDS", "Case", "make_case", "strange_options", "strange_specs"]

SUITE = ["--pyargs", "physcheck.suite"]
GOOD = "--physcheck-model=builtin::lennard-jones"
SHORT = ["--physcheck-checks=determinism", "--physcheck-structures=H2O"]
OUT = "--physcheck-json=out.json"


def _nothing(folder: Path) -> None:
    """No files."""


@dataclass(frozen=True)
class Case:
    """A command line, the files it finds, and what must come of it.

    Attributes
    ----------
    wrong : bool
        Something that must be refused: exit code 4 and one line.
    dies : bool
        The process may end with any code.
    """

    kind: str
    about: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], None] = _nothing
    wrong: bool = False
    dies: bool = False


# -- options ---------------------------------------------------------------

_LONG = "x" * 300
_PATHS = {
    "no such user": "~nosuchuser/x",
    "long name": _LONG,
    "long name in a folder": f"{_LONG}/x",
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


def prepare_paths(folder: Path) -> None:
    """What the names of ``_PATHS`` and ``_READ`` lead to."""
    (folder / "folder").mkdir()
    (folder / "file.txt").write_text("x")
    (folder / "loop").symlink_to("loop")
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")


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

    written, read = ("json", "html", "markdown"), ("known-failures",)
    for name in (*written, *read, "structures", "model", "reference"):
        for about, value in _PATHS.items():
            add(name, about, f"{value}.py" if name in ("model", "reference") else value)
    for name in (*read, "structures"):
        for about, value in _READ.items():
            add(name, about, value)
    for about in set(_PATHS) - {"folder"}:
        add("evidence", about, _PATHS[about])
    for name in ("seed", "timeout"):
        for about, value in _NUMBERS.items():
            add(name, about, value)
    add("timeout", "zero", "0")
    add("seed", "2^64", str(2**64))
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
        "json": _LONG, "evidence": "~nosuchuser", "budget": "-", "fail_on": "no",
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


# -- structure files ---------------------------------------------------------------


def _numbers(rng: random.Random) -> float:
    return rng.choice(
        [rng.gauss(0, 5), 0.0, -0.0, 1e-308, 1e-52, 0.1, 1e4, 1e6, 1e16, 1e155, 1e308, -1e308,
         float("nan"), float("inf"), -float("inf")]
    )  # fmt: skip


def _atoms_of(rng: random.Random):
    import numpy as np
    from ase import Atoms

    count = rng.choice([1, 2, 3, 8])
    positions = np.array([[rng.gauss(0, 3) for _ in range(3)] for _ in range(count)])
    cell = np.diag([rng.uniform(2, 12) for _ in range(3)])
    numbers = [rng.choice([1, 6, 8, 29]) for _ in range(count)]
    pbc = [rng.random() < 0.6 for _ in range(3)]
    for _ in range(rng.choice([0, 0, 1, 2])):
        place = rng.randrange(4)
        if place == 0:
            positions[rng.randrange(count), rng.randrange(3)] = _numbers(rng)
        elif place == 1:
            cell[rng.randrange(3), rng.randrange(3)] = _numbers(rng)
        elif place == 2:
            numbers[rng.randrange(count)] = rng.choice([0, 118, 119, 255, 1])
        else:
            cell = cell * rng.choice([1e-3, 1e-1, 1e3, 1e8])
    atoms = Atoms("H" * count, positions=positions, cell=cell, pbc=pbc)
    atoms.arrays["numbers"] = np.array(numbers)
    return atoms


def _file_case(rng: random.Random) -> Case:
    suffix = rng.choice(["extxyz", "traj", "cif", "json", "vasp", "xyz", "pdb", "data", "xsf"])
    frames = [_atoms_of(rng) for _ in range(rng.choice([1, 1, 2, 12]))]
    damage = rng.choice(["none"] * 5 + ["cut", "flip", "empty", "other"])
    index = rng.choice(
        ["", "", "", "@:10", "@::5", "@-1", "@7", "@::0", "@", ":extxyz", ":nonsense"]
    )
    salt = rng.random()

    def prepare(folder: Path) -> None:
        from ase.io import write

        path = folder / f"s.{suffix}"
        kinds = {"data": "lammps-data", "vasp": "vasp"}
        try:
            several = frames if suffix in ("extxyz", "traj", "xyz", "json") else frames[0]
            write(path, several, format=kinds.get(suffix))
        except Exception:
            path.write_text("\n".join(str(frame.positions) for frame in frames))
        data = bytearray(path.read_bytes())
        again = random.Random(salt)
        if damage == "cut":
            data = data[: again.randrange(len(data) + 1)]
        elif damage == "flip":
            for _ in range(5):
                if data:
                    data[again.randrange(len(data))] = again.randrange(256)
        elif damage == "empty":
            data = bytearray()
        elif damage == "other":
            data = bytearray(again.randbytes(200))
        path.write_bytes(bytes(data))

    words = (
        *SUITE, "--physcheck-model=builtin::harmonic", "--physcheck-checks=determinism,net_force",
        f"--physcheck-structures=s.{suffix}{index}", OUT,
    )  # fmt: skip
    return Case("files", f"{suffix}{index}, damage: {damage}", words, prepare)


# -- answers ---------------------------------------------------------------

_ANSWERS = {
    "a string": "'many'",
    "None": "None",
    "a dict": "{'x': 1}",
    "a generator": "(x for x in [1.0])",
    "complex numbers": "good * (1 + 1j)",
    "NaN": "good * float('nan')",
    "infinity": "good * float('inf')",
    "another shape": "good[:-1]",
    "a transposed array": "np.array(good).T",
    "one number": "np.float64(3.0)",
    "ragged lists": "[[1.0], [2.0, 3.0]]",
    "a masked array": "np.ma.masked_all(np.shape(good))",
    "booleans": "np.ones(np.shape(good), bool)",
    "objects": "np.full(np.shape(good), None)",
    "halves": "np.float16(good)",
    "text": "np.full(np.shape(good), 'x')",
    "a class": "int",
    "nothing in it": "np.zeros((0, 3))",
}
_RAISED = {
    "an exception": "raise RuntimeError('no')",
    "an exception without text": "raise Exception",
    "a text of two lines": "raise ValueError('a\\nb\\x1b[31m\\udcff')",
    "an exit": "raise SystemExit(0)",
    "a failed exit": "raise SystemExit('text')",
    "a recursion": "return self.calculate(*args, **kwargs)",
    "no memory": "raise MemoryError",
    "an assertion": "assert False",
    "StopIteration": "raise StopIteration",
    "a skip": "import pytest; pytest.skip('not today')",
    "a failure": "import pytest; pytest.fail('mine')",
    "an exit of pytest": "import pytest; pytest.exit('mine')",
    "an exception whose text raises": "raise Untold()",
    "a group": "raise ExceptionGroup('many', [ValueError('a')])",
    "another folder": "import os; os.chdir('/')",
    "a deleted folder": "import os, shutil, tempfile; d = tempfile.mkdtemp(); os.chdir(d); "
    "shutil.rmtree(d)",
}
_DEATHS = {
    "an interrupt": "raise KeyboardInterrupt",
    "the end of the process": "import os; os._exit(0)",
    "a kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "a fork": "import os\n            if os.fork() == 0: os._exit(0)",
}
_MODEL = """
import numpy as np
from ase.calculators.emt import EMT

class Untold(Exception):
    def __str__(self):
        raise ValueError("no text")

class Faulty(EMT):
    calls = 0
    def calculate(self, *args, **kwargs):
        type(self).calls += 1
        if self.calls > {after}:
            {statement}
        super().calculate(*args, **kwargs)
        if self.calls > {after}:
            good = self.results[{output!r}]
            self.results[{output!r}] = {value}

def factory():
    return Faulty()
"""


def _answer_case(rng: random.Random) -> Case:
    output, value, statement, dies = "forces", "good", "pass", False
    kind = rng.random()
    if kind < 0.5:
        about = rng.choice(sorted(_ANSWERS))
        value, output = _ANSWERS[about], rng.choice(["forces", "energy", "free_energy", "stress"])
    elif kind < 0.85:
        about = rng.choice(sorted(_RAISED))
        statement = _RAISED[about]
    else:
        about = rng.choice(sorted(_DEATHS))
        statement, dies = _DEATHS[about], True
    after = rng.choice([0, 1, 5, 20, 60])
    text = _MODEL.format(after=after, statement=statement, output=output, value=value)

    def prepare(folder: Path) -> None:
        (folder / "m.py").write_text(text)

    checks = ["determinism", "net_force", "input_untouched", "responsiveness", "force_energy_gap",
              "rotation_equivariance", "finite_outputs"]  # fmt: skip
    chosen = ",".join(rng.sample(checks, 3))
    structures = rng.choice(["H2O", "Cu32", "CH4,H2O"])
    words = (
        *SUITE, "--physcheck-model=m.py:factory", f"--physcheck-checks={chosen}",
        f"--physcheck-structures={structures}", OUT,
    )  # fmt: skip
    return Case("answers", f"{about} as {output} after {after} calls", words, prepare, dies=dies)


# -- random texts ---------------------------------------------------------------

_PIECES = ["~", "/", "..", ":", "::", "@", ",", "=", "+", "%", "\0", "\udc80", "é", "\n", "x.py",
           "builtin", "gupta", "torch", "m.pt", "H2O", "*", "[", "]", "nan", "1e300", "9" * 400,
           "-", " ", "a" * 260, "\u202e", "🙂", "s.extxyz", "auto", "true", "'", '"',
           "\\"]  # fmt: skip
_NAMES = ("checks", "structures", "species", "profile", "budget", "seed", "timeout", "json",
          "html", "markdown", "evidence", "known-failures", "fail-on", "reference", "device",
          "dtype", "model")  # fmt: skip


def _random_text(rng: random.Random) -> str:
    return "".join(rng.choice(_PIECES) for _ in range(rng.randrange(1, 7)))


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
    "files": _file_case,
    "answers": _answer_case,
}
KINDS = tuple(_MAKERS)


def make_case(kind: str, rng: random.Random) -> Case:
    """A case of a kind, the same for the same generator."""
    return _MAKERS[kind](rng)
