"""The BKS potential of silica as an ASE calculator."""

from silica.potential import Silica

__all__ = ["Silica"]
