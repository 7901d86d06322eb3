"""A float32 module of soft pairs whose coordinates are rounded as if it were far away."""

__all__ = ["SOFT_PAIRS"]

# Coordinates are rounded as if the molecule were a thousand Å away from the origin.
SOFT_PAIRS = """
import torch

class Soft(torch.nn.Module):
    def __init__(self, curl=0.0, moved=0.0, away=1024.0):
        super().__init__()
        self.depth = torch.nn.Parameter(torch.tensor(0.1))
        self.curl, self.moved, self.away = curl, moved, away

    def forward(self, positions, numbers, cells, pbc):
        if pbc.any():
            raise ValueError("only molecules")
        x = positions.detach().requires_grad_()
        y = (x + self.away) - self.away
        apart = y.unsqueeze(2) - y.unsqueeze(1)
        far = torch.sqrt((apart ** 2).sum(-1) + 1e-6)
        well = torch.exp(-2 * (far - 1.5))
        energy = (self.depth * (well * well - 2 * well)).sum((-1, -2)) / 2
        force = -torch.autograd.grad(energy.sum(), x)[0]
        turned = torch.stack([-x[..., 1], x[..., 0], 0 * x[..., 2]], -1)
        lasting = self.moved * torch.sin(x) * (x.dtype == torch.float32)
        force = force + self.curl * turned + lasting
        return {"energy": energy.detach(), "forces": force.detach()}

def sound():
    return Soft()

def turning():
    return Soft(curl=0.05)

def wrong_in_float32():
    return Soft(moved=5e-4, away=0.0)
"""
