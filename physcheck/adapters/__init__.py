"""Frameworks' models as physcheck models: one file a framework, imported when first needed."""
