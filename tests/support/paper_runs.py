"""Settings of the paper's experiments on built-in models, at lengths of a second or less."""

from dataclasses import replace

from physcheck.adapters.loading import load_model
from physcheck.paper.scale import SMALL
from physcheck.paper.setting import Setting
from physcheck.structures import catalogue

TINY = replace(
    SMALL,
    batch_atoms=0,
    replicas=4,
    equilibration_steps=40,
    nve_steps=80,
    bath_steps=80,
    directions=6,
    places=2,
    loop_points=32,
    loops=2,
    relaxation_steps=40,
    relaxations=2,
    optimisers=("LBFGS",),
    mts_steps=60,
    sampling_steps=16,
    strides=(2, 4),
    rotations=2,
    timings=2,
)


def setting(
    model="builtin::water+curl=0.05",
    reference="builtin::water",
    structure="H2O",
    seed=0,
    **changes,
):
    return Setting(
        structure,
        catalogue()[structure].configurations,
        load_model(model),
        None if reference is None else load_model(reference),
        scale=replace(TINY, **changes),
        seed=seed,
    )
