"""CHGNet 0.3.0, whose weights come with its package: forces by autograd, float32."""

from __future__ import annotations


def factory(device="cpu"):
    """The pretrained model as its package's ASE calculator."""
    from chgnet.model import CHGNet, CHGNetCalculator

    return CHGNetCalculator(CHGNet.load(verbose=False, use_device=device), use_device=device)


factory.physcheck = {"structures": ["Si8", "NaCl8"]}
