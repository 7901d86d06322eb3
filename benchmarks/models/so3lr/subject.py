"""SO3LR, whose weights come with so3krates-torch: molecules, forces by autograd, equivariant, both dtypes."""

from __future__ import annotations


def factory(device="cpu", dtype="float64"):
    """The pretrained model as its package's ASE calculator."""
    from so3krates_torch.calculator.so3 import SO3LRCalculator

    return SO3LRCalculator(device=device, default_dtype=dtype)


factory.physcheck = {"structures": ["ethanol", "H2O", "CH4"]}
