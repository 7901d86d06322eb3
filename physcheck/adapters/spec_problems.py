"""What is wrong with a SPEC, as far as can be told without importing or running anything of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from physcheck.adapters.archives import EXPORTED, needs_consent
from physcheck.adapters.frameworks import FRAMEWORKS
from physcheck.adapters.heads import AUTO, reference_spec
from physcheck.adapters.named_adapters import check_adapter_name
from physcheck.adapters.python import check_module, check_names, existing_file
from physcheck.adapters.spec import Spec, parse_spec
from physcheck.errors import ModelError, SpecError

__all__ = ["find_reference_problem", "find_spec_problem", "naming_the_reference"]


def find_spec_problem(spec: str) -> None:
    """Check what can be checked of ``spec`` without importing or running anything of it.

    Raises
    ------
    SpecError
        As :func:`physcheck.adapters.loading.load_model`: syntax, a missing file or module, an
        unknown adapter, no such factory in a file.
    """
    parsed = parse_spec(spec)
    if parsed.kind == "adapter":
        _find_adapter_problem(parsed)
    elif parsed.kind == "module":
        check_module(parsed.target)
    else:
        path = existing_file(parsed)
        if parsed.kind == "file":
            check_names(path, parsed.attribute, parsed.target)
        elif path.suffix.lower() == EXPORTED:
            raise SpecError(needs_consent(path, "an exported program"))


def _find_adapter_problem(parsed: Spec) -> None:
    check_adapter_name(parsed.target)
    if parsed.target == "builtin":
        from physcheck.potentials import make_builtin

        # Making one is cheap, and says what is wrong with its name, its defects and its options.
        if "argument" in parsed.options:
            raise SpecError(
                f"{parsed.text!r} has its argument already, behind the ::; leave argument= out"
            )
        make_builtin(parsed.attribute, **parsed.options)
    elif parsed.target == "ase":
        from physcheck.adapters.ase_names import check_ase_name

        check_ase_name(parsed.attribute)
    elif parsed.target == "torch":
        existing_file(Spec(parsed.attribute, "path", parsed.attribute))
    elif parsed.target in FRAMEWORKS:
        FRAMEWORKS[parsed.target].require()


def find_reference_problem(reference: str, model: str | None) -> None:
    """As :func:`find_spec_problem`, of the reference.

    Parameters
    ----------
    reference : str
        A spec or ``auto``.
    model : str or None
        The spec of the model under test; without one, nothing can be told of ``auto``.

    Raises
    ------
    SpecError
    """
    if reference == AUTO and model is None:
        return
    with naming_the_reference(reference):
        find_spec_problem(reference_spec(reference, model or ""))


@contextmanager
def naming_the_reference(reference: str) -> Iterator[None]:
    """Errors raised within say that they are about the reference, and what ``auto`` needs.

    Parameters
    ----------
    reference : str
        As the user gave it: a spec or ``auto``.
    """
    try:
        yield
    except SpecError as error:
        if reference != AUTO:
            raise SpecError(f"the reference: {error}") from error
        raise SpecError(
            f"--physcheck-reference=auto needs a model that predicts forces both ways: {error}; "
            "give --physcheck-reference=SPEC"
        ) from error
    except ModelError as error:
        raise ModelError(f"the reference: {error}") from error
