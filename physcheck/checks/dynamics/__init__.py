"""Dynamics: is the energy conserved over time, is the error of a step the integrator's, does a
partner cure it?
"""
