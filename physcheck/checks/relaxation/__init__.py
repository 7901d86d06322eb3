"""Relaxation: do optimisers end in a minimum, does the energy released equal the work, is the
minimum one?
"""
