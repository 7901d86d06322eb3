"""What tests of several rooms use: models that are known exactly, structures, runs of a family."""
