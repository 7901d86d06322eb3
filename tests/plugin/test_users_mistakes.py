"""Mistakes of the user: exit code 4 and a line, whether they show before loading or after."""

import contextlib
import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

MODELS = """
import torch

class Graph(torch.nn.Module):
    def forward(self, data, compute_stress: bool = False):
        return {"forces": data}

class Five(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc, charges):
        return {"forces": positions}

class EnergyAlone(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc):
        return {"energy": (positions**2).sum(dim=(1, 2))}

class Bare(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc):
        return -positions

class FlatForces(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc):
        return {"energy": (positions**2).sum(dim=(1, 2)), "forces": -2 * positions.flatten(0, 1)}

class EnergyOfAtoms(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc):
        return {"energy": (positions**2).sum(dim=2), "forces": -2 * positions}

def flat_forces():
    return FlatForces()

def energy_of_atoms():
    return EnergyOfAtoms()

def energy_alone():
    return EnergyAlone()

def bare():
    return Bare()

def graph():
    return Graph()

def five():
    return Five()

def script():
    return torch.jit.script(Five())

def load():
    raise OSError("weights are corrupt")

def raising():
    return load()

def on_cuda(device="cpu"):
    torch.empty(1, device=device)

def needs_a_package():
    import physcheck_needs_this.core
"""
ONE = ("--physcheck-structures=Cu32", "--physcheck-checks=net_force", "--physcheck-budget=quick")


def run(subject, *words):
    subject.pytester.makepyfile(mistaken=MODELS)
    return subject.run(*ONE, *words, factory=None, json_name=None)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("factory", "kind", "takes"),
    [
        ("graph", "Graph", "data, compute_stress"),
        ("five", "Five", "positions, numbers, cells, pbc, charges"),
        ("script", "Five", "positions, numbers, cells, pbc, charges"),
    ],
)
def test_another_forward(subject, factory, kind, takes):
    result = run(subject, f"--model=mistaken.py:{factory}")
    assert result.ret == 4
    told = result.stderr.str()
    line = next(line for line in told.splitlines() if line.startswith("ERROR"))
    assert f"{kind}.forward takes ({takes}), should take (positions, numbers, cells, pbc)" in line
    adapter = told[told.index("class Adapter") :].strip()
    assert len(adapter.splitlines()) == 4
    compile(adapter, "adapter", "exec")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_no_cuda(subject):
    result = run(subject, "--model=mistaken.py:on_cuda", "--physcheck-device=cuda")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*the device is cuda, but torch finds no CUDA here*"])


def test_a_package_that_is_missing(subject):
    result = run(subject, "--model=mistaken.py:needs_a_package")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*it isn't installed here: pip install physcheck_needs_this*"])


@pytest.mark.parametrize("words", [(), ("-n1",)])
def test_a_factory_that_raises_shows_the_users_own_lines(subject, words):
    result = run(subject, "--model=mistaken.py:raising", *words)
    assert result.ret == 4
    told = result.stderr.str() + result.stdout.str()
    assert "raised OSError: weights are corrupt" in told
    own = told[told.index("of your code alone:") :]
    places = [own.index(text) for text in ("in raising", "return load()", "in load\n")]
    assert places == sorted(places)
    assert "physcheck/adapters" not in told


@pytest.mark.parametrize("structures", [(), ("--physcheck-structures=H2O",)])
@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("energy_alone", "the module gave an energy but no forces; forward("),
        ("bare", "the module gave a Tensor; forward("),
        ("flat_forces", "forces has shape ("),
        ("energy_of_atoms", "energy has shape ("),
    ],
)
def test_a_module_without_forces_is_one_message(subject, factory, said, structures):
    subject.pytester.makepyfile(mistaken=MODELS)
    words = (f"--model=mistaken.py:{factory}", *structures, "--physcheck-checks=net_force")
    result = subject.run(*words, factory=None)
    assert result.ret == 4
    report = subject.report()
    assert report["records"] == []
    assert report["error"].startswith(said)
    assert result.stderr.str().count(said) == 1


def test_what_is_pasted_gives_the_forces(subject):
    result = run(subject, "--model=mistaken.py:energy_alone")
    told = result.stderr.str()
    names = {"torch": torch}
    exec(MODELS.partition("def energy_alone")[0], names)
    exec(told[told.index("class WithForces") :], names)
    positions = torch.ones(2, 3, 3, requires_grad=True)
    answer = names["WithForces"]()(positions, None, None, None)
    assert torch.equal(answer["forces"], -2 * positions)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.pt", b"", "x.pt is empty, should be a model that torch saved"),
        ("x.model", b"hello", "x.model is no file of torch's"),
        ("torch::x.pt2", b"hello", "x.pt2 can't be read as an exported program"),
        ("torch::x.pt", b"hello", "x.pt can't be unpickled"),
    ],
)
def test_empty_and_foreign_files(subject, name, content, said):
    (subject.pytester.path / name.rpartition("::")[2]).write_bytes(content)
    result = run(subject, f"--model={name}")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{said}*"])


@pytest.mark.parametrize("option", ["json", "html", "markdown", "badge"])
def test_a_mistyped_folder_is_not_made(subject, option):
    subject.pytester.mkdir("reports")
    path = "rports/out.x"
    result = run(subject, "--model=builtin::gupta", f"--physcheck-{option}={path}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*there is no folder rports in *; did you mean reports?*"])
    assert not (subject.pytester.path / "rports").exists()


def test_the_folder_for_evidence_is_made_in_one_that_exists(subject):
    good = run(subject, "--model=builtin::gupta+net-force=1", "--physcheck-evidence=found")
    assert good.ret == 1
    assert (subject.pytester.path / "found").is_dir()
    result = run(subject, "--model=builtin::gupta", "--physcheck-evidence=no/such/found")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*there is no folder no in *; make it: mkdir -p *no/such"])


def test_species_that_contradict_the_structures(subject):
    result = run(subject, "--model=builtin::gupta", "--physcheck-species=H,O")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*the structure Cu32 holds Cu, which --physcheck-species=H,O leaves out*"]
    )


def test_species_choose_among_the_structures_that_an_author_declared(subject):
    subject.pytester.makepyfile(
        declared="""
        from ase.calculators.emt import EMT

        def factory():
            return EMT()

        factory.physcheck = {"structures": ["Cu32", "H2O", "CH4"]}
        """
    )
    words = ("--model=declared.py:factory", "--physcheck-checks=net_force")
    subject.run(*words, "--physcheck-species=H,O", factory=None)
    judged = {record["structure"] for record in subject.report()["records"]}
    assert judged - {"generated"} == {"H2O"}
    result = subject.run(*words, "--physcheck-species=Au", factory=None)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*no structure that the model's author declared is made of Au*"])


def test_an_author_whose_species_and_structures_contradict(subject):
    subject.pytester.makepyfile(
        declared="""
        from ase.calculators.emt import EMT

        def factory():
            return EMT()

        factory.physcheck = {"species": ["Si"], "structures": ["Cu32"]}
        """
    )
    words = ("--model=declared.py:factory", "--physcheck-checks=net_force")
    result = subject.run(*words, factory=None)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*declared structures of Cu and species Si*"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_one_terminal_is_told_once(tmp_path):
    import pty

    (tmp_path / "mistaken.py").write_text("def factory():\n    return 3\n")
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "physcheck", "run", "mistaken.py:factory"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=slave, stderr=slave)
    os.close(slave)
    told = b""
    # A read of a terminal that nobody has open any more ends in an error.
    with contextlib.suppress(OSError):
        while more := os.read(master, 4096):
            told += more
    os.close(master)
    assert process.wait() == 4
    assert told.count(b"gave an int") == 1
