"""Models of benchmarks/faults.py: strange answers, ends of the process, disks that are full."""

from __future__ import annotations

import random
from pathlib import Path

from fault_case import OUT, SUITE, Case

__all__ = ["answer_case", "death_case", "disk_case", "named_death"]

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
    "huge numbers": "np.float64(good) * 1e300",
    "the largest numbers": "np.full(np.shape(good), 1.7e308)",
    "the smallest numbers": "np.full(np.shape(good), 5e-324)",
    "long doubles": "np.longdouble(good)",
    "whole numbers": "np.int8(np.clip(good, -100, 100))",
    "large whole numbers": "np.full(np.shape(good), 2**62)",
    "Fractions": "__import__('fractions').Fraction(1, 3)",
    "Decimals": "np.full(np.shape(good), __import__('decimal').Decimal('1.5'))",
    "dates": "np.full(np.shape(good), np.datetime64('2020'))",
    "a structured array": "np.zeros(np.shape(good), [('a', float)])",
    "a read-only array": "np.broadcast_to(1.0, np.shape(good))",
    "the other byte order": "np.array(good).astype('>f8')",
    "a matrix": "np.asmatrix(np.atleast_2d(good))",
    "another axis": "np.array(good)[None]",
    "noise": "good + np.random.standard_normal(np.shape(good))",
    "an object that raises": "Hostile()",
    "itself": "self",
}
_RAISED = {
    "an exception": "raise RuntimeError('no')",
    "an exception without text": "raise Exception",
    "a text of two lines": "raise ValueError('a\\nb\\x1b[31m\\udcff')",
    "a long text": "raise ValueError('a' * 10**6)",
    "markup": "raise ValueError('<script>|&`*_[x](y)</script>]]>')",
    "an exit": "raise SystemExit(0)",
    "a failed exit": "raise SystemExit('text')",
    "a recursion": "return self.calculate(*args, **kwargs)",
    "no memory": "raise MemoryError",
    "an array too large": "np.zeros((10**6, 10**6, 10**3))",
    "an assertion": "assert False",
    "StopIteration": "raise StopIteration",
    "GeneratorExit": "raise GeneratorExit",
    "a skip": "import pytest; pytest.skip('not today')",
    "a failure": "import pytest; pytest.fail('mine')",
    "an expected failure": "import pytest; pytest.xfail('mine')",
    "an exit of pytest": "import pytest; pytest.exit('mine')",
    "an exit of pytest with 0": "import pytest; pytest.exit('mine', returncode=0)",
    "an exception whose text raises": "raise Untold()",
    "a group": "raise ExceptionGroup('many', [ValueError('a')])",
    "an allotment": "from physcheck.errors import AllotmentExceeded as E; raise E('x')",
    "physcheck's capability": "from physcheck.errors import CapabilityMissing as E; raise E('x')",
    "physcheck's spec": "from physcheck.errors import SpecError as E; raise E('x')",
    "a warning": "import warnings; warnings.warn('a\\nb\\x1b[31m')",
    "many warnings": "import warnings; [warnings.warn(f'{k}') for k in range(200)]",
    "another folder": "import os; os.chdir('/')",
    "a deleted folder": "import os, shutil, tempfile; d = tempfile.mkdtemp(); os.chdir(d); "
    "shutil.rmtree(d)",
    "moved atoms": "self.atoms.positions += 1.0",
    "no atoms": "self.atoms = None",
    "deleted results": "self.results = None",
    "much text": "print('x' * 10**6)",
    "text of no encoding": "import os; os.write(1, bytes(range(128, 256)))",
}
# What leaves the process as it was before, but not as it should be.
_SPOILT = {
    "numpy raises": "np.seterr(all='raise')",
    "warnings raise": "import warnings; warnings.simplefilter('error')",
    "no environment": "import os; os.environ.clear()",
    "few recursions": "import sys; sys.setrecursionlimit(400)",
    "no alarms": "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)",
    "an alarm of its own": "import signal; signal.alarm(1)",
    "no interrupts": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "closed sys.stdout": "import sys; sys.stdout.close()",
    "no sys.stdout": "import sys; sys.stdout = None; sys.stderr = None",
    "closed descriptor 1": "import os; os.close(1)",
    "no garbage collection": "import gc; gc.disable()",
    "no paths": "import sys; sys.path.clear()",
    "few descriptors": "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (12, 4096))",
    "no rights": "import os; os.umask(0o777)",
    "its seed": "np.random.seed(0); import random; random.seed(0)",
    "another hook": "import sys; sys.excepthook = None; sys.unraisablehook = None",
    "a tracer": "import sys; sys.settrace(lambda *a: None); sys.setprofile(None)",
    "a thread that raises": "import threading; threading.Thread(target=int, args=('x',)).start()",
    "logging": "import logging; logging.disable(0); logging.error('%d', 'x'); "
    "logging.raiseExceptions = False",
    "less recursion": "import sys; sys.setrecursionlimit(60)",
    "another default_rng": "np.random.default_rng = lambda *a: 1 / 0",
    "wide digits": "np.set_printoptions(precision=1, threshold=0)",
}
_DEATHS = {
    "an interrupt": "raise KeyboardInterrupt",
    "the end of the process": "import os; os._exit(0)",
    "the end with code 3": "import os; os._exit(3)",
    "a kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "a termination": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "a hangup": "import os, signal; os.kill(os.getpid(), signal.SIGHUP)",
    "a fork": "import os\n            if os.fork() == 0: os._exit(0)",
    "a fork that goes on": "import os; os.environ.get('FORKED') or "
    "(os.environ.update(FORKED='1'), os.fork())",
    "an abort": "import os; os.abort()",
    "a null pointer": "import ctypes; ctypes.string_at(0)",
    "an exit in C": "import ctypes; ctypes.CDLL(None).exit(0)",
    "a quick exit in C": "import ctypes; ctypes.CDLL(None)._exit(0)",
    "an exit in a thread": "import threading as t, os; t = t.Thread(target=os._exit, args=(0,)); "
    "t.start(); t.join()",
    "another program": "import os; os.execv('/bin/true', ['true'])",
}
_MODEL = """
import numpy as np
from ase.calculators.emt import EMT

class Untold(Exception):
    def __str__(self):
        raise ValueError("no text")

class Hostile:
    def __getattr__(self, name):
        raise RuntimeError("no attribute")
    def __array__(self, *args, **kwargs):
        raise KeyError("no array")
    def __repr__(self):
        raise OSError("no text")

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
_WHEN = {
    "at import": "import numpy as np\n\nif True:\n    if True:\n            {statement}\n",
    "in the factory": "import numpy as np\n\ndef factory():\n    if True:\n"
    "            {statement}\n"
    "    from ase.calculators.emt import EMT\n    return EMT()\n",
}
_CHECKS = ("determinism", "net_force", "input_untouched", "responsiveness", "force_energy_gap",
           "rotation_equivariance", "finite_outputs", "permutation_equivariance")  # fmt: skip


def _words(rng: random.Random) -> tuple[str, ...]:
    chosen = ",".join(rng.sample(_CHECKS, 3))
    structures = rng.choice(["H2O", "H2O", "Cu2", "CH4,H2O"])
    return (
        *SUITE, "--physcheck-model=m.py:factory", f"--physcheck-checks={chosen}",
        f"--physcheck-structures={structures}", "--physcheck-budget=quick", OUT,
    )  # fmt: skip


def _writing(text: str):
    def prepare(folder: Path) -> None:
        (folder / "m.py").write_text(text)
        (folder / "reports").mkdir()

    return prepare


def answer_case(rng: random.Random) -> Case:
    """A model that answers in a strange way, or raises, after some calls."""
    output, value, statement = "forces", "good", "pass"
    if rng.random() < 0.55:
        about = rng.choice(sorted(_ANSWERS))
        value, output = _ANSWERS[about], rng.choice(["forces", "energy", "free_energy", "stress"])
    else:
        about = rng.choice(sorted(_RAISED))
        statement = _RAISED[about]
    after = rng.choice([0, 1, 5, 20, 60])
    text = _MODEL.format(after=after, statement=statement, output=output, value=value)
    about = f"{about} as {output} after {after} calls"
    return Case("answers", about, _words(rng), _writing(text))


def death_case(rng: random.Random) -> Case:
    """A model that ends the process, or spoils it for what comes after."""
    dies = rng.random() < 0.6
    about = rng.choice(sorted(_DEATHS if dies else _SPOILT))
    when = rng.choice([0, 1, 5, 20, "at import", "in the factory"])
    return named_death(about, when, rng)


def named_death(about: str, when: int | str, rng: random.Random) -> Case:
    """The end of the process, or what spoils it, of this name: after so many calls, or before."""
    dies = about in _DEATHS
    which = _DEATHS if dies else _SPOILT
    if isinstance(when, int):
        text = _MODEL.format(after=when, statement=which[about], output="forces", value="good")
    else:
        text = _WHEN[when].format(statement=which[about])
    words = _words(rng)
    workers = dies and rng.random() < 0.05
    if workers:
        words = (*words, "-n1")
    return Case(
        "deaths", f"{about}, {when}{', a worker' if workers else ''}", words, _writing(text),
        dies=dies, alone=True, workers=workers,
        # What a factory raises is shown with its traceback, which is its author's.
        talks="thread" in about or isinstance(when, str),
        silent=about == "a quick exit in C", unwritable=about == "few descriptors",
        mute=about in ("no sys.stdout", "closed descriptor 1",
                       "another program", "few descriptors", "a fork that goes on"),
    )  # fmt: skip


_DISKS = {
    "the folder is deleted": "import shutil; shutil.rmtree('reports', ignore_errors=True)",
    "the folder becomes a file": "import shutil; shutil.rmtree('reports', ignore_errors=True); "
    "open('reports', 'w').close()",
    "the folder becomes a link loop": "import os, shutil; shutil.rmtree('reports') if "
    "os.path.isdir('reports') else None; os.path.lexists('reports') or "
    "os.symlink('reports', 'reports')",
    "the report becomes a folder": "import os; os.path.isdir('reports/out.json') or "
    "(os.path.lexists('reports/out.json') and os.remove('reports/out.json')); "
    "os.makedirs('reports/out.json/x', exist_ok=True)",
    "the report becomes a full disk": "import os; os.path.lexists('reports/out.json') and "
    "os.remove('reports/out.json'); os.symlink('/dev/full', 'reports/out.json')",
    "no file is replaced": "import os; os.replace = os.rename = _full",
    "no file is opened": "import io; io.open = _only_read; import os; os.open = _full",
    "a full disk, 16 kB": "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (16_384, -1))",
    "a full disk, 1 kB": "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1_000, -1))",
    "a full disk": "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (0, -1))",
    "few descriptors": "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (8, 4096))",
}
_FULL = """
def _full(*args, **kwargs):
    raise OSError(28, "No space left on device")

import io
_open = io.open

def _only_read(file, mode="r", *args, **kwargs):
    return _open(file, mode, *args, **kwargs) if mode in ("r", "rb", "rt") else _full()
"""
# Where nothing can be written whatever the model does; what is refused at once needs no reason.
_PLACES = (
    "/proc/out.json",
    "/sys/out.json",
    "/dev/full",
    "/dev/null",
    "/proc/self/mem",
    "file.txt/out.json",
    "reports",
    "/",
    "",
    ".",
    "reports/../../../../../../proc/x/y.json",
)


def disk_case(rng: random.Random) -> Case:
    """A run whose reports can't be written, from its beginning or from some call on."""
    if rng.random() < 0.15:
        place = rng.choice(_PLACES)
        option = rng.choice(["json", "html", "markdown", "badge", "evidence", "cases"])
        text = _MODEL.format(after=0, statement="pass", output="forces", value="good")
        words = (*_words(rng)[:-1], f"--physcheck-{option}={place}")
        about = f"{option} to {place!r}"
        return Case("disks", about, words, _writing(text), alone=True, unwritable=True)
    about = rng.choice(sorted(_DISKS))
    after = rng.choice([0, 5, 30])
    value = rng.choice(["good", "good + 0.1", "good * float('nan')"])
    text = _FULL + _MODEL.format(after=after, statement=_DISKS[about], output="forces", value=value)
    words = [*_words(rng)[:-1], "--physcheck-json=reports/out.json"]
    for option in rng.sample(["html=reports/o.html", "markdown=reports/o.md", "evidence=reports/e",
                              "cases=reports/c"], 2):  # fmt: skip
        words.append(f"--physcheck-{option}")
    about = f"{about}, after {after} calls, {value}"
    return Case(
        "disks", about, tuple(words), _writing(text), alone=True, unwritable=True,
        mute="descriptors" in about or "opened" in about,
    )  # fmt: skip
