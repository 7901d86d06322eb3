"""ASE both ways: a Calculator as a Model, and a Model as a Calculator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from physcheck.adapters.declaration import Declaration
from physcheck.adapters.further_outputs import FURTHER_OUTPUTS, further_outputs_of
from physcheck.adapters.handed_over import given_back, handed_over
from physcheck.errors import ModelError
from physcheck.model import OUTPUTS, Capabilities, Meter, Model
from physcheck.numerics.answers import real_array
from physcheck.system import Configurations, Evaluation, System

__all__ = ["CalculatorModel", "ModelCalculator", "is_calculator"]

# Digits that a float32 number of chance uses, of its 24 bits; fewer are those of a round number or
# of what rounding leaves where symmetry makes a force zero.
_FEWEST_BITS = 16
# Below this, eV/Å, a force may be what is left of terms that cancel: float64's rest has few digits.
_LEAST_TELLING_FORCE = 1e-6
# So many components with these digits, all float32 numbers: by chance less than 1e-20 in float64.
_FEWEST_COMPONENTS = 3
# Displacement, Å, that gives forces to a symmetric structure.
_OFF_SITE = 0.03
_GETTERS = {"energy": "get_potential_energy", "forces": "get_forces", "stress": "get_stress"}


def is_calculator(thing: object) -> bool:
    """True for an instance that answers as an ASE calculator does."""
    return not isinstance(thing, type) and (
        hasattr(thing, "get_property") or hasattr(thing, "get_forces")
    )


class CalculatorModel:
    """An ASE calculator as a Model: one configuration after the other on one reused Atoms.

    The Atoms is the model's own and lives as long as the same System is asked for, so the
    calculator sees positions move as in a simulation, with its neighbour lists and warm starts;
    ``info``, ``initial_magmoms`` and other per-atom arrays are on it.  Energy is ``free_energy``
    where the calculator gives one.  Stress is asked for where all three axes are periodic.  Asked
    twice for the same positions and cell, it computes twice: the calculator's cached results are
    dropped first.

    Parameters
    ----------
    calculator : ase.calculators.abc.GetPropertiesMixin
        Or anything with ``get_potential_energy``, ``get_forces``, ``get_stress`` of an Atoms.
    remake : callable () -> calculator, or None
        Makes an equal new calculator; without it there is no ``fresh``.
    declaration : Declaration
        What the calculator's author declares; the calculator's own ``physcheck`` if left out.
    dtype : str or None
        What it computes in; if None, told from the first forces that have enough digits to tell
        (``float32`` if all are float32 numbers): ``ask`` moves the atoms where symmetry leaves
        none.
    device, name : str or None

    Attributes
    ----------
    reported_energy : float or None, eV
        ASE's ``energy`` at the last configuration, where ``free_energy`` is the one that forces
        belong to; None where there is only one of them.
    """

    def __init__(
        self,
        calculator: Any,
        *,
        remake: Callable[[], Any] | None = None,
        declaration: Declaration | None = None,
        dtype: str | None = None,
        device: str | None = None,
        name: str | None = None,
    ) -> None:
        self.calculator = calculator
        self._remake = remake
        self._declaration = Declaration.of(calculator) if declaration is None else declaration
        self._settings = {"dtype": dtype, "device": device, "name": name}
        self._atoms: Atoms | None = None
        self._system: System | None = None
        self._last: tuple[bytes, bytes] | None = None
        self._is_repeated = False
        self._energy_name: str | None = None
        self.reported_energy: float | None = None
        self.capabilities: Capabilities = self._declaration.added_to(
            Capabilities(
                name=name or type(calculator).__name__,
                adapter="ase",
                outputs=_promised(calculator),
                dtype=dtype or "unknown",
                device=device or "cpu",
                one_thread=True,
            )
        )

    @classmethod
    def from_factory(cls, factory: Callable[[], Any], **settings: Any) -> CalculatorModel:
        """A model of ``factory()``, whose ``fresh`` calls the factory again."""
        settings.setdefault("declaration", Declaration.of(factory))
        return cls(factory(), remake=factory, **settings)

    @property
    def fresh(self) -> Callable[[], CalculatorModel] | None:
        """Makes an equal model with a new calculator; None where no factory is known."""
        return None if self._remake is None else self._remade

    def _remade(self) -> CalculatorModel:
        assert self._remake is not None
        clone = CalculatorModel(
            self._remake(),
            remake=self._remake,
            declaration=self._declaration,
            **self._settings,
        )
        clone.capabilities = self.capabilities
        clone._energy_name = self._energy_name
        return clone

    def ask(self, configuration: Configurations) -> None:
        """Try each output once at one configuration (B = 1) and note it in ``capabilities``.

        An output that raises PropertyNotImplementedError is taken off, and so is an energy or
        stress that raises NotImplementedError where the forces could be had; one that comes
        unpromised is added.  Other exceptions of energy and stress are left for the check that
        needs them; those of forces are raised.
        """
        self._set_atoms(configuration, 0)
        outputs = set(self.capabilities.outputs)
        for name in ("forces", "energy", "stress"):
            if name == "stress" and not configuration.system.is_fully_periodic:
                continue
            try:
                value = self._output(name)
            except NotImplementedError:
                # Of the forces it may mean the species: EMT raises it for uranium.
                if name == "forces":
                    raise
                value = None
            except Exception:
                if name == "forces":
                    raise
                continue
            if value is None:
                outputs.discard(name)
            else:
                outputs.add(name)
        self.capabilities = replace(self.capabilities, outputs=frozenset(outputs))
        if self.capabilities.dtype == "unknown":
            # Whatever it raises there, it has answered at the structure itself.
            with suppress(Exception):
                self._set_atoms(configuration.displaced(_off_site(configuration.n_atoms)), 0)
                self._output("forces")

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """As :meth:`physcheck.model.Model.evaluate`; exceptions of the calculator pass unchanged.

        An output that turns out not to be implemented is None, and is gone from ``capabilities``
        afterwards.
        """
        rows: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in OUTPUTS if name in want}
        if not configurations.system.is_fully_periodic:
            rows.pop("stress", None)
        # Forces first: many calculators compute the energy on the way to them, few the reverse.
        for index in range(len(configurations)):
            self._set_atoms(configurations, index)
            for name in sorted(rows, key=("forces", "energy", "stress").index):
                # Asked again after an exception, results that are left from before must be seen.
                last, self._last = self._last, None
                value = self._output(name)
                self._last = last
                if value is None:
                    del rows[name]
                    outputs = self.capabilities.outputs - {name}
                    self.capabilities = replace(self.capabilities, outputs=outputs)
                else:
                    rows[name].append(value)
        return Evaluation(**{name: _stacked(name, values) for name, values in rows.items()})

    def further_outputs(self, configuration: Configurations) -> dict[str, np.ndarray[Any, Any]]:
        """What the calculator has in its results, and what else it says that it implements.

        Names and shapes are those of :mod:`physcheck.adapters.further_outputs`; an output that
        raises is left out.
        """
        self._set_atoms(configuration, 0)
        for name in ("forces", "energy", "stress"):
            if name in self.capabilities.outputs and (
                name != "stress" or configuration.system.is_fully_periodic
            ):
                self._output(name)
        found: dict[str, Any] = {}
        for name in FURTHER_OUTPUTS:
            # What isn't kept as a result is asked for; a refusal is no fault here.
            if name in getattr(self.calculator, "implemented_properties", ()):
                with suppress(Exception):
                    found[name] = self._property(name)
        results = getattr(self.calculator, "results", None)
        found = {**found, **(results if isinstance(results, dict) else {})}
        return further_outputs_of(found, configuration.n_atoms)

    def _set_atoms(self, configurations: Configurations, index: int) -> None:
        system, before = configurations.system, self._system
        if self._atoms is None or before is not system:
            self._atoms = configurations.to_atoms(index)
            self._atoms.info = copy.deepcopy(dict(system.info))
            self._system = system
        atoms = self._atoms
        # An untidy calculator may have replaced these on the Atoms that it was given.
        atoms.positions = configurations.positions[index].copy()
        atoms.cell[:] = configurations.cells[index]
        atoms.pbc = system.pbc
        current = (configurations.positions[index].tobytes(), configurations.cells[index].tobytes())
        # Results are kept where only another input changed (a charge, a spin): a calculator that
        # doesn't look at it must be seen to give the earlier answer.
        self._is_repeated = (
            current == self._last
            and isinstance(getattr(self.calculator, "results", None), dict)
            and (before is None or _alike(before, system))
        )
        if self._is_repeated:
            self.calculator.results = {}
        self._last = current

    def _output(self, name: str) -> np.ndarray[Any, Any] | None:
        """One output at the current atoms, (), (N, 3) or (3, 3); None if it is not implemented."""
        try:
            if name == "energy":
                energy = self._energy()
                array = real_array(name, energy)
                # Told with its own shape, before it is one of many.
                return real_array(name, energy, ()) if array.ndim else array
            if name == "forces":
                forces = real_array(name, self._property_or_reset(name))
                if self.capabilities.dtype == "unknown":
                    self._guess_dtype(forces)
                return forces
            stress = real_array(name, self._property_or_reset(name))
            if stress.shape == (6,):
                stress = voigt_6_to_full_3x3_stress(stress)  # type: ignore[no-untyped-call]
            return stress
        except PropertyNotImplementedError:
            # Promised forces: the calculator failed itself, such as by asking another for a stress.
            if name == "forces" and name in getattr(self.calculator, "implemented_properties", ()):
                raise
            return None

    def _energy(self) -> Any:
        promised = getattr(self.calculator, "implemented_properties", ())
        self.reported_energy = None
        if self._energy_name is None and "free_energy" in promised:
            with suppress(PropertyNotImplementedError):
                value = self._property_or_reset("free_energy")
                self._energy_name = "free_energy"
                self._store_reported_energy()
                return value
        name = self._energy_name or "energy"
        value = self._property_or_reset(name)
        self._energy_name = name
        if name == "free_energy":
            self._store_reported_energy()
        return value

    def _store_reported_energy(self) -> None:
        # Only what the calculator has already: asking could cost another calculation.
        results = getattr(self.calculator, "results", None)
        if isinstance(results, dict) and results.get("energy") is not None:
            self.reported_energy = real_array("energy", results["energy"]).item()

    def _property_or_reset(self, name: str) -> Any:
        try:
            return self._property(name)
        except Exception:
            if not self._is_repeated or not hasattr(self.calculator, "reset"):
                raise
        # Some calculators do nothing where no atom moved; their results were dropped in _set_atoms.
        self._is_repeated = False
        self.calculator.reset()
        return self._property(name)

    def _property(self, name: str) -> Any:
        with handed_over(Atoms=self._atoms):
            value = self._asked(name)
        given_back({name: value}, (name,))
        return value

    def _asked(self, name: str) -> Any:
        if hasattr(self.calculator, "get_property"):
            return self.calculator.get_property(name, self._atoms)
        if name == "free_energy":
            return self.calculator.get_potential_energy(self._atoms, force_consistent=True)
        getter = getattr(self.calculator, _GETTERS[name], None)
        if getter is None:
            raise PropertyNotImplementedError(name)
        return getter(self._atoms)

    def _guess_dtype(self, forces: np.ndarray[Any, Any]) -> None:
        if not np.isfinite(forces).all():
            return
        # Many calculators hand float32 numbers on in a float64 array.
        with np.errstate(over="ignore"):
            is_single = bool((forces == forces.astype(np.float32)).all())
        if not is_single:
            self.capabilities = replace(self.capabilities, dtype="float64")
            return
        sizes = np.unique(np.abs(forces))
        mantissas = np.ldexp(np.frexp(sizes[sizes > _LEAST_TELLING_FORCE])[0], _FEWEST_BITS)
        if int((mantissas % 1 != 0).sum()) >= _FEWEST_COMPONENTS:
            self.capabilities = replace(self.capabilities, dtype="float32")


def _off_site(n_atoms: int) -> np.ndarray[Any, Any]:
    """(N, 3) displacements without any symmetry, the same at each call, Å."""
    return _OFF_SITE * np.random.default_rng(n_atoms).standard_normal((n_atoms, 3))


def _alike(first: System, second: System) -> bool:
    """Whether two systems have the same ``info`` and the same per-atom arrays."""
    if first is second:
        return True
    same_info = repr(sorted(first.info.items(), key=str)) == repr(
        sorted(second.info.items(), key=str)
    )
    return (
        same_info
        and first.arrays.keys() == second.arrays.keys()
        and all(np.array_equal(first.arrays[k], second.arrays[k]) for k in first.arrays)
    )


def _promised(calculator: Any) -> frozenset[str]:
    promised = getattr(calculator, "implemented_properties", None)
    if promised is None:
        return frozenset(name for name, getter in _GETTERS.items() if hasattr(calculator, getter))
    names = {"energy" if name == "free_energy" else name for name in promised}
    return frozenset(names & set(OUTPUTS))


def _stacked(name: str, values: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    shapes = {value.shape for value in values}
    if len(shapes) > 1:
        raise ModelError(f"{name} has the shapes {sorted(shapes)} at configurations of one system")
    return np.stack(values)


class ModelCalculator(Calculator):
    """A Model as an ASE calculator: energy, free_energy, forces and, with full pbc, stress.

    ``implemented_properties`` are those of the model's outputs.  Every call computes all of them,
    which is one evaluation.

    Parameters
    ----------
    model : Model or Meter
        A Meter counts and checks as it does elsewhere; a bare Model gets one of its own, ``meter``.

    Raises
    ------
    ModelError, NonFiniteOutput, AllotmentExceeded
        From the Meter, when a property is asked for.
    """

    def __init__(self, model: Model | Meter) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.meter = model if isinstance(model, Meter) else Meter(model)
        outputs = self.meter.capabilities.outputs
        names = [str(name) for name in OUTPUTS if name in outputs]
        self.implemented_properties = [*names, "free_energy"] if "energy" in outputs else names

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate the model at ``atoms`` into ``results``."""
        asked = properties or ["energy"]
        super().calculate(atoms, asked, system_changes)  # type: ignore[no-untyped-call]
        assert self.atoms is not None
        configuration = Configurations.from_atoms(self.atoms)
        want = {"energy", "forces"}
        if configuration.system.is_fully_periodic:
            want.add("stress")
        answer = self.meter.evaluate(configuration, want=want)
        self.results = {}
        if answer.energy is not None:
            self.results["energy"] = self.results["free_energy"] = float(answer.energy[0])
        if answer.forces is not None:
            self.results["forces"] = answer.forces[0].copy()
        if answer.stress is not None and configuration.system.is_fully_periodic:
            voigt = full_3x3_to_voigt_6_stress(answer.stress[0])  # type: ignore[no-untyped-call]
            self.results["stress"] = voigt
