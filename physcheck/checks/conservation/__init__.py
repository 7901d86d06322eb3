"""Conservation: are the forces, and the stress, the derivative of an energy?

Each check has a file of its name, which reads in the order of its stages: ``_choose_steps``,
``_measure``, ``_judge_truncation``, ``_estimate``, ``_confirm`` and ``_report``, where a check has
them.  What several checks share is in the other modules, each named by what it holds.
"""
