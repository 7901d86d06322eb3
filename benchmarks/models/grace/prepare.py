"""A small GRACE/FS as the folder ``grace-net``; random weights know no chemistry."""

from __future__ import annotations

import tensorflow as tf
from tensorpotential.potentials.presets import FS
from tensorpotential.tensorpot import TensorPotential

potential = FS(
    element_map={"C": 0, "H": 1, "O": 2},
    rcut=4.5,
    lmax=(2, 2),
    Lmax=(None, 0),
    max_sum_l=(None, None),
    lmax_hist=(None, None),
    n_rad_base=6,
    n_rad_max=(6, 4),
    embedding_size=8,
    max_order=2,
    fs_parameters=((1.0, 1.0),),
    # Forces of some eV/Å, as molecules have them.
    constant_out_scale=0.02,
)
made = TensorPotential(
    potential.get_instructions(), param_dtype=tf.float64, jit_compile=False, seed=0
)
# Uncompiled, since each number of atoms would be compiled anew.
made.save_model(exact_path="grace-net", jit_compile=False)
