"""The frameworks that physcheck has adapters for: what each needs, and what adapters share."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from physcheck.adapters.declaration import Declaration
from physcheck.errors import SpecError
from physcheck.names import nearest

if TYPE_CHECKING:
    from physcheck.adapters.ase import CalculatorModel
    from physcheck.adapters.batched import BatchedModel, Call

__all__ = [
    "FORCE_REACH",
    "FRAMEWORKS",
    "Framework",
    "batched_model",
    "calculator_model",
    "check_choice",
    "check_dtype",
    "existing_argument",
    "file_or_none",
    "file_sha256",
    "imported",
]

#: How far a force sees, over how far an atom's energy sees.  The force on an atom is the derivative
#: of the energies of all atoms that see it, and each of those looks as far again.
FORCE_REACH = 2


@dataclass(frozen=True, slots=True)
class Framework:
    """An adapter that needs a package.

    Attributes
    ----------
    name : str
        The word before ``::`` in a spec; ``physcheck.adapters.NAME`` has
        ``make_model(argument, **options)``.
    example : str
        An argument that works.
    about : str
        What it is, in a line.
    packages : tuple of str
        Modules that have to be importable.
    install : str
        How to get them; ``torch`` goes first where they need it.
    """

    name: str
    example: str
    about: str
    packages: tuple[str, ...]
    install: str

    @property
    def spec(self) -> str:
        """A model spec that works where the packages are."""
        return f"{self.name}::{self.example}"

    def missing(self) -> list[str]:
        """The packages that aren't installed; nothing is imported."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]

    def complaint(self, package: str) -> str:
        """The message for a package that is missing."""
        return f"the adapter {self.name} needs the package {package}: {self.install}"

    def require(self) -> None:
        """Nothing where all packages are there.

        Raises
        ------
        SpecError
            One is missing; the message says how to install it.
        """
        missing = self.missing()
        if missing:
            raise SpecError(self.complaint(missing[0]))

    def maker(self) -> Callable[..., Any]:
        """``make_model`` of the adapter's module."""
        found: Callable[..., Any] = importlib.import_module(
            f"physcheck.adapters.{self.name}"
        ).make_model
        return found


_LISTED = (
    Framework(
        "aimnet",
        "aimnet2",
        "AIMNet2: a file, or a name that it downloads; charges and multiplicities of structures",
        ("aimnet",),
        "pip install aimnet",
    ),
    Framework(
        "alignn",
        "ff",
        "ALIGNN-FF 2023.5.3, the weights in its package",
        ("alignn", "dgl", "jarvis"),
        'pip install pandas scikit-learn "pydantic<2" "setuptools<81" psutil requests tqdm '
        "networkx jarvis-tools matplotlib && pip install --no-deps dgl==1.1.3 alignn==2023.5.3",
    ),
    Framework(
        "chgnet",
        "0.3.0",
        "CHGNet, the weights in its package: 0.2.0, 0.3.0 or r2scan",
        ("chgnet",),
        "pip install chgnet",
    ),
    Framework(
        "deepmd",
        "x.pth",
        "a model of DeePMD-kit's PyTorch backend, frozen or a checkpoint; ,head=NAME of several",
        ("deepmd",),
        'pip install "deepmd-kit[torch]"',
    ),
    Framework(
        "fairchem",
        "uma-s-1p1,task=omat",
        "UMA, eSEN and others of fairchem-core: a checkpoint, or a name that it downloads",
        ("fairchem",),
        "pip install fairchem-core",
    ),
    Framework(
        "grace",
        "x",
        "GRACE: a saved_model of gracemaker, or a name that it downloads",
        ("tensorpotential",),
        "pip install tensorflow tf_keras matscipy pandas pyyaml questionary rich scikit-learn tqdm "
        "&& pip install --no-deps tensorpotential",
    ),
    Framework(
        "kim",
        "SW_StillingerWeber_1985_Si__MO_405512056662_005",
        "a portable model of OpenKIM by its extended name; "
        "`kim-api-collections-management list` shows them",
        ("kimpy",),
        "apt-get install openkim-models libkim-api-dev cmake pkg-config g++ gfortran "
        "&& pip install kimpy",
    ),
    Framework(
        "mace",
        "x.model",
        "a MACE model file (a pickle: naming the adapter is consent to load it)",
        ("mace",),
        "pip install mace-torch",
    ),
    Framework(
        "matgl",
        "x",
        "a potential of matgl: a folder that it saved, or a name that it downloads",
        ("matgl",),
        "pip install matgl",
    ),
    Framework(
        "mattersim",
        "mattersim-v1.0.0-1m",
        "MatterSim: a checkpoint file, or a name that it downloads; float32",
        ("mattersim",),
        "pip install deprecated loguru torch_runstats torch_ema torchmetrics torch_geometric "
        "pymatgen scikit-learn pydantic e3nn opt_einsum_fx requests "
        "&& pip install --no-deps mattersim",
    ),
    Framework(
        "metatomic",
        "x.pt",
        "a metatomic export, such as metatrain's; ,forces=direct takes its non-conservative heads",
        ("metatomic", "vesin"),
        "pip install metatomic-torch vesin",
    ),
    Framework(
        "nequip",
        "x.ckpt",
        "a checkpoint of NequIP or Allegro, or a package x.nequip.zip",
        ("nequip",),
        "pip install nequip",
    ),
    Framework(
        "orb",
        "orb-v3-conservative-inf-omat",
        "a model of orb-models by its name, downloaded; ,weights=x.ckpt takes a file",
        ("orb_models",),
        "pip install cached_path dm-tree scipy tqdm && pip install --no-deps orb-models",
    ),
    Framework(
        "sevennet",
        "7net-0",
        "SevenNet, the weights of 7net-0 in its package; or a checkpoint file",
        ("sevenn",),
        "pip install sevenn",
    ),
    Framework(
        "so3lr",
        "default",
        "SO3LR, the weights in so3krates-torch",
        ("so3krates_torch",),
        "pip install so3krates-torch",
    ),
    Framework(
        "tblite",
        "GFN2-xTB",
        "semi-empirical tight binding: GFN2-xTB, GFN1-xTB or IPEA1-xTB",
        ("tblite",),
        "pip install tblite",
    ),
    Framework(
        "torchani",
        "ANI-1x",
        "ANI-1x, the weights in torchani 2.2.4",
        ("torchani",),
        'pip install torchani==2.2.4 "setuptools<81"',
    ),
)
FRAMEWORKS: Mapping[str, Framework] = MappingProxyType({one.name: one for one in _LISTED})


def imported(adapter: str, module: str) -> Any:
    """The module; SpecError with the line that installs it if a package is missing.

    What else goes wrong while importing is raised as it is.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        if importlib.util.find_spec(package) is not None:
            # A package is there but lacks a part: another version, which installing doesn't repair.
            raise
        raise SpecError(FRAMEWORKS[adapter].complaint(package)) from error


def calculator_model(
    adapter: str,
    make: Callable[[], Any],
    *,
    describe: Callable[[Any], Mapping[str, Any]] | None = None,
    **facts: Any,
) -> CalculatorModel:
    """A model of ``make()``, an ASE calculator, with what its adapter knows in the capabilities.

    ``make`` is called again for a fresh copy; what it prints is dropped.

    Parameters
    ----------
    describe : callable (calculator) -> fields of Capabilities, or None
        Asked once, of the first calculator.
    facts
        Fields of :class:`physcheck.model.Capabilities` that are known without one.
    """
    from physcheck.adapters.ase import CalculatorModel

    model = CalculatorModel.from_factory(_quiet(make), declaration=Declaration())
    known = {} if describe is None else describe(model.calculator)
    model.capabilities = replace(
        model.capabilities, adapter=adapter, **_with_versions(adapter, {**facts, **known})
    )
    return model


def batched_model(
    adapter: str,
    make: Callable[[], Call],
    *,
    describe: Callable[[Any], Mapping[str, Any]] | None = None,
    one_size: bool = False,
    one_thread: bool = True,
    **facts: Any,
) -> BatchedModel:
    """A model of ``make()``, a function of many structures, with what its adapter knows of it.

    ``make`` is called again for a fresh copy; what it prints is dropped.

    Parameters
    ----------
    describe : callable (function) -> fields of Capabilities, or None
        Asked once, of the first function.
    one_size : bool
        As for :class:`physcheck.adapters.batched.BatchedModel`.
    one_thread : bool
        Most frameworks are used through an ASE calculator, which nobody shares among threads.
    facts
        Fields of :class:`physcheck.model.Capabilities` that are known without one.
    """
    from physcheck.adapters.batched import BatchedModel
    from physcheck.model import Capabilities

    # Packages print banners and download bars, also when a copy is made in the midst of a check.
    quietly = _quiet(make)
    call = quietly()
    known = {} if describe is None else describe(call)
    facts["one_thread"] = one_thread
    capabilities = Capabilities(adapter=adapter, **_with_versions(adapter, {**facts, **known}))
    return BatchedModel(call, capabilities, remake=quietly, one_size=one_size)


def _with_versions(adapter: str, facts: dict[str, Any]) -> dict[str, Any]:
    """``facts`` with the versions of the adapter's packages among the details."""
    from importlib.metadata import packages_distributions, version

    known = packages_distributions()
    packages = FRAMEWORKS[adapter].packages
    names = {name: version(known[name][0]) for name in packages if name in known}
    return {**facts, "details": {**facts.get("details", {}), "packages": names}}


def _quiet(make: Callable[[], Any]) -> Callable[[], Any]:
    def quietly() -> Any:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            return make()

    return quietly


def check_choice(adapter: str, option: str, value: str, known: tuple[str, ...]) -> None:
    """SpecError with the nearest names unless ``value`` is among ``known``."""
    if value not in known:
        raise SpecError(f"{option} is {value!r} for {adapter}; {nearest(str(value), known)}")


def check_dtype(adapter: str, dtype: str, known: tuple[str, ...] = ("float32", "float64")) -> None:
    """SpecError unless ``dtype`` is among those that the adapter's models compute in."""
    if dtype not in known:
        raise SpecError(f"dtype is {dtype!r} for {adapter}, should be {' or '.join(known)}")


def existing_argument(adapter: str, argument: str) -> Path:
    """The file that an adapter's argument names; SpecError if there is none."""
    from physcheck.adapters.python import existing_file
    from physcheck.adapters.spec import Spec

    if not argument:
        raise SpecError(f"{adapter}:: names no file; write {adapter}::PATH")
    return existing_file(Spec(argument, "path", argument))


def file_or_none(adapter: str, argument: str, endings: Sequence[str]) -> Path | None:
    """The file that an argument names; None for a name that the package downloads.

    Raises
    ------
    SpecError
        There is no such file, or no argument.
    """
    if not argument:
        raise SpecError(f"{adapter}:: names no model; write {adapter}::PATH")
    return existing_argument(adapter, argument) if Path(argument).suffix in endings else None


def file_sha256(path: Path) -> str:
    """Of the file's bytes, for the report."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
