import json
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

import physcheck
from physcheck.adapters.identity import model_identity
from physcheck.adapters.loading import load_model
from physcheck.adapters.spec import parse_spec
from physcheck.adapters.spec_problems import find_reference_problem, find_spec_problem
from physcheck.commands.models import _list_of_models
from physcheck.errors import ModelError, SpecError
from physcheck.model import Capabilities, Differentiable, Meter
from physcheck.system import Configurations, Evaluation


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


FACTORY = """
    from ase.calculators.emt import EMT

    def factory(asap=False):
        made = EMT()
        made.asap = asap
        return made
"""


def forces(model):
    start = Configurations.from_atoms(bulk("Cu", cubic=True))
    start = start.displaced(0.05 * np.random.default_rng(0).standard_normal((2, 4, 3)))
    return Meter(model).evaluate(start).forces


@pytest.mark.parametrize(
    ("text", "kind", "target", "attribute", "options"),
    [
        ("x.py", "file", "x.py", "", {}),
        ("my dir/x.py:make", "file", "my dir/x.py", "make", {}),
        (
            "x.py:A.b,n=3,x=1e-3,on=true,s=a=b", "file", "x.py", "A.b",
            {"n": 3, "x": 1e-3, "on": True, "s": "a=b"},
        ),
        ("a,b.py:f,k=0.3.0", "file", "a,b.py", "f", {"k": "0.3.0"}),
        ("pkg.mod:f", "module", "pkg.mod", "f", {}),
        (
            "builtin::lennard-jones+curl=1e-3,dtype=float32", "adapter", "builtin",
            "lennard-jones+curl=1e-3", {"dtype": "float32"},
        ),
        (
            "mace::some dir/x.model,forces=direct", "adapter", "mace", "some dir/x.model",
            {"forces": "direct"},
        ),
        ("../m.pt2", "path", "../m.pt2", "", {}),
        ("M.PT,dtype=float64", "path", "M.PT", "", {"dtype": "float64"}),
    ],
)  # fmt: skip
def test_grammar(text, kind, target, attribute, options):
    spec = parse_spec(text)
    assert (spec.kind, spec.target, spec.attribute) == (kind, target, attribute)
    assert dict(spec.options) == options
    assert all(type(spec.options[key]) is type(options[key]) for key in options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no model"),
        ("x.py:f,a=1,a=2", "'a' comes twice"),
        ("x.py:f,a=", "no value"),
        ("x.py:f,dtype", "write dtype=VALUE"),
        ("x.py:not a name", "name of a factory"),
        ("numpy.linalg", "write numpy.linalg:FACTORY"),
        ("x.xyz", "FILE.py:factory"),
    ],
)
def test_faults_of_grammar(text, message):
    with pytest.raises(SpecError, match=message):
        parse_spec(text)


def test_near_misses_of_files_are_named(write):
    write("x.py", FACTORY)
    write("sub/x.py", FACTORY)
    write("data.xyz", "")
    write("sub/other.py", "def maker(): pass\n")
    assert load_model("x.py").capabilities.name == "EMT"
    for text, message in [
        ("x", r"did you mean x\.py"),
        ("sub/x:factory", r"did you mean sub/x\.py:factory"),
        (".", "is a folder"),
        ("data.xyz", "no adapter recognises"),
        ("y.py", r"no file y\.py; did you mean x\.py"),
        ("nowhere/x.py", "no folder nowhere"),
        ("m.pt", r"no file ending in \.pt"),
        ("x.py:factry", r"no 'factry' in x\.py; did you mean factory"),
        ("sub/other.py", r"no 'model' or 'calculator' or 'factory' in sub/other\.py; known: maker"),
        ("buildin::x", "unknown adapter 'buildin'; did you mean builtin"),
        ("torch::m.pt", r"no file m\.pt"),
        ("no_such_package.sub:f", "no module 'no_such_package'.*is its package installed"),
        ("nunpy.linalg:f", "did you mean .*numpy"),
    ]:
        for function in (find_spec_problem, load_model):
            with pytest.raises(SpecError, match=message):
                function(text)


def test_find_spec_problem_runs_nothing(write):
    write("x.py", "raise RuntimeError('ran')\ndef f(): pass\n")
    find_spec_problem("x.py:f")
    write("any.py", "from os.path import *\nglobals()['f'] = 1")
    find_spec_problem("any.py:f")
    write("cond.py", "try:\n    import nope\nexcept ImportError:\n    f = None\nelse:\n    g = 1")
    find_spec_problem("cond.py:f")
    find_spec_problem("cond.py:g")
    write("syntax.py", "def f(:")
    find_spec_problem("syntax.py:f")


@pytest.mark.parametrize("name", ["x.py", "sub dir/x.py", "a,b.py"])
def test_file_factory(write, name):
    write(name, FACTORY)
    model = load_model(f"{name}:factory")
    assert forces(model).shape == (2, 4, 3)
    assert model.capabilities.name == "EMT"
    fresh = model.fresh()
    assert fresh.calculator is not model.calculator
    assert load_model(f"{name}:factory,asap=true").calculator.asap is True


def test_defaults_instances_and_siblings(write):
    write("sub/physcheck_sibling.py", "from ase.calculators.emt import EMT")
    write(
        "sub/x.py",
        "from physcheck_sibling import EMT\n"
        "def calculator():\n    import physcheck_sibling_too\n    return EMT()\n",
    )
    write("sub/physcheck_sibling_too.py", "")
    before = list(sys.path)
    assert forces(load_model("sub/x.py")).any()
    write("sub/y.py", "from physcheck_sibling import EMT\nmodel = EMT()\n")
    model = load_model("sub/y.py")
    assert forces(model).any()
    assert model.fresh is None
    assert sys.path == before
    assert not list((write("z", "").parent / "sub").glob("__pycache__"))


def test_module_factory(write, monkeypatch):
    write("pcpkg/__init__.py", "")
    write("pcpkg/models.py", FACTORY)
    assert forces(load_model("pcpkg.models:factory")).any()
    with pytest.raises(SpecError, match=r"no module 'pcpkg.modles' .*did you mean models"):
        load_model("pcpkg.modles:factory")
    with pytest.raises(SpecError, match="did you mean factory"):
        load_model("pcpkg.models:factroy")
    assert forces(load_model("ase.calculators.emt:EMT")).any()


def test_what_a_file_or_factory_raises_is_a_model_error_with_its_cause(write):
    write("a.py", "import no_such_framework\nmodel = 1")
    write("b.py", "def model():\n    raise KeyError('weights')")
    write("c.py", "def model(:")
    write("d.py", "raise SystemExit(3)\nmodel = 1")
    for name, message, cause in [
        ("a.py", "no_such_framework", ModuleNotFoundError),
        ("b.py", "calling b.py:model raised KeyError: 'weights'", KeyError),
        ("c.py", "SyntaxError", SyntaxError),
        ("d.py", "SystemExit", SystemExit),
    ]:
        with pytest.raises(ModelError, match=message) as caught:
            load_model(name)
        assert isinstance(caught.value.__cause__, cause)
        assert caught.value.__cause__.__traceback__ is not None


def test_what_is_no_model_is_named(write):
    write("x.py", "model = {}\ndef none(): return None\n")
    with pytest.raises(ModelError, match="is a dict, should be an ASE calculator"):
        load_model("x.py")
    with pytest.raises(ModelError, match="gave a NoneType, should give an ASE calculator"):
        load_model("x.py:none")


def test_options_that_are_not_taken(write):
    write(
        "x.py",
        FACTORY
        + "\n    model = EMT()\n    def needy(path): return EMT()\n    def bare(): return EMT()\n",
    )
    for text, settings, message in [
        ("x.py:factory,asp=true", {}, "takes no asp; did you mean asap"),
        (
            "x.py:factory", {"dtype": "float32"},
            "takes no dtype; give it a parameter dtype; it has asap",
        ),
        ("x.py:factory", {"device": "cpu"}, "takes no device"),
        ("x.py,n=3", {}, "it is an instance"),
        ("x.py:bare,n=3", {}, "has no parameters"),
        ("x.py:needy", {}, "needs path; give x.py:needy,path=VALUE"),
        ("x.py:factory", {"dtype": "float46"}, "unknown dtype 'float46'; did you mean float64"),
        ("x.py:factory,dtype=float32", {"dtype": "float64"}, "give it once"),
    ]:  # fmt: skip
        with pytest.raises(SpecError, match=message):
            load_model(text, **settings)
    assert load_model("x.py:needy,path=3").capabilities.name == "EMT"


def test_device_and_dtype_are_passed_where_taken(write):
    write(
        "x.py",
        """
        from ase.calculators.emt import EMT

        def factory(device="cpu", dtype="float64"):
            made = EMT()
            made.given = (device, dtype)
            return made

        def anything(**options):
            made = EMT()
            made.given = options
            return made
        """,
    )
    model = load_model("x.py:factory", dtype="float32")
    assert model.calculator.given == ("cpu", "float32")
    assert model.capabilities.dtype == "float32"
    assert load_model("x.py:anything,a=1", device="cuda").calculator.given == {
        "a": 1,
        "device": "cuda",
    }


MODEL = """
    from physcheck import Capabilities, Evaluation

    class Model:
        def __init__(self):
            self.capabilities = Capabilities("springs", "own", frozenset({"forces"}))

        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            return Evaluation(forces=-configurations.positions)

    class Exact(Model):
        def jacobian_products(self, configuration, vectors, *, transpose):
            return -vectors

    def make():
        return Exact()

    make.physcheck = {"species": ["H"], "structures": ["mine.xyz", "H2O"]}
"""


def test_own_models(write):
    write("sub/x.py", MODEL)
    mine = write("sub/mine.xyz", "")
    assert forces(load_model("sub/x.py:Model")).any()
    model = load_model("sub/x.py:make")
    assert model.capabilities.species == {1}
    assert model.capabilities.structures == (str(mine), "H2O")
    assert isinstance(model, Differentiable)
    assert not isinstance(load_model("sub/x.py:Model"), Differentiable)
    assert forces(model).any()


def test_declaration_faults(write):
    for text, message in [
        ("{'specis': []}", "did you mean species"),
        ("{'species': ['Xx']}", "symbols or atomic numbers"),
        ("{'species': 'H'}", r"such as \['H', 'O'\]"),
        ("{'interaction_range': -1}", "positive length"),
        ("3", "should be a dict"),
    ]:
        write("x.py", FACTORY + f"\n    factory.physcheck = {text}\n")
        with pytest.raises(SpecError, match=message):
            load_model("x.py:factory")


def test_warnings_of_a_file_do_not_escape(write):
    write("x.py", "import warnings\nwarnings.warn('old')\n" + textwrap.dedent(FACTORY))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model("x.py:factory")


class Entry:
    def __init__(self, name, load):
        self.name = name
        self.load = load
        self.dist, self.module = None, "theirs"


def test_third_party_adapters(monkeypatch):
    class Springs:
        capabilities = Capabilities("springs", "third", frozenset({"forces"}))

        def __init__(self, argument, k=1.0):
            self.argument, self.k = argument, k

        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            return Evaluation(forces=-self.k * configurations.positions)

    def missing():
        raise ModuleNotFoundError("No module named 'frobnicate'", name="frobnicate.core")

    entries = {
        "physcheck.adapters": [Entry("springs", lambda: Springs), Entry("frob", missing)],
    }
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries[group])
    model = load_model("springs::stiff,k=2.5")
    assert (model.argument, model.k) == ("stiff", 2.5)
    with pytest.raises(SpecError, match="takes no q; known: k"):
        load_model("springs::stiff,q=1")
    with pytest.raises(SpecError, match="pip install frobnicate"):
        load_model("frob::x")
    with pytest.raises(SpecError, match="did you mean springs"):
        find_spec_problem("spring::x")
    (listed,) = [line for line in _list_of_models() if line.startswith("springs::")]
    assert listed.endswith("an adapter of the package theirs")


def test_identity_is_json(write):
    path = write("x.py", FACTORY + "\n    factory.physcheck = {'species': ['O', 'H']}\n")
    model = load_model("x.py:factory")
    identity = json.loads(json.dumps(model_identity(model, "x.py:factory")))
    assert identity["spec"] == "x.py:factory"
    assert identity["adapter"] == "ase"
    assert identity["capabilities"]["species"] == ["H", "O"]
    assert identity["capabilities"]["outputs"] == ["energy", "forces", "stress"]
    first = identity["fingerprint"]
    path.write_text(path.read_text() + "\n# changed\n")
    assert model_identity(model, "x.py:factory")["fingerprint"] != first


def test_loading_is_light():
    code = (
        "import sys, physcheck.adapters.loading as l; l.parse_spec('x.py:f');"
        "heavy = {'torch', 'hypothesis', 'pytest', 'scipy', 'ase'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ase_models_load_with_torch_blocked(write):
    write("x.py", FACTORY)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from physcheck.adapters.loading import load_model; load_model('x.py:factory')"
    )
    place = {"PYTHONPATH": str(Path(physcheck.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], check=True, env=place)


def test_builtin(write):
    model = load_model("builtin::morse", dtype="float64")
    assert model.capabilities.adapter == "builtin"
    assert load_model("builtin::morse", dtype="float32").capabilities.dtype == "float32"
    for text in ("builtin::mors", "builtin::morse+crul=1", "builtin::morse,cutof=1"):
        for function in (find_spec_problem, load_model):
            with pytest.raises(SpecError):
                function(text)


def test_a_reference_that_cannot_be_is_named_as_such():
    with pytest.raises(SpecError, match=r"the reference: .*did you mean water"):
        find_reference_problem("builtin::watter", "builtin::water")
    with pytest.raises(SpecError, match="auto needs a model that predicts forces both ways"):
        find_reference_problem("auto", "builtin::water")
