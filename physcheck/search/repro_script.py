"""A script that shows a case with ASE and the user's model alone: it prints the violated number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from physcheck.adapters.python import DEFAULT_ATTRIBUTES
from physcheck.adapters.spec import Spec, parse_spec
from physcheck.errors import SpecError
from physcheck.search.case import Case

__all__ = ["repro_script"]

_HEAD = '''"""{check}: {title}.

{said}
Prints {number}; the tolerance is {tolerance}.
Needs numpy, ASE and the model, not physcheck.
"""

import numpy as np
from ase import Atoms

'''
_ATOMS = """
atoms = Atoms(
    numbers={numbers},
    positions={positions},
    cell={cell},
    pbc={pbc},
    info={info},
)
x, cell, n = atoms.positions.copy(), np.array(atoms.cell), len(atoms)
"""
# answer(positions, cell, order) asks the model.
_ASK = """

def answer(positions, cell, order=slice(None)):
    copy = atoms[order]
    copy.calc = None
    copy.set_cell(cell)
    copy.positions = positions
    copy.calc = calculator
{outputs}


"""
_ENERGY = """    known = getattr(calculator, "implemented_properties", ())
    name = "free_energy" if "free_energy" in known else "energy"
    energy = calculator.get_property(name, copy)"""
_TORCH_ASK = """

def answer(positions, cell, order=slice(None)):
    kind = torch.{dtype}
    found = module(
        torch.tensor(positions[None], dtype=kind), torch.tensor(atoms.numbers[order]),
        torch.tensor(cell[None], dtype=kind), torch.tensor(atoms.pbc),
    )
    found = {{k: v.detach().numpy().astype(float)[0] for k, v in found.items()}}
    return found.get("energy", 0.0), found["forces"], found.get("stress", np.zeros((3, 3)))


"""
_COPY = """
order, offsets = np.array({order}), np.array({offsets})
basis, rotation, shift = np.array({basis}), np.array({rotation}), np.array({shift})
e0, f0, s0 = answer(x, cell)
y = (x[order] + offsets @ cell) @ rotation.T + shift
e1, f1, s1 = answer(y, basis @ cell @ rotation.T, order)
"""
_PARTS = {
    "forces": "value = np.sqrt(np.mean((f1 @ rotation - f0[order]) ** 2))",
    "energy": "value = abs(e1 - e0) / n",
    "stress": "value = np.sqrt(np.mean((rotation.T @ s1 @ rotation - s0) ** 2)) "
    "* abs(np.linalg.det(cell)) / n",
}
_RELATIVE = "value /= max(np.sqrt(np.mean(f0**2)), 0.3)"
_LINE = """
move = np.array({move})  # from the middle to the end of the line, Å
times = np.linspace(-1, 1, 5)
answers = [answer(x + t * move, cell) for t in times]
work = sum(w * np.sum(a[1] * move) for w, a in zip((1, 4, 2, 4, 1), answers)) / 6
gap = answers[-1][0] - answers[0][0] + work
value = 1e3 * abs(gap) / (2 * np.linalg.norm(move))
"""
_LOOP = """
u, v = np.array({circle})  # x(t) = x + cos(t) u + sin(t) v, Å
times = 2 * np.pi * np.arange(8) / 8
forces = [answer(x + np.cos(t) * u + np.sin(t) * v, cell)[1] for t in times]
pull = [np.sum(f * (np.cos(t) * v - np.sin(t) * u)) for t, f in zip(times, forces)]
work = 2 * np.pi * np.mean(pull)
harmonic = np.tensordot(np.exp(1j * times), np.array(forces), axes=(0, 0)) / 4
stiffness = np.sqrt(np.sum(abs(harmonic) ** 2) / (2 * np.sum(u**2)))
coordinates = 3 * np.sum(np.any(u != 0, axis=1) | np.any(v != 0, axis=1))
value = abs(work) * np.sqrt(coordinates - 1) / (2 * np.pi * np.sum(u**2) * stiffness)
"""
_NET_FORCE = """
value = np.sqrt(np.mean(np.mean(answer(x, cell)[1], axis=0) ** 2))
"""
_NET_TORQUE = """
arms = x - x.mean(axis=0)
torque = np.cross(arms, answer(x, cell)[1]).sum(axis=0)
moments, axes = np.linalg.eigh(np.sum(arms**2) * np.eye(3) - arms.T @ arms)
safe = moments > 1e-6 * moments[-1]
value = np.sqrt(np.sum((torque @ axes)[safe] ** 2 / moments[safe]) / (3 * n))
"""
_FINITE = """
outputs = np.concatenate([np.ravel(part) for part in answer(x, cell)])
value = 0.0 if np.isfinite(outputs).all() else 1.0
"""
_RELATIVE_CHECKS = ("rotation_equivariance", "inversion_equivariance")
# Factories and adapters that make an ASE calculator, by the adapter's name in a spec.
_CALCULATORS = {
    "mace": "from mace.calculators import MACECalculator\n\n"
    "calculator = MACECalculator(model_paths={argument!r}, device='cpu')",
    "chgnet": "from chgnet.model.dynamics import CHGNetCalculator\n\ncalculator = "
    "CHGNetCalculator()",
    "sevennet": "from sevenn.calculator import SevenNetCalculator\n\n"
    "calculator = SevenNetCalculator({argument!r})",
    "tblite": "from tblite.ase import TBLite\n\ncalculator = TBLite(method={argument!r})",
    "kim": "from ase.calculators.kim import KIM\n\ncalculator = KIM({argument!r})",
}


def repro_script(
    case: Case,
    part: str,
    *,
    spec: str | None,
    adapter: str,
    dtype: str,
    outputs: frozenset[str],
    texts: Mapping[str, str],
) -> str | None:
    """A Python script that rebuilds the violated number of a case.

    Parameters
    ----------
    case : Case
    part : str
        Which output decides: ``forces``, ``energy`` or ``stress``.
    spec : str or None
        The model as the user named it.
    adapter : str
        Which adapter took it: scripts are for ASE calculators, and for modules of torch.
    dtype : str
        What the model computes in.
    outputs : frozenset of str
        Of the model.
    texts : mapping
        ``title``, ``said``, ``number``, ``tolerance`` and ``unit`` for its head and its last line.

    Returns
    -------
    str or None
        None for a law of how a model is called (batches), which ASE can't show.
    """
    body = _body(case, part)
    if body is None:
        return None
    periodic = case.start.system.is_fully_periodic
    model = _model_lines(spec, adapter)
    finite = case.check == "finite_outputs"
    asked = {
        "energy": part == "energy" or (finite and "energy" in outputs),
        "stress": periodic and (part == "stress" or (finite and "stress" in outputs)),
    }
    ask = _TORCH_ASK.format(dtype=dtype) if adapter == "torch" else _ase_lines(asked)
    start = case.start
    atoms = _ATOMS.format(
        numbers=start.system.numbers.tolist(),
        positions=_rows(start.positions[0]),
        cell=_rows(start.cells[0]),
        pbc=start.system.pbc.tolist(),
        info={k: v for k, v in start.system.info.items() if isinstance(v, int | float | str)},
    )
    head = _HEAD.format(check=case.check, **texts)
    last = f'print(f"{{value:.6g}} {texts["unit"]}")\n'
    return f"{head}{model}\n{atoms}{ask.rstrip()}\n\n{body}\n{last}"


def _ase_lines(asked: Mapping[str, bool]) -> str:
    lines = [_ENERGY if asked["energy"] else "    energy = 0.0"]
    stress = "copy.get_stress(voigt=False)" if asked["stress"] else "np.zeros((3, 3))"
    lines.append(f"    return energy, copy.get_forces(), {stress}")
    return _ASK.format(outputs="\n".join(lines))


def _rows(values: Any) -> str:
    return "[" + ", ".join(str([float(x) for x in row]) for row in np.asarray(values)) + "]"


def _body(case: Case, part: str) -> str | None:
    """The lines that make ``value``."""
    action = {name: np.asarray(values).tolist() for name, values in case.action.items()}
    plain = {
        "force_energy_gap": _LINE,
        "loop_work": _LOOP,
        "net_force": _NET_FORCE,
        "net_torque": _NET_TORQUE,
        "finite_outputs": _FINITE,
    }
    if case.check in plain:
        return plain[case.check].format(**action).strip()
    if "strains" in action:
        return None
    n = case.start.n_atoms
    if case.check == "inversion_equivariance":
        action["rotation"] = (-np.eye(3)).tolist()
        action["basis"] = (-np.eye(3, dtype=int)).tolist()
        action["shift"] = (2 * case.start.positions[0].mean(axis=0)).tolist()
    given = {
        "order": list(range(n)),
        "offsets": np.zeros((n, 3), int).tolist(),
        "basis": np.eye(3, dtype=int).tolist(),
        "rotation": np.eye(3).tolist(),
        "shift": [0.0, 0.0, 0.0],
    } | action
    lines = [_COPY.format(**given).strip(), _PARTS[part]]
    if case.check in _RELATIVE_CHECKS:
        lines.append(_RELATIVE)
    return "\n".join(lines)


def _model_lines(spec: str | None, adapter: str) -> str:
    """Lines that make ``calculator``, from the spec where that is possible."""
    try:
        parsed = None if spec is None else parse_spec(spec)
    except SpecError:
        parsed = None
    options = "" if parsed is None else ", ".join(f"{k}={v!r}" for k, v in parsed.options.items())
    if parsed is not None and parsed.kind == "file":
        lines = _from_file(parsed, options)
        return f"{lines}\nimport torch\n\nmodule = calculator" if adapter == "torch" else lines
    if parsed is not None and parsed.kind == "module":
        return f"from {parsed.target} import {parsed.attribute} as made\n\n{_called(options)}"
    if parsed is not None and parsed.kind == "adapter" and parsed.target in _CALCULATORS:
        return _CALCULATORS[parsed.target].format(argument=parsed.attribute)
    if parsed is not None and parsed.target == "ase":
        return (
            "from ase.calculators.calculator import get_calculator_class\n\n"
            f"calculator = get_calculator_class({parsed.attribute!r})({options})"
        )
    if parsed is not None and parsed.target == "builtin":
        # The model itself is a part of physcheck.
        return (
            "from physcheck import load_model\n"
            "from physcheck.adapters.ase import ModelCalculator\n\n"
            f"calculator = ModelCalculator(load_model({spec!r}))"
        )
    if parsed is not None and parsed.kind == "path" and adapter == "torch":
        return f"import torch\n\nmodule = torch.jit.load({str(parsed.path)!r})"
    return f"calculator = ...  # {spec} as an ASE calculator"


def _called(options: str) -> str:
    called = f"made({options})"
    return f'calculator = {called} if callable(made) and not hasattr(made, "calculate") else made'


def _from_file(parsed: Spec, options: str) -> str:
    path = str(parsed.path)
    names = [parsed.attribute] if parsed.attribute else DEFAULT_ATTRIBUTES
    found = " or ".join(f'getattr(module, "{name}", None)' for name in names)
    return (
        "import importlib.util\nimport os\nimport sys\n\n"
        f"path = {path!r}\n"
        "sys.path.insert(0, os.path.dirname(path))\n"
        'found = importlib.util.spec_from_file_location("user_model", path)\n'
        "module = importlib.util.module_from_spec(found)\n"
        "found.loader.exec_module(module)\n"
        f"made = {found}\n"
        f"{_called(options)}"
    )
