"""``python -m physcheck.sweep.identity_process``: which weights a spec loads, as JSON.

It runs in the model's own environment, before its tasks are named.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from typing import Any

from physcheck.errors import ModelError, SpecError
from physcheck.sweep.watched_process import end_with_parent

__all__ = ["identity_of"]


def identity_of(
    spec: str, reference: str | None, device: str | None, dtype: str | None
) -> dict[str, Any]:
    """Hashes of the files and weights of a model and its reference, and physcheck's version.

    ``error`` instead where one of them can't be loaded.
    """
    from physcheck.adapters.loading import (
        load_model,
        load_reference,
        model_identity,
        reference_spec,
    )

    found: dict[str, Any] = {"physcheck": version("physcheck")}
    try:
        model = load_model(spec, device=device, dtype=dtype)
        found["model"] = _hashes(model_identity(model, spec))
        if reference is not None:
            second = load_reference(reference, spec, device=device, dtype=dtype)
            second_spec = reference_spec(reference, spec)
            found["reference"] = _hashes(model_identity(second, second_spec))
    except (SpecError, ModelError) as error:
        return {**found, "error": str(error)}
    return found


def _hashes(identity: dict[str, Any]) -> dict[str, Any]:
    weights = identity["capabilities"]["details"].get("weights_sha256")
    return {"file": identity["fingerprint"], "weights": weights, "dtype": identity["dtype"]}


def main() -> None:
    """Read the spec and its options as JSON from the arguments, write the identity as JSON."""
    end_with_parent()
    # What a package prints while it is loaded is no part of the answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    text = json.dumps(identity_of(**json.loads(sys.argv[1])))
    with os.fdopen(answer, "w") as stream:
        stream.write(text)


if __name__ == "__main__":
    main()
