"""The experiments of "The dark side of the forces" (arXiv 2412.11569) on a user's two models."""
