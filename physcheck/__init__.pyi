# Made by `make stubs` from the checks' own signatures; not to be edited.
"""physcheck: physical validation of machine-learned interatomic potentials."""

from ase import Atoms
from collections.abc import Iterable
from collections.abc import Mapping as Mapping
from numpy.typing import ArrayLike as ArrayLike
from typing import Any, TypeAlias, overload
import numpy as np
from physcheck.adapters.loading import load_model as load_model
from physcheck.checks.dynamics.gradient_forces import GradientForces as GradientForces
from physcheck.checks.dynamics.rounding_work import RoundingWork as RoundingWork
from physcheck.checks.sampling.trajectory import Trajectory as Trajectory
from physcheck.errors import PhysicsFailure as PhysicsFailure
from physcheck.measurement import Measurement as Measurement
from physcheck.measurement import Outcome as Outcome
from physcheck.measurement import Verdict as Verdict
from physcheck.model import Capabilities as Capabilities
from physcheck.model import Meter as Meter
from physcheck.model import Model as Model
from physcheck.notebook.judged_report import JudgedReport as JudgedReport
from physcheck.plugin.parametrize import parametrize_checks as parametrize_checks
from physcheck.registry import Failure as Failure
from physcheck.registry import KnownFault as KnownFault
from physcheck.registry import check as check
from physcheck.registry import derive_assert as derive_assert
from physcheck.resolution import Resolution as Resolution
from physcheck.system import Configurations as Configurations
from physcheck.system import Evaluation as Evaluation
from physcheck.system import System as System
from physcheck.system import as_configurations as as_configurations
from physcheck.tolerances import Tolerance as Tolerance
from physcheck.tolerances import Tolerances as Tolerances

__version__: str

#: What is judged: an ASE calculator, a torch module, a torch-sim or physcheck Model, or a spec.
AnyModel: TypeAlias = Any
#: One structure: ase.Atoms, a Configurations with B = 1, a name of the catalogue, or a file.
AnyStructure: TypeAlias = Atoms | Configurations | str
#: A generator of numpy, or the seed of one.
AnySeed: TypeAlias = np.random.Generator | int | None

@overload
def judge(
    model: Measurement,
    tolerance: Tolerance | None,
    /,
    *,
    closer: Any = ...,
    finer: str = ...,
) -> Verdict: ...

@overload
def judge(
    model: AnyModel,
    atoms: AnyStructure | Iterable[AnyStructure] | dict[str, Any] | None = None,
    *,
    checks: str | Iterable[str] | None = None,
    species: str | Iterable[str] | None = None,
    reference: AnyModel | None = None,
    profile: str = 'md',
    budget: str | int = 'auto',
    seed: int = 0,
    device: str | None = None,
    dtype: str | None = None,
    timeout: float | None = None,
) -> JudgedReport:
    """Judge a model by physical laws: the suite in one call.

    ::

        report = physcheck.judge(MyCalculator(), ["Cu32", atoms], checks="conservation")
        report.failures           # the records that fail

    Parameters
    ----------
    model, reference : ASE calculator, torch module, torch-sim model, physcheck Model, or a spec
        The model, and one to compare it with.
    atoms : ase.Atoms, Configurations (B = 1), name, file, or a list or dict of these; optional
        If left out: what the model's author declared, else what it takes of the catalogue.
    checks, species, profile, budget, seed, device, dtype, timeout
        As the options of pytest: ``--physcheck-checks`` and so on (s for ``timeout``); ``device``
        and ``dtype`` of a spec that is loaded.

    Returns
    -------
    JudgedReport
        Nothing is raised for a law that is violated.  Of a Measurement and a Tolerance, in place of
        model and atoms, the Verdict: see :func:`physcheck.measurement.judge`.

    Raises
    ------
    SpecError
        A name, file or option doesn't exist (the nearest ones are named), or has no effect here.
    ModelError
        The model can't be made.

    Cost: at most the budget, and some 10 to 100 evaluations to choose structures.
    """


def _lines_of_measurement(measured: Measurement) -> str: ...
def _html_of_measurement(measured: Measurement) -> str: ...
def _plot_of_measurement(measured: Measurement) -> Any: ...

@overload
def measure_batch_invariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """A configuration has the same answers alone and in a batch, at any place of it.

    Four thermally displaced copies (0.03 Å), where there is a cell one of them 1.1 times as large
    and three with strained and sheared cells (5 %), are evaluated one by one, together, and in a
    random order in a batch of 37; a model that batches different sizes also gets the structure with
    a doubled one in one call. Judged is the largest rms difference of a configuration's forces to
    those alone; a difference of energy or virial of 1 eV an atom counts as 1 eV/Å. It is infinite
    where an answer is finite alone and not in the batch.

    Can't see: batches larger than 37.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 50 evaluations, 54 with mixed sizes.
    """

@overload
def measure_batch_invariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_batch_invariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``batch_invariance`` fails at ``profile``; see :func:`measure_batch_invariance`.
    """

@overload
def assert_batch_invariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_cell_relaxation(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    strain: float = 0.03,
    rattle: float = 0.05,
    steps: int = 28,
    pieces: int = 40,
) -> Measurement:
    """The energy that atoms and cell release on relaxing is the work of forces and stress.

        gap = |E(end) - E(start) + integral of f.dq| / sum over the steps of |integral of f.dq|

    See the module for q and f and for how the integral is taken.

    Can't see: what relaxation_descent can't; a stress that is right for a wrong energy.

    Parameters
    ----------
    tolerance : float, dimensionless
        What the integral's error aims at; the md profile's if left out.
    optimiser : one of physcheck.relaxation.OPTIMISERS
    strain : float
        rms of the six components of the strain that the cell starts with.
    rattle : float, Å
    steps, pieces : int
        Evaluations of the relaxation, and of the integral before it is confirmed.

    Raises
    ------
    CapabilityMissing: no energy, no stress, or an axis that isn't periodic.
    ModelError, NonFiniteOutput

    Cost: at most steps + pieces, 68 by default; half of the pieces again to confirm a FAIL.

    Source: the filter is that of ASE, after JuLIP's expcell.
    """

@overload
def measure_cell_relaxation(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    strain: float = 0.03,
    rattle: float = 0.05,
    steps: int = 28,
    pieces: int = 40,
) -> list[Measurement]: ...

@overload
def assert_cell_relaxation(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    strain: float = 0.03,
    rattle: float = 0.05,
    steps: int = 28,
    pieces: int = 40,
) -> Measurement:
    """Raise PhysicsFailure if ``cell_relaxation`` fails at ``profile``; see :func:`measure_cell_relaxation`.
    """

@overload
def assert_cell_relaxation(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    strain: float = 0.03,
    rattle: float = 0.05,
    steps: int = 28,
    pieces: int = 40,
) -> list[Measurement]: ...

@overload
def measure_cutoff_smoothness(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    points: int = 32,
    paths: int = 1,
) -> Measurement:
    """Forces and energy are continuous as atoms move through each other's cutoffs.

    A molecule (one atom where there is none) is moved on a line through its place in steps of 0.02
    Å, so that a few dozen pairs cross any cutoff that there is. Jumps show in the fifth differences
    of each atom's force and of the energy; the two likeliest are bisected to 1e-4 Å and measured
    across that step, the changes on both sides taken off. A lattice is tried compressed to 80 % of
    its lengths, too, where atoms have twice as many neighbours. A structure without periodic axes
    also meets a copy of itself, from beyond the interaction range (14 Å where undeclared), and one
    of its atoms: the distances at which forces and energy begin are bisected. Exactly symmetric
    structures are compared with the same 1e-6 Å aside. Judged is

        P = r (dt² sum of |D_i|²/(12 m_i) + dE²/(2 kT)),  eV/atom/ps,

    the heat of r crossings an atom and picosecond: D_i is what an atom's force jumps by (velocity
    Verlet takes the mean of both sides for the step), dE what the energy jumps by and no force
    feels. r is that of motion at 300 K where jumps are as dense as on the path, taken to be known
    to a factor of 2 (larger in a crystal with a shell at the cutoff); dt is 0.5 fs with hydrogen, 1
    fs from carbon on. At symmetric places, which no motion crosses, a jump counts as 260 eV/atom/ps
    times the square of its share of the rms thermal force. Where the energy's noise hides what the
    tolerance asks for, forces alone are judged. An energy jump heats where it differs from place to
    place (caps, angles); where it is the same (pairs cut off), E + K goes up and down by it, and P
    is an upper limit.

    Can't see: jumps that no pair met on the way; kinks (``path_smoothness`` sees what they do).

    Parameters
    ----------
    points, paths : int
        Points of a fine path (5/8 of them without periodic axes), and how many paths.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 52 evaluations a path, 26 for a compressed lattice; without periodic axes 40, and 46 for
    the copy and the atom; 6 to 9 for symmetric places.

    Source: Allen and Tildesley, section 5.2.3; Toxvaerd and Dyre, J. Chem. Phys. 134, 081102.
    """

@overload
def measure_cutoff_smoothness(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    points: int = 32,
    paths: int = 1,
) -> list[Measurement]: ...

@overload
def assert_cutoff_smoothness(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    points: int = 32,
    paths: int = 1,
) -> Measurement:
    """Raise PhysicsFailure if ``cutoff_smoothness`` fails at ``profile``; see :func:`measure_cutoff_smoothness`.
    """

@overload
def assert_cutoff_smoothness(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    points: int = 32,
    paths: int = 1,
) -> list[Measurement]: ...

@overload
def measure_determinism(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> Measurement:
    """Asked the same twice, a model answers the same twice.

    The standard deviation of a force component over five equal calls, one after the other, pooled
    in rms, or that of the energy an atom over 1 Å, the larger of both; twenty more calls where that
    is near the tolerance. A scatter that was seen is a fact: it fails above the tolerance. Whether
    answers are equal bit by bit is in ``quantities``; parallel sums make them differ.

    Can't see: randomness that strikes in fewer than one of five calls, or depends on what ran
    before (``history_independence``).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 5 evaluations, 25 where the answers scatter near the tolerance.

    Source: a potential is a function of positions.
    """

@overload
def measure_determinism(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_determinism(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``determinism`` fails at ``profile``; see :func:`measure_determinism`.
    """

@overload
def assert_determinism(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_ensemble_consistency(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    second_evaluations: int = 3000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Potential energies sampled at two temperatures differ by exp(-(1/kT1 - 1/kT2) E).

    The slope of ``ln P2(E)/P1(E)`` is found by maximum likelihood and held against 1/kT1 - 1/kT2;
    judged is its relative deviation, in percent. Its error follows from those of both mean energies
    and of the width (:func:`slope_error`), with Student's t. What a structure releases while it
    relaxes is allowed for. A FAIL needs three standard errors beyond the tolerance, and a chance of
    1e-4 under the law.

    Can't see: faults that are alike at both temperatures, such as an offset. Energies relax
    slowly in liquids, so that picoseconds resolve little there: small systems resolve most.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, %
    second_evaluations : int
        Of the trajectory at the second temperature.

    Raises
    ------
    CapabilityMissing
        No energy, or a single atom.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` and ``second_evaluations``.

    Source: Shirts, J. Chem. Theory Comput. 9, 909 (2013).
    """

@overload
def measure_ensemble_consistency(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    second_evaluations: int = 3000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_ensemble_consistency(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    second_evaluations: int = 3000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``ensemble_consistency`` fails at ``profile``; see :func:`measure_ensemble_consistency`.
    """

@overload
def assert_ensemble_consistency(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    second_evaluations: int = 3000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_equipartition(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    evaluations: int = 24000,
    langevin_evaluations: int = 0,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Every species has the same kinetic temperature.

    T_s = 2 <K_s>/(kB n_s), n_s = 3 sum over i in s of (1 - m_i/M), velocities from the middle of
    BAOAB. Judged is the largest difference between two groups, in percent of the bath's
    temperature. Its interval is that of
    :func:`~physcheck.checks.sampling.temperature_deviations.deviation_of`.

    Can't see: heat that flows into all species alike (thermostat_heat, nve_drift); wrong
    configurations at right temperatures. A local bath hides part of the fault (``langevin_K``).

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
        Best periodic and liquid-like; crystals exchange heat between modes slowly.
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, %
    groups : mapping of name to indices or mask
        Instead of the species.
    langevin_evaluations : int
        For baths of 1000, 100 and 10 fs; else only the equilibrating bath is reported.

    Raises
    ------
    CapabilityMissing
        Less than two groups, or two atoms alone.
    ValueError
        A group is empty, or holds all atoms or those of another.
    ModelError, NonFiniteOutput

    Cost: ``evaluations``, 32 a species, 60 for confirmation, ``langevin_evaluations`` at most.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, sec. 4.3.
    """

@overload
def measure_equipartition(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    evaluations: int = 24000,
    langevin_evaluations: int = 0,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_equipartition(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    evaluations: int = 24000,
    langevin_evaluations: int = 0,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``equipartition`` fails at ``profile``; see :func:`measure_equipartition`.
    """

@overload
def assert_equipartition(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    evaluations: int = 24000,
    langevin_evaluations: int = 0,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_finite_outputs(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
) -> Measurement:
    """Energies, forces and stresses are finite numbers, whatever the atoms do.

    Asked are the structure itself, its nearest pair at 0.5 and 0.3 Å, each species as an atom alone
    (three at most), the atoms ten times as far apart, a few of them in a large and in a triclinic
    cell, one atom among its own images, and partly periodic ones, as far as the model's
    ``periodicity`` allows; exactly symmetric molecules or crystals of its species
    (:mod:`physcheck.probes.symmetric_places`); and pairs of species that the model says it supports
    and the structure lacks (four at most). Counted are situations with NaN or infinity in any
    output, ASE's ``energy`` among them where ``free_energy`` is what forces belong to, and such
    pairs that it refuses. A model that refuses (raises) any other situation is not at fault; its
    words are in ``quantities``, and so are differences of ``energy`` from ``free_energy``, eV/atom,
    which are no more than an entropy term should be.

    Can't see: atoms on top of each other (where energies may be infinite), situations not in the
    list.

    Raises
    ------
    ModelError
        The model raises at the structure itself.

    Cost: 8 to 15 evaluations; up to 5 for species that the model supports besides.
    """

@overload
def measure_finite_outputs(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
) -> list[Measurement]: ...

@overload
def assert_finite_outputs(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
) -> Measurement:
    """Raise PhysicsFailure if ``finite_outputs`` fails at ``profile``; see :func:`measure_finite_outputs`.
    """

@overload
def assert_finite_outputs(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
) -> list[Measurement]: ...

@overload
def measure_force_energy_gap(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
) -> Measurement:
    """Forces are the negative gradient of the energy: F = -dE/dx.

    With random orthonormal directions u of the 3N coordinates and pieces from -l to +l,

        g_u = (E(+l) - E(-l))/(2l) + u.(F(-l) + 4 F(0) + F(+l))/6,      gap = rms over u of g_u,

    which is the rms gap of a force component, averaged over the piece.  The module's docstring says
    how l is chosen, when the run stops early and how a FAIL is confirmed.

    Can't see: a lack of conservation where the model gives no energy; a gap that averages out over
    0.03 Å; a wrong energy (only that both disagree).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, meV/Å
        Decides when to stop; the md profile's if left out.
    directions : int
        At most 3N are used.

    Raises
    ------
    CapabilityMissing
        The model gives no energy.
    ModelError, NonFiniteOutput

    Cost: 25 evaluations for a clear case, 13 + 2 x directions at most (with 6 directions fewer on a
    rough surface).

    Source: the OpenKIM verification check of forces against numerical derivatives is the ancestor.
    """

@overload
def measure_force_energy_gap(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
) -> list[Measurement]: ...

@overload
def assert_force_energy_gap(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
) -> Measurement:
    """Raise PhysicsFailure if ``force_energy_gap`` fails at ``profile``; see :func:`measure_force_energy_gap`.
    """

@overload
def assert_force_energy_gap(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
) -> list[Measurement]: ...

@overload
def measure_history_independence(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> Measurement:
    """Answers depend on the configuration, not on those that the model saw before.

    Four kinds of configurations are visited in an order in which each follows different ones: the
    structure, the same with like atoms exchanged (any neighbour list is then wrong), the structure
    1.3 times as large, and two copies of it (another number of atoms). Then the structure is asked
    with one input changed, right after itself: the cell alone, the periodic axes, the species, the
    charge, the spin, magnetic moments, tags; and after a move of 1e-4 Å or of one atom by 0.9 Å,
    after a larger cell, and on a walk of eight short steps; a molecule in a periodic box after
    another one. Those answers are held against a fresh model's, or, where none can be made, against
    those after another number of atoms. Where none of these differ, two atoms at 0.3 Å, which many
    models refuse, mustn't have the answer of the place before, and an input that changes nothing
    mustn't do so once all atoms are shifted, as with a cache that all instances share. Judged is
    the largest rms difference of forces, or of energy or virial an atom over 1 Å; it is infinite
    where a model raises at one visit and answers at another. What differs is asked for once more,
    and the smaller difference counts: answers that then agree scatter whatever was asked before.
    Inputs whose change has no effect are in ``quantities``.

    Can't see: a memory that reaches farther back than a few calls; without a factory (no fresh
    model), an answer that is always the same wrong one.

    Parameters
    ----------
    tolerance : float, eV/Å
        For the detection limit; the md profile's if left out.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 55 to 70 evaluations, a few of them of twice the size; up to 30 more where answers differ,
    six of them equal calls in a row, whose scatter is ``determinism``'s.

    Source: a potential is a function of positions; tblite's warm starts scatter by 1.6e-5 eV/Å.
    """

@overload
def measure_history_independence(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_history_independence(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``history_independence`` fails at ``profile``; see :func:`measure_history_independence`.
    """

@overload
def assert_history_independence(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_input_untouched(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
) -> Measurement:
    """A model reads its input and leaves it, and its earlier answers, as they were.

    Positions, cell, numbers, masses, pbc and the per-atom arrays are handed in writable, and
    compared bit by bit after the call, and so are the very objects that the model's own code gets
    from its adapter (an Atoms with its info, arrays and constraints; tensors; a SimState): for the
    structure, and for it moved out of the cell. The first answer is compared after the second call.

    So is what the whole process shares. Settings are NumPy's handling of errors, the working
    folder, torch's default dtype, gradient mode and number of threads. Those that any call so far
    has changed are put back, and the model is called once more: what it changes again fails. What
    it doesn't change again was set once, as by code that is loaded at the first call; that is no
    failure, and ``quantities`` has it. Of the generators of random numbers (``numpy.random``,
    ``random``, torch), the states are compared after calls from two seeds: where they are one and
    the same, the call sets the seed, and a thermostat draws the same numbers in each step.

    Can't see: changes that are undone before the call returns, and those made while loading.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 2 evaluations; 1 more where settings have changed.
    """

@overload
def measure_input_untouched(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
) -> list[Measurement]: ...

@overload
def assert_input_untouched(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
) -> Measurement:
    """Raise PhysicsFailure if ``input_untouched`` fails at ``profile``; see :func:`measure_input_untouched`.
    """

@overload
def assert_input_untouched(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
) -> list[Measurement]: ...

@overload
def measure_inversion_equivariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces of the inverted structure are the inverted forces; energy and stress stay.

    F(2 c - x) = -F(x), c the centroid; the cell is kept, as a lattice is its own inverse. With
    rotations this covers every mirror. Measured as :func:`measure_rotation_equivariance`.

    Can't see: a chiral term that vanishes in planar structures (the thermal displacements of 0.03 Å
    make any structure of 4 atoms or more slightly chiral).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: parity of electromagnetism; a practice as ``rotation_equivariance`` is, for the same
    reason.
    """

@overload
def measure_inversion_equivariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_inversion_equivariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``inversion_equivariance`` fails at ``profile``; see :func:`measure_inversion_equivariance`.
    """

@overload
def assert_inversion_equivariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_jacobian_asymmetry(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
    localise: bool = False,
    full: bool = False,
) -> Measurement:
    """The Jacobian J = dF/dx of the forces of a potential is symmetric (it is minus the Hessian).

        lambda = |J - J^T|_F / (2 |J|_F), from J u along k random directions.

    The module's docstring says how the steps are chosen and how a FAIL is confirmed and placed.
    Can't see: a defect that is diluted in a large system below the tolerance; a force that is the
    gradient of another energy (force_energy_gap sees that).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the choice of formula and the confirmation aim at; the md profile's if left out.
    directions : int
        k; at most 3N.
    localise : bool
        On a FAIL, resolve the block of the molecule or atom that holds it, and walk its worst loop.
    full : bool
        All 3N coordinates: exact but for the differences; evidence then has ``jacobian_map``.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 2k + 8 at any N; 4k - 4 where noise limits (2 directions fewer); 2k + 8 on a rough surface
    (8 fewer), up to 20 more for a FAIL there.  Place: 6 an atom and 4 where one atom or molecule
    explains the elements, else 4 a halving of the molecules; localise: 6 an atom of the last, and
    16; twice what there is an atom and a halving with 4 points.  Full: 6N + 8, or 12N + 8.  Exact:
    10 products, and 16 evaluations where a violation is seen.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, eq. 5.
    """

@overload
def measure_jacobian_asymmetry(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
    localise: bool = False,
    full: bool = False,
) -> list[Measurement]: ...

@overload
def assert_jacobian_asymmetry(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
    localise: bool = False,
    full: bool = False,
) -> Measurement:
    """Raise PhysicsFailure if ``jacobian_asymmetry`` fails at ``profile``; see :func:`measure_jacobian_asymmetry`.
    """

@overload
def assert_jacobian_asymmetry(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
    localise: bool = False,
    full: bool = False,
) -> list[Measurement]: ...

@overload
def measure_kinetic_distribution(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """The kinetic energies of each species follow a gamma distribution at the bath's temperature.

    With the momentum removed, k_i = m_i v_i²/2 / (kT (1 - m_i/M)) of an atom has the gamma
    distribution of shape 3/2, and the kinetic energy K_s of a species the mean n_s kT/2, n_s = 3
    sum of (1 - m_i/M). For each species the mean K_s and the width of k_i over its atoms are
    turned into temperatures; judged is the largest deviation from the bath's, in percent, with
    the interval of :func:`~physcheck.checks.sampling.temperature_deviations.deviation_of`. The
    width grows where atoms of one species differ in temperature, which the mean hides. A global
    bath imposes the total, not that of species and atoms.

    Can't see: heat that flows into all atoms alike; wrong configurations at right velocities.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, %

    Raises
    ------
    CapabilityMissing
        A single atom.
    ModelError, NonFiniteOutput

    Cost: ``evaluations`` for the trajectory, and 60 for confirmation at most.

    Source: Merz, Shirts, PLoS ONE 13, e0202764 (2018); Shirts, J. Chem. Theory Comput. 9, 909
    (2013).
    """

@overload
def measure_kinetic_distribution(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_kinetic_distribution(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``kinetic_distribution`` fails at ``profile``; see :func:`measure_kinetic_distribution`.
    """

@overload
def assert_kinetic_distribution(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_lattice_basis(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Describing the same lattice by other cell vectors changes nothing.

    h' = B h with B integer: periodic axes exchanged in a cycle and one sheared by another, twice at
    random (determinant 1), and two of them exchanged (determinant -1: a left-handed cell, if the
    given one is right-handed); atoms are put inside the new cell. Where some axes aren't periodic,
    the cell's rows and their periodicity in another order, and likewise in a crystal with its third
    axis not periodic, whose cell vector along that axis may have any length; and a cell vector of
    2 Å along each axis that isn't periodic, which means nothing (left out where the model refuses
    it; its words are in ``quantities``). Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: faults of cells more tilted than by one lattice vector.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 15 evaluations; 19 where two axes are periodic, 10 where one is, 7 for molecules.

    Source: periodic boundary conditions.
    """

@overload
def measure_lattice_basis(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_lattice_basis(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``lattice_basis`` fails at ``profile``; see :func:`measure_lattice_basis`.
    """

@overload
def assert_lattice_basis(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_locality(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Moving atoms beyond the declared interaction range changes no force.

    Without periodic axes a copy of the structure stands just beyond ``interaction_range`` (0.5 Å of
    margin) and its atoms are moved by up to 0.3 Å; with them, the cell is repeated along one axis
    until the atoms of its first repeat are beyond the range of those in the middle, and the former
    are moved. Judged is the largest rms change of a component of the forces that must not notice,
    of three such moves.

    Can't see: a dependence on what doesn't change in such a move (number and kinds of atoms:
    ``separated_additivity`` and ``supercell_extensivity`` see that).

    Raises
    ------
    CapabilityMissing
        No range is declared (through ``applies``).
    ModelError, NonFiniteOutput

    Cost: 6 evaluations of a larger system.
    """

@overload
def measure_locality(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_locality(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``locality`` fails at ``profile``; see :func:`measure_locality`.
    """

@overload
def assert_locality(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_loop_work(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pilots: int = 2,
    loops: int = 6,
    rms_displacement: float | None = None,
    atom_radius: float = 0.05,
) -> Measurement:
    """Forces of a potential do no work around a closed loop.

    W is the integral of F.dx over circles x(t) = x0 + a (cos(t + phase) u + sin(t + phase) v) in
    random planes u, v of the n = 3N coordinates.  For a force with Jacobian J, antisymmetric part
    A, W = 2 pi a^2 u.A v, so that W_rms = 2 pi a^2 |A|_F/sqrt(n(n-1)).  Judged is the intensive

        lambda_loop = sqrt(n(n-1)) rms(W) / (2 pi a^2 |J|_F),

    on the scale of ``jacobian_asymmetry``; |J|_F comes from the first harmonic of the same forces.
    The module's docstring says how a is chosen, how truncation is judged and a FAIL confirmed.

    Can't see: work that needs displacements much larger than the amplitude, which is 1e-5 Å among
    kinks (``rms_displacement_A`` in the record), or that is diluted in a large system; a force that
    is the gradient of another energy (force_energy_gap sees that).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the step choice and the confirmation aim at; the md profile's if left out.
    pilots, loops : int
        Loops with 16 points, and with 8 (or half as many with 16).
    rms_displacement : float, Å
        Amplitude of a coordinate; from the model's noise if left out.
    atom_radius : float, Å
        Of the circle of one atom, which is reported and not judged.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 16 pilots + 8 loops + 24, and 16 more for a FAIL.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, eq. 4 and appendix E.
    """

@overload
def measure_loop_work(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pilots: int = 2,
    loops: int = 6,
    rms_displacement: float | None = None,
    atom_radius: float = 0.05,
) -> list[Measurement]: ...

@overload
def assert_loop_work(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pilots: int = 2,
    loops: int = 6,
    rms_displacement: float | None = None,
    atom_radius: float = 0.05,
) -> Measurement:
    """Raise PhysicsFailure if ``loop_work`` fails at ``profile``; see :func:`measure_loop_work`.
    """

@overload
def assert_loop_work(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pilots: int = 2,
    loops: int = 6,
    rms_displacement: float | None = None,
    atom_radius: float = 0.05,
) -> list[Measurement]: ...

@overload
def measure_memory_growth(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
    calls: int = 12,
) -> Measurement:
    """Evaluating again and again takes no more memory.

    ``calls`` evaluations at displaced copies (0.01 Å), after a warm-up of 4, in four blocks; after
    each block the memory that Python objects hold (tracemalloc, numpy arrays included) and the
    resident memory of the process are read. Growth counts if it is there in every block (the lower
    end of the interval is the smallest block's), the value is the median block's: a one-off growth
    of a pool is neither, nor is what the process gives back later.

    Parameters
    ----------
    tolerance : float, kB/evaluation
        For the detection limit; the md profile's if left out.

    Can't see: leaks below a page (4 kB) a block outside Python, memory on a GPU, leaks that a
    garbage collection cures.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 16 evaluations at quick.
    """

@overload
def measure_memory_growth(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
    calls: int = 12,
) -> list[Measurement]: ...

@overload
def assert_memory_growth(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
    calls: int = 12,
) -> Measurement:
    """Raise PhysicsFailure if ``memory_growth`` fails at ``profile``; see :func:`measure_memory_growth`.
    """

@overload
def assert_memory_growth(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
    calls: int = 12,
) -> list[Measurement]: ...

@overload
def measure_minimum_stability(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    steps: int = 80,
    products: int = 33,
    rounds: int = 1,
) -> Measurement:
    """Vibrations about a minimum of a potential neither grow nor decay by themselves.

    gamma = |Im sqrt(omega^2)|, 1/ps, omega^2 the eigenvalues of D = -M^-1/2 J M^-1/2, J = dF/dx at
    a relaxed structure. What is measured and confirmed: see the module.

    Can't see: weak non-gradient forces between modes of different frequency (the rule in small
    stiff molecules: their eigenvalues stay real; jacobian_asymmetry sees them), and in large
    systems pairs amid the spectrum.

    Parameters
    ----------
    tolerance : float, 1/ps
        What is confirmed; the md profile's if left out.
    steps, products : int
        Evaluations of all relaxations; directions along which D is measured.
    rounds : int
        How often D is measured, where it finds a saddle. From 2 on the last place is judged, a
        minimum or not: the eigenvalues are real wherever there is a potential.

    Raises
    ------
    CapabilityMissing: a single atom.
    ModelError, NonFiniteOutput

    Cost: at most steps + 2 rounds (products + 12) + 8, 178 by default; about 100 for a molecule of
    9 atoms.

    Source: Goldstein, Classical Mechanics, chapter on small oscillations; Saad, Numerical Methods
    for Large Eigenvalue Problems, chapter 6.
    """

@overload
def measure_minimum_stability(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    steps: int = 80,
    products: int = 33,
    rounds: int = 1,
) -> list[Measurement]: ...

@overload
def assert_minimum_stability(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    steps: int = 80,
    products: int = 33,
    rounds: int = 1,
) -> Measurement:
    """Raise PhysicsFailure if ``minimum_stability`` fails at ``profile``; see :func:`measure_minimum_stability`.
    """

@overload
def assert_minimum_stability(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    steps: int = 80,
    products: int = 33,
    rounds: int = 1,
) -> list[Measurement]: ...

@overload
def measure_mode_agreement(
    model: AnyModel,
    start: AnyStructure,
    *,
    reference: AnyModel,
    rng: AnySeed = None,
    tolerance: float | None = None,
    places: int = 8,
    copies: int = 4,
) -> Measurement:
    """Two modes of one set of weights give the same answers.

    ``sqrt(<|F_a - F_b|²> / <|F_a|²>)`` over ``places`` configurations (0.05 Å from the structure),
    without what is rounding: each is asked at ``copies`` of it that are moved by up to 5 Å as a
    whole and by 0.01 Å an atom, which rounds anew.  What differs from copy to copy is noise, and
    what is the same in all of them is judged.  Energies an atom count as forces over 1 Å, so does
    V stress an atom; where both modes have exact Jacobian products, J v is compared over its own
    size at two configurations.  The largest is judged; an output whose noise hides the tolerance
    passes nothing, and is named.

    Modes are two specs that differ by ``mode=`` (``--physcheck-modes=A,B``), or a reference with
    the same hash of its weights and the same declared settings.  Each mode's own laws are the other
    records': of the model, and beside them of the reference.

    Can't see: which of the two is right; what only a first call does (``history_independence``);
    other sizes, batches and devices than the run's.

    Raises
    ------
    CapabilityMissing
        The two aren't modes of one set of weights.
    ModelError, NonFiniteOutput

    Cost: 24 evaluations at quick, 64 at standard, 256 at full, of both modes together; where J v is
    compared 12 to 16 products more.
    """

@overload
def measure_mode_agreement(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    reference: AnyModel,
    rng: AnySeed = None,
    tolerance: float | None = None,
    places: int = 8,
    copies: int = 4,
) -> list[Measurement]: ...

@overload
def assert_mode_agreement(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    reference: AnyModel,
    rng: AnySeed = None,
    tolerance: float | None = None,
    places: int = 8,
    copies: int = 4,
) -> Measurement:
    """Raise PhysicsFailure if ``mode_agreement`` fails at ``profile``; see :func:`measure_mode_agreement`.
    """

@overload
def assert_mode_agreement(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    reference: AnyModel,
    rng: AnySeed = None,
    tolerance: float | None = None,
    places: int = 8,
    copies: int = 4,
) -> list[Measurement]: ...

@overload
def measure_mts_tandem(
    model: AnyModel,
    start: AnyStructure,
    *,
    reference: AnyModel,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    strides: tuple[int, ...] = (2, 4, 6, 8, 12, 16),
    replicas: int = 8,
    steps: int = 192,
    equilibration_steps: int = 96,
    sampling_steps: int = 480,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """A fast model corrected by a conservative one every M steps conserves the latter's energy.

    d(E_reference + K)/dt per atom, eV/atom/ps, at the recommended stride M: see the module.

    Can't see: a drift below the table's limit, resonances of other structures and temperatures.

    Parameters
    ----------
    model, reference : Model
        The fast one, and the conservative one with energy.
    strides : tuple of int
        M, ascending.
    replicas, steps, equilibration_steps, sampling_steps : int
        Inner steps; the reference alone runs a quarter of ``steps``, the model alone under the bath
        half of ``sampling_steps``.
    timestep_fs : float
        The inner one; from the reference's stiffest mode if left out, 0.5 fs for O-H.

    Raises
    ------
    CapabilityMissing: a reference without energy or with other species, a single atom.
    ValueError: no strides, less than 48 steps, or less than ten times the first stride.
    ModelError, NonFiniteOutput

    Cost: at most 22,560 evaluations of both together; a stride that isn't tried saves some 1,700.

    Source: arXiv 2412.11569, sec. 5; Tuckerman, Berne, Martyna, J. Chem. Phys. 97, 1990 (1992).
    """

@overload
def measure_mts_tandem(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    reference: AnyModel,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    strides: tuple[int, ...] = (2, 4, 6, 8, 12, 16),
    replicas: int = 8,
    steps: int = 192,
    equilibration_steps: int = 96,
    sampling_steps: int = 480,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_mts_tandem(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    reference: AnyModel,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    strides: tuple[int, ...] = (2, 4, 6, 8, 12, 16),
    replicas: int = 8,
    steps: int = 192,
    equilibration_steps: int = 96,
    sampling_steps: int = 480,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``mts_tandem`` fails at ``profile``; see :func:`measure_mts_tandem`.
    """

@overload
def assert_mts_tandem(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    reference: AnyModel,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    strides: tuple[int, ...] = (2, 4, 6, 8, 12, 16),
    replicas: int = 8,
    steps: int = 192,
    equilibration_steps: int = 96,
    sampling_steps: int = 480,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_net_force(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces add up to zero.

    Judged is the rms component of the least change of the forces that makes it so, |sum_i
    F_i|/(sqrt(3) N): the force on every atom that accelerates the whole. The larger one of two
    thermally displaced copies of ``start`` (0.03 Å), each the mean of three jittered ones (1e-4 Å).

    Can't see: what cancels in the sum; a model that subtracts its net force passes rightly.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: Newton's third law, momentum conservation.
    """

@overload
def measure_net_force(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_net_force(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``net_force`` fails at ``profile``; see :func:`measure_net_force`.
    """

@overload
def assert_net_force(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_net_torque(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces on an isolated body have no torque about its centre.

    Judged is the rms component of the least change of the forces that makes it so, w × (r_i - c)
    with I w = sum_i (r_i - c) × F_i and I the inertia tensor of unit masses; two thermal copies as
    in :func:`measure_net_force`. A practice, as ``rotation_equivariance``, of which it is the
    infinitesimal form where the forces have an energy.

    Can't see: a torque about the axis of a linear molecule.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 6 evaluations.

    Source: angular momentum conservation.
    """

@overload
def measure_net_torque(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_net_torque(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``net_torque`` fails at ``profile``; see :func:`measure_net_torque`.
    """

@overload
def assert_net_torque(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_nph_drift(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 6,
    steps: int = 36,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
) -> Measurement:
    """The enthalpy of a system under constant pressure neither rises nor falls for good.

    d(E + K + P V + K_piston)/dt per atom, eV/atom/ps, with a cell whose lengths Andersen's
    piston scales alike; in kelvin a third of it over kB. How it is measured: see the module.

    Can't see: wrong shear stresses and a wrong anisotropy (stress_energy_gap, strain_loop_work);
    a constant pressure added to the stress; a drift slower than its interval.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, eV/atom/ps
        At what a drift is called before the last look; the md profile's if left out.
    replicas, steps, control_steps : int
        Fine runs, and the length of the coarse ones, which have half as many replicas.
    temperature_K, timestep_fs : float
        As ``measure_nve_drift`` takes them; the piston has its share of the heat.
    gradient : GradientForces
        What follows from it and from the stress at the same places is measured.

    Raises
    ------
    CapabilityMissing: no energy or stress, not fully periodic, or a single atom.
    ValueError: less than 2 replicas or 9 steps; a temperature or timestep that isn't positive.
    ModelError, NonFiniteOutput

    Cost: at most 27 + replicas (steps + 11) + replicas/2 (control_steps + 11), 402 by default, and
    146 for the evidence of no potential, or 102 with ``gradient``.

    Source: Andersen, J. Chem. Phys. 72, 2384 (1980); Skeel, Hardy, SIAM J. Sci. Comput. 23, 1172
    (2001).
    """

@overload
def measure_nph_drift(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 6,
    steps: int = 36,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
) -> list[Measurement]: ...

@overload
def assert_nph_drift(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 6,
    steps: int = 36,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``nph_drift`` fails at ``profile``; see :func:`measure_nph_drift`.
    """

@overload
def assert_nph_drift(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 6,
    steps: int = 36,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
) -> list[Measurement]: ...

@overload
def measure_numerical_noise(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> Measurement:
    """Reports the noise that all other comparisons are judged against.

    The standard deviation of a force component, by difference tables on two short lines, history
    included (see :func:`physcheck.resolution.measure_resolution`). Energy noise, stiffness and the
    rms force are in ``quantities``.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: none where the structure's resolution is known, else 16 to 24 evaluations.

    Source: Moré and Wild, SIAM J. Sci. Comput. 33, 1292 (2011).
    """

@overload
def measure_numerical_noise(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> list[Measurement]: ...

@overload
def assert_numerical_noise(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``numerical_noise`` fails at ``profile``; see :func:`measure_numerical_noise`.
    """

@overload
def assert_numerical_noise(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> list[Measurement]: ...

@overload
def measure_nve_drift(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 48,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
    rounding: RoundingWork | None = None,
) -> Measurement:
    """The energy of a system on its own neither rises nor falls for good.

    P = d(E + K)/dt per atom, eV/atom/ps, of velocity Verlet at constant energy; in kelvin P/(3 kB),
    as half of the heat goes to potential energy. How it is measured: see the module.

    Can't see: a drift slower than its interval (the evidence names the length that would resolve
    the tolerance); heating in other regions than those visited; forces whose work happens to cancel
    (loop_work and jacobian_asymmetry see them at a fraction of the cost).

    Parameters
    ----------
    tolerance : float, eV/atom/ps
        At what a drift is called before the last look; the md profile's if left out.
    replicas, steps, control_steps : int
        Fine runs, and the length of the coarse ones, which have half as many replicas.
    temperature_K, timestep_fs : float
        Velocities are drawn at twice the temperature, since half goes to potential energy; the
        longer of the two timesteps, from the stiffest mode (a few probes) if left out.
    gradient : GradientForces
        What follows from it is measured.
    rounding : RoundingWork
        Where ``gradient`` is of the model's float64 twin: what this model's rounding adds.

    Raises
    ------
    CapabilityMissing
        No energy (K less the work of the forces is an identity for any force), or a single atom.
    ValueError
        Less than 2 replicas or 9 steps; a temperature or timestep that isn't positive.
    ModelError, NonFiniteOutput

    Cost: at most 18 + replicas (steps + 11) + replicas/2 (control_steps + 11), 598 by default, and
    60 for the evidence of no potential; 0.01 eV/atom/ps is called within 128 evaluations.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, fig. 3; Engle, Skeel, Drees, J. Comput. Phys.
    206 (2005).
    """

@overload
def measure_nve_drift(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 48,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
    rounding: RoundingWork | None = None,
) -> list[Measurement]: ...

@overload
def assert_nve_drift(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 48,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
    rounding: RoundingWork | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``nve_drift`` fails at ``profile``; see :func:`measure_nve_drift`.
    """

@overload
def assert_nve_drift(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 48,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
    rounding: RoundingWork | None = None,
) -> list[Measurement]: ...

@overload
def measure_outputs_agree(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> Measurement:
    """Outputs that say the same thing say the same.

    At a thermally displaced copy (0.03 Å), where a model gives them:

        sum of energies = energy (or free_energy)           0 <= energy - free_energy <= 0.6 eV/atom
        virial = -V stress = sum of virials                 stress = sum (or mean) of stresses
        sum of charges = info["charge"] or 0                energies of two copies = twice energies

    Energies and charges are one number an atom (those of a committee count as wrong altogether).
    The dipole of a neutral molecule doesn't change when all atoms are moved together, and if it is
    a multiple of that of the charges, it is once that. The stress that is given where one axis
    isn't periodic is what the energy does under a strain along the others
    (:mod:`physcheck.checks.implementation.slab_stress`). Judged is the largest difference, divided
    by the number of atoms. What else the dipole differs from that of the charges by is a quantity,
    since atoms may have dipoles of their own.

    Can't see: outputs under names that ASE doesn't have; which one of two outputs is wrong.

    Parameters
    ----------
    tolerance : float, eV
        For the detection limit; the md profile's if left out.

    Raises
    ------
    CapabilityMissing
        The model gives no output that another one must agree with.
    ModelError

    Cost: 1 evaluation; 1 more, of twice the size, for energies of atoms, 1 for a dipole, and 5 for
    a stress of what is partly periodic.
    """

@overload
def measure_outputs_agree(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_outputs_agree(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``outputs_agree`` fails at ``profile``; see :func:`measure_outputs_agree`.
    """

@overload
def assert_outputs_agree(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_path_smoothness(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 2,
) -> Measurement:
    """Forces along a smooth path are smooth enough for an integrator.

    All atoms go round circles at thermal speed (300 K), in 24 points a circle, two a timestep (0.5
    fs with hydrogen, 1 fs from carbon on), each about another place 0.05 Å aside. From the last
    harmonics of F.v follows the heat that velocity Verlet makes of kinks and jumps,

        P = d<W²>/dt / (2 N kB T),  d<W²>/dt = sum over j != 0 of S(j/dt),

    the mean over the circles, eV/atom/ps; in kelvin P/(3 kB). See the module for the derivation.

    One circle alone is never called FAIL, since it can't tell a rare kink from many.

    Can't see: kinks that fewer than one circle in ``loops`` meets (``cutoff_smoothness`` looks for
    jumps at cutoffs); heat at another timestep (of kinks it grows as its fourth power).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 24 evaluations a circle.

    Source: Hairer, Lubich, Wanner, Geometric Numerical Integration, 2nd ed., section IX; Toxvaerd,
    Dyre, J. Chem. Phys. 134, 081102 (2011), on forces that jump at a cutoff; Bochkov, Kuzovlev,
    Sov. Phys. JETP 45, 125 (1977).
    """

@overload
def measure_path_smoothness(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 2,
) -> list[Measurement]: ...

@overload
def assert_path_smoothness(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 2,
) -> Measurement:
    """Raise PhysicsFailure if ``path_smoothness`` fails at ``profile``; see :func:`measure_path_smoothness`.
    """

@overload
def assert_path_smoothness(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 2,
) -> list[Measurement]: ...

@overload
def measure_periodic_wrap(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Replacing atoms by their periodic images changes nothing.

    F(x + n h) = F(x) for integer n of each atom's own, random up to 3 cells along the periodic
    axes. Likewise for all atoms inside the cell (a crystal's atoms on its faces are outside once
    they are displaced), and for the structure moved so that an atom is at the corner of the cell,
    with coordinates of 0, -0, -4e-52 and -1e-16 Å, and at the opposite corner, exactly and one
    rounding below: such an atom must not fall between two cells.
    Measured as in :func:`physcheck.measure_translation_invariance`.

    Can't see: faults that need an atom farther away than 3 cells.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 24 evaluations.

    Source: periodic boundary conditions.
    """

@overload
def measure_periodic_wrap(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_periodic_wrap(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``periodic_wrap`` fails at ``profile``; see :func:`measure_periodic_wrap`.
    """

@overload
def assert_periodic_wrap(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_permutation_equivariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Listing the same atoms in another order changes no atom's force.

    F_k(P x) = F_P(k)(x) for two random orders P, species and per-atom arrays with them, that begin
    with other species than the structure does, where it has any: the first atom is what padding and
    tables of parameters are mistaken for. Measured as in :func:`measure_translation_invariance`.

    Can't see: ties that only a perfect crystal has (the structure is thermally displaced).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: identical particles.
    """

@overload
def measure_permutation_equivariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_permutation_equivariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``permutation_equivariance`` fails at ``profile``; see :func:`measure_permutation_equivariance`.
    """

@overload
def assert_permutation_equivariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_pressure_consistency(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """The mean virial pressure of a simulation is the mean of -dE/dV over its configurations.

    At 16 snapshots of the trajectory ``p = -tr(stress)/3`` is held against ``-(1/(3V)) dE/de`` with
    all lengths scaled by 1 + e, fractional positions fixed; the derivative is from central
    differences at two strains (Richardson). Judged is the mean difference. Its error comes from
    the scatter over snapshots (Student's t), which includes the noise of the energies, and from
    what the step may leave. The ideal part of the pressure, N kT/V, is the same on both sides.

    Can't see: shear stresses (stress_energy_gap), a constant in the energy.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, GPa

    Raises
    ------
    CapabilityMissing
        No energy, no stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, and 80.

    Source: Louwerse, Baerends, Chem. Phys. Lett. 421, 138 (2006).
    """

@overload
def measure_pressure_consistency(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_pressure_consistency(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``pressure_consistency`` fails at ``profile``; see :func:`measure_pressure_consistency`.
    """

@overload
def assert_pressure_consistency(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_reference_error(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    frames: int = 12,
) -> Measurement:
    """How far the model is from the energies and forces that its structure file gives.

    ``sqrt(mean |F - F_file|²)`` over components, atoms and frames, eV/Å.  Among the ``quantities``:
    the same of energies per atom, of which only differences within a composition count, since an
    energy's zero is a convention: ``sqrt(sum((e - <e>)²) / (n - groups))`` with
    ``e = (E - E_file) / N``, meV/atom; the rms force of the file, and how the two forces are
    correlated.

    Frames are taken evenly from the file's labelled ones.  Those that the model refuses are counted
    in ``refused``.

    Can't see: which of the two is right.  It is a figure, not a law: no tolerance.

    Parameters
    ----------
    frames : int
        The most frames that are evaluated.

    Raises
    ------
    ModelError
        The model refuses every frame.
    NonFiniteOutput
        It gives NaN at one.

    Cost: one evaluation a frame.
    """

@overload
def measure_reference_error(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    frames: int = 12,
) -> list[Measurement]: ...

@overload
def assert_reference_error(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    frames: int = 12,
) -> Measurement:
    """Raise PhysicsFailure if ``reference_error`` fails at ``profile``; see :func:`measure_reference_error`.
    """

@overload
def assert_reference_error(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    frames: int = 12,
) -> list[Measurement]: ...

@overload
def measure_relaxation_convergence(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    rattles: tuple[float, ...] = (0.1,),
    optimisers: tuple[str, ...] = ('LBFGS', 'FIRE'),
    evaluations: int = 120,
) -> Measurement:
    """Downhill along the forces of a potential there is an end.

    fmax = max_i |F_i|, eV/Å, that the best of ASE's optimisers reached, for the start where that is
    largest. How a stall is told from a fault: see the module.

    Can't see: non-gradient forces that still have a zero nearby, which is common for weak ones in
    stiff crystals (jacobian_asymmetry sees them).

    Parameters
    ----------
    tolerance : float, eV/Å
        Where runs may stop; the md profile's if left out.
    rattles : tuple of float, Å
        One start each: the largest move of an atom, less where its neighbours leave no room.
    optimisers : tuple of str
        Of :data:`physcheck.relaxation.OPTIMISERS`; those that search lines are left out where there
        is no energy.
    evaluations : int
        For all runs together; what one leaves goes to the next.

    Raises
    ------
    CapabilityMissing: a single atom. ValueError: no start, or no optimiser that can run.
    ModelError, NonFiniteOutput

    Cost: at most evaluations + 16 a start, 136 by default.

    Source: arXiv 2412.11569, section on geometry optimisation; the optimisers are ASE's.
    """

@overload
def measure_relaxation_convergence(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    rattles: tuple[float, ...] = (0.1,),
    optimisers: tuple[str, ...] = ('LBFGS', 'FIRE'),
    evaluations: int = 120,
) -> list[Measurement]: ...

@overload
def assert_relaxation_convergence(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    rattles: tuple[float, ...] = (0.1,),
    optimisers: tuple[str, ...] = ('LBFGS', 'FIRE'),
    evaluations: int = 120,
) -> Measurement:
    """Raise PhysicsFailure if ``relaxation_convergence`` fails at ``profile``; see :func:`measure_relaxation_convergence`.
    """

@overload
def assert_relaxation_convergence(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    rattles: tuple[float, ...] = (0.1,),
    optimisers: tuple[str, ...] = ('LBFGS', 'FIRE'),
    evaluations: int = 120,
) -> list[Measurement]: ...

@overload
def measure_relaxation_descent(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    rattle: float = 0.1,
    steps: int = 24,
    pieces: int = 32,
) -> Measurement:
    """The energy that a relaxation releases is the work of the forces on its way.

        gap = |E(end) - E(start) + integral of F.dx| / sum over the steps of |integral of F.dx|

    One of ASE's optimisers relaxes a rattled start; the integral runs over the polygon through the
    places it evaluated, where the forces are known already. The pieces with the largest errors are
    halved until all errors are a tenth of the tolerance (Simpson's rule, held against the rule on
    half the points, without credit for its order: kinks have none). The path need not end in a
    minimum. Judged is its end, or the place on its way where the gap is largest, if it is certain
    there.

    Can't see: a lack of conservation that shows on curved ways only (loop_work does: downhill the
    way is nearly straight), nor gaps that cancel over the way (force_energy_gap has them locally).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the integral's error aims at; the md profile's if left out.
    optimiser : one of physcheck.relaxation.OPTIMISERS
    rattle : float, Å
        Largest move of an atom before.
    steps, pieces : int
        Evaluations of the relaxation, and of the integral before it is confirmed.

    Raises
    ------
    CapabilityMissing
        No energy, or a single atom.
    ModelError, NonFiniteOutput

    Cost: at most steps + pieces, 56 by default; half of the pieces again to confirm a FAIL.

    Source: the line integral is that of force_energy_gap, after the OpenKIM verification check of
    forces.
    """

@overload
def measure_relaxation_descent(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    rattle: float = 0.1,
    steps: int = 24,
    pieces: int = 32,
) -> list[Measurement]: ...

@overload
def assert_relaxation_descent(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    rattle: float = 0.1,
    steps: int = 24,
    pieces: int = 32,
) -> Measurement:
    """Raise PhysicsFailure if ``relaxation_descent`` fails at ``profile``; see :func:`measure_relaxation_descent`.
    """

@overload
def assert_relaxation_descent(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    optimiser: str = 'LBFGS',
    rattle: float = 0.1,
    steps: int = 24,
    pieces: int = 32,
) -> list[Measurement]: ...

@overload
def measure_responsiveness(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> Measurement:
    """Forces respond to where the atoms are.

    The atoms are moved at random by 0.02 and 0.1 Å (rms of a coordinate), and all distances are
    compressed by 10 %. The value is 1 if no move changes the forces by more than ten times their
    noise, else 0; that is inconclusive where the noise is above 1e-4 eV/Å. It is 1, too, if the
    forces on all atoms of a species are exactly zero after each move although one of them has a
    neighbour within twice the sum of covalent radii; or if two
    atoms of a species that the model says it supports and the structure lacks (four are tried) have
    no forces at all at 0.8 and at 1 sum of covalent radii.

    Can't see: forces that respond to some atoms only (``jacobian_asymmetry`` and ``locality`` look
    there).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 4 evaluations; 2 for each of at most 4 species that the model supports besides.

    Source: the definition of a force field.
    """

@overload
def measure_responsiveness(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> list[Measurement]: ...

@overload
def assert_responsiveness(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``responsiveness`` fails at ``profile``; see :func:`measure_responsiveness`.
    """

@overload
def assert_responsiveness(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
) -> list[Measurement]: ...

@overload
def measure_rotation_equivariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces turn with the atoms and the cell; energy stays.

    F(x Q^T) = F(x) Q^T for two random rotations Q, uniform over SO(3), cell and stress turned too.
    Measured as in :func:`measure_translation_invariance` and divided by the rms force component (at
    rest, and of thermal displacements of 0.05 Å).

    Can't see: directions that both rotations keep; per-atom vectors of ``start.arrays`` (magnetic
    moments) are not turned.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569 (a practice, since learnable and harmless).
    """

@overload
def measure_rotation_equivariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_rotation_equivariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``rotation_equivariance`` fails at ``profile``; see :func:`measure_rotation_equivariance`.
    """

@overload
def assert_rotation_equivariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_separated_additivity(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Forces in two fragments far apart are those of each alone, and their energies add up.

    F(A + B) = (F(A), F(B)) and E(A + B) = E(A) + E(B), A and B two thermally displaced copies of
    ``start`` with 60 Å between them, or just more than the declared ``interaction_range``; and
    pairs of like atoms, alone and with one atom of every other species far away
    (:mod:`physcheck.checks.symmetry.unlike_fragments`); and an atom far away brings the same energy
    along beside ``start`` and beside another one of its kind
    (:mod:`physcheck.checks.symmetry.atom_far_away`). Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: a coupling of larger unlike molecules; a constant added to the energy, which has no
    effect on physics and is reported.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations, a third of them of twice the size; 3 more where energies disagree; 2 for
    each of at most 4 species; 4 or 7 for atoms far away.

    Source: size consistency; for closed shells without charge.
    """

@overload
def measure_separated_additivity(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_separated_additivity(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``separated_additivity`` fails at ``profile``; see :func:`measure_separated_additivity`.
    """

@overload
def assert_separated_additivity(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_short_range_repulsion(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pairs: int = 6,
    points: int = 6,
) -> Measurement:
    """Atoms nearer than any bond repel each other.

    Dimers of the structure's species are brought from 1.4 to 0.4 of the sum of covalent radii.
    Where they attract within 0.7 there is a hole; its barrier is the work of the repulsion -F_1.e
    (e from atom 1 to 2) from the minimum to the highest place before it, by a monotone spline.
    Judged is 20 eV less the lowest barrier, 0 where there is no hole. Reported, not judged: whether
    the energy rises as the structure itself is shrunk until its nearest pair is at 0.8 ... 0.6 (a
    soft core may give way there by design).

    Can't see: holes between the points, or of three bodies; pairs beyond ``pairs``; a dimer that
    the model refuses (it raises) is left out and named.

    Parameters
    ----------
    pairs, points : int
        Pairs of species at most, and distances of each where they overlap.

    Raises
    ------
    CapabilityMissing
        The model takes no dimer of the structure's species, nor the structure compressed.
    ModelError, NonFiniteOutput

    Cost: 10 evaluations a pair and 5.

    Source: Pauli repulsion; holes of learned potentials are why ZBL baselines are added (Ziegler,
    Biersack, Littmark 1985).
    """

@overload
def measure_short_range_repulsion(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pairs: int = 6,
    points: int = 6,
) -> list[Measurement]: ...

@overload
def assert_short_range_repulsion(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pairs: int = 6,
    points: int = 6,
) -> Measurement:
    """Raise PhysicsFailure if ``short_range_repulsion`` fails at ``profile``; see :func:`measure_short_range_repulsion`.
    """

@overload
def assert_short_range_repulsion(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pairs: int = 6,
    points: int = 6,
) -> list[Measurement]: ...

@overload
def measure_size_consistency(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    sizes: int = 2,
    directions: int = 16,
) -> Measurement:
    """A law that holds in a small cell holds in its supercells: lambda doesn't grow with size.

        growth = lambda(largest) - lambda(smallest),

    lambda as in :func:`physcheck.measure_jacobian_asymmetry`.  The low end of its interval is the
    low end of the larger less the high end of the smaller.  Evidence has lambda, the net force an
    atom and the energy an atom of each size, and the exponent a of lambda ~ N^a with its error; the
    heat an atom goes as lambda^2.

    Can't see: what grows beyond the largest cell (8 times as many atoms, at most 2,000); a growth
    of less than some factor 5, which is within the intervals of a lambda from 16 directions.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic
    tolerance : float, dimensionless
        Of lambda; the md profile's if left out.
    sizes : int
        Cells that are measured, from the structure itself to the largest.
    directions : int
        Of each.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: for each size 2 directions + 9, at most 4 directions + 21; 16 for the noise of each but
    the first (at most 39).

    Source: extensivity; direct models are reported to hold in small structures and to run away in
    large ones.
    """

@overload
def measure_size_consistency(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    sizes: int = 2,
    directions: int = 16,
) -> list[Measurement]: ...

@overload
def assert_size_consistency(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    sizes: int = 2,
    directions: int = 16,
) -> Measurement:
    """Raise PhysicsFailure if ``size_consistency`` fails at ``profile``; see :func:`measure_size_consistency`.
    """

@overload
def assert_size_consistency(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    sizes: int = 2,
    directions: int = 16,
) -> list[Measurement]: ...

@overload
def measure_species_heat(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 3,
    steps: int = 12,
    every: int = 4,
    temperature_K: float = 300.0,
) -> Measurement:
    """In motion the forces do no net work on any species beyond what the energy gives up.

    P_s = <(F + dE/dx)_s . v_s> per atom of the species, eV/atom/ps; the largest |P_s| is judged.
    How it is measured: see the module.

    Can't see: forces that feed no species on average (loop_work and jacobian_asymmetry see them);
    a power slower than its interval. It doesn't predict temperatures: heat put into H can make O
    hot where molecules are pushed as a whole.

    Parameters
    ----------
    tolerance : float, eV/atom/ps
        Above what the absence of a potential is looked for; the md profile's if left out.
    replicas, steps, every : int
        Runs, their steps, and steps from one moment that is looked at to the next.
    temperature_K : float
        Velocities are drawn at twice that, as half goes to potential energy.

    Raises
    ------
    CapabilityMissing
        No energy, a single species, or two atoms.
    ValueError
        Less than 2 replicas, or steps than ``every``, or that less than 1; a temperature that
        isn't positive.
    ModelError, NonFiniteOutput

    Cost: at most 18 + replicas (steps + 1) + replicas steps (1 + 2 species)/every, and 60 for the
    proof: 102 by default for two species.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3, whose temperatures of species this
    explains; the estimate is physcheck's own.
    """

@overload
def measure_species_heat(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 3,
    steps: int = 12,
    every: int = 4,
    temperature_K: float = 300.0,
) -> list[Measurement]: ...

@overload
def assert_species_heat(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 3,
    steps: int = 12,
    every: int = 4,
    temperature_K: float = 300.0,
) -> Measurement:
    """Raise PhysicsFailure if ``species_heat`` fails at ``profile``; see :func:`measure_species_heat`.
    """

@overload
def assert_species_heat(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 3,
    steps: int = 12,
    every: int = 4,
    temperature_K: float = 300.0,
) -> list[Measurement]: ...

@overload
def measure_strain_loop_work(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 4,
) -> Measurement:
    """Forces and stress of a potential do no work around a closed loop of strain and positions.

    With columns of the cell h(t) = (1 + e(t)) h0, L = e'(1 + e)^-1 and fractional positions s(t),

        W = closed integral of [sum_i F_i.(h s_i') - V(t) sigma(t):L] dt = 0.

    Judged is rms(W) over the reversible work (4 times the second harmonic of the integrand),
    dimensionless, of the order of 1 for a stress of wrong sign.  The module's docstring says what
    the loops are and how a FAIL is confirmed.

    Can't see: a constant pressure added to the stress (its work is exact); forces alone
    (loop_work); that the energy depends on the cell's orientation (rotation_equivariance); work
    that needs strains much larger than ``strain_radius`` in the record, 1e-5 among kinks.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, dimensionless
        What the amplitude and the confirmation aim at; the md profile's if left out.
    loops : int

    Raises
    ------
    CapabilityMissing
        No stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: 6 + 16 x loops evaluations, 16 more for a FAIL.

    Source: the first law for a deforming cell; signs and the velocity gradient as in Parrinello and
    Rahman, J. Appl. Phys. 52, 7182 (1981).
    """

@overload
def measure_strain_loop_work(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 4,
) -> list[Measurement]: ...

@overload
def assert_strain_loop_work(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 4,
) -> Measurement:
    """Raise PhysicsFailure if ``strain_loop_work`` fails at ``profile``; see :func:`measure_strain_loop_work`.
    """

@overload
def assert_strain_loop_work(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 4,
) -> list[Measurement]: ...

@overload
def measure_stress_energy_gap(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Stress is the derivative of the energy with respect to strain: sigma = (1/V) dE/d(strain).

    With orthonormal symmetric strains S (a random frame of all six), at fixed fractional positions,

        g_S = (E(+e) - E(-e))/(2 e V) - [w(-e) + 4 w(0) + w(+e)]/(6 V),  w = V' sigma:S(1 + e S)^-1.

    The six give the whole symmetric part of the gap; the antisymmetric part of the stress itself is
    added: gap = |Delta|_F/3, the rms over 9 components, in GPa.  The module's docstring says how
    the length e is chosen and how a FAIL is confirmed.

    Can't see: a constant added to the energy; anything where the model gives no energy
    (strain_loop_work).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, GPa
        What the length and the confirmation aim at; the md profile's if left out.

    Raises
    ------
    CapabilityMissing
        No energy, no stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: 27 evaluations, 8 more where the surface is rough, 2 more for a FAIL.

    Source: Knuth et al., Comput. Phys. Commun. 190, 33 (2015), for the definition; OpenKIM.
    """

@overload
def measure_stress_energy_gap(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_stress_energy_gap(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``stress_energy_gap`` fails at ``profile``; see :func:`measure_stress_energy_gap`.
    """

@overload
def assert_stress_energy_gap(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_supercell_extensivity(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """A cell repeated twice has the same forces and stress, and twice the energy.

    The cell is doubled along its shortest periodic axis, then along the next one. Likewise, for
    crystals, a cell of one atom, smaller than any cutoff
    (:mod:`physcheck.checks.symmetry.one_atom_cells`). Measured as in
    :func:`physcheck.measure_translation_invariance`.

    Can't see: an energy that leaves being proportional to size only beyond twice the cell; a
    constant added to the energy, which has no effect on physics and is reported (three times the
    cell tells it).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations (6 with one periodic axis), of cells of twice the size; for crystals 3 more
    of up to three atoms; 3 more where energies disagree.

    Source: extensivity; for cells in the ground state, without charge or open shells.
    """

@overload
def measure_supercell_extensivity(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_supercell_extensivity(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``supercell_extensivity`` fails at ``profile``; see :func:`measure_supercell_extensivity`.
    """

@overload
def assert_supercell_extensivity(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_thermostat_heat(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """A system at a constant temperature neither takes heat from its bath nor gives any for good.

    With an energy: the drift of ``E + K - heat``, by the shadow energy exact to dt^4; judged is the
    mean slope over the replicas, its error from their spread (Student's t). Where the energy isn't
    the one whose gradient the forces are, it wanders and the replicas scatter, but there is no
    drift.

    Without an energy: the heat that the bath took in the run. Of it 0.13 eV/atom may come from a
    structure that relaxes, and isn't called a violation.

    Can't see: work that is done on one species and taken from another (equipartition). nve_drift is
    finer at the same cost; this one sees what happens at a temperature that holds.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, eV/atom/ps

    Raises
    ------
    CapabilityMissing
        A single atom.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, nothing more.

    Source: Bussi, Donadio, Parrinello, J. Chem. Phys. 126, 014101 (2007), eq. 15 (conserved
    quantity); Engle, Skeel, Drees, J. Comput. Phys. 206, 432 (2005) (shadow energy).
    """

@overload
def measure_thermostat_heat(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_thermostat_heat(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``thermostat_heat`` fails at ``profile``; see :func:`measure_thermostat_heat`.
    """

@overload
def assert_thermostat_heat(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_thread_safety(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Calls from several threads give what they give one after the other.

    Four displaced copies (0.03 Å) are evaluated one by one, then twice by four threads at once,
    with the interpreter switching between threads often. Judged is the largest rms difference of
    the forces. An exception in a thread only is a failure, its value infinite.

    Can't see: races rarer than one in eight calls.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 12 evaluations.
    """

@overload
def measure_thread_safety(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_thread_safety(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``thread_safety`` fails at ``profile``; see :func:`measure_thread_safety`.
    """

@overload
def assert_thread_safety(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_timestep_convergence(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 10,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Half the timestep leaves a quarter of the energy's fluctuation.

    Each replica runs twice from the same start, with dt and with dt/2 over the same time (velocity
    Verlet). With s the rms of E + K about its straight line, at the same moments, the order is p =
    log2(s(dt)/s(dt/2)); judged is the shortfall max(0, 2 - p). Both runs follow the same path, so
    that p hardly depends on which. The variance of the energy's noise (a difference table along the
    run, or the structure's resolution) is taken off; where it is what fluctuates, the check is
    inconclusive.

    Can't see: slow drifts (nve_drift), faults smaller than the integrator's own fluctuation
    (force_energy_gap).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        For the detection limit; the md profile's if left out.
    replicas, steps : int
        Steps of the longer timestep.
    temperature_K : float
        Velocities are drawn at twice that, since half goes to potential energy.
    timestep_fs : float
        The longer timestep; from the stiffest mode (a few probes) if left out.

    Raises
    ------
    CapabilityMissing
        No energy, or a single atom.
    ModelError, NonFiniteOutput

    Cost: at most 18 + replicas (3 steps + 2); 274 by default.

    Source: Hairer, Lubich, Wanner, Acta Numerica 12, 399 (2003).
    """

@overload
def measure_timestep_convergence(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 10,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_timestep_convergence(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 10,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``timestep_convergence`` fails at ``profile``; see :func:`measure_timestep_convergence`.
    """

@overload
def assert_timestep_convergence(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 10,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> list[Measurement]: ...

@overload
def measure_translation_invariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Moving all atoms together by a vector changes neither forces nor energy nor stress.

    F(x + t) = F(x) for a random t of 1 Å and of 10 Å, at a thermally displaced copy of ``start``
    (0.03 Å). Three jittered copies (1e-4 Å and 1e-4 of strain) are compared each with its own
    transformed copy: the mean difference is judged, its spread and the rounding of positions at the
    new place are its noise. Judged is the largest rms component of the difference in forces (eV/Å);
    an energy or virial of 1 eV an atom counts as 1 eV/Å. Energies and stresses whose noise is above
    the tolerance can't pass and are named in ``quantities``.

    Can't see: a dependence on the place with exactly the period of the shifts.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 9 evaluations.

    Source: Noether's theorem; with conservative forces it is equivalent to ``net_force``.
    """

@overload
def measure_translation_invariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...

@overload
def assert_translation_invariance(
    model: AnyModel,
    start: AnyStructure,
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> Measurement:
    """Raise PhysicsFailure if ``translation_invariance`` fails at ``profile``; see :func:`measure_translation_invariance`.
    """

@overload
def assert_translation_invariance(
    model: AnyModel,
    start: list[Any] | tuple[Any, ...],
    *,
    profile: str = "md",
    rng: AnySeed = None,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
) -> list[Measurement]: ...
