"""Python files and modules that hold a factory: found, looked at, run."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from physcheck.adapters.spec import MODEL_SUFFIXES, Spec
from physcheck.errors import ModelError, PhyscheckError, SpecError
from physcheck.files.paths import files_in, is_folder, path_problem, user_path
from physcheck.names import nearest
from physcheck.text.exceptions import foreign_code

__all__ = [
    "DEFAULT_ATTRIBUTES",
    "attribute_of",
    "check_module",
    "check_names",
    "existing_file",
    "first_on_path",
    "import_module",
    "quiet_loading",
    "raising",
    "run_file",
]

#: Tried in this order where a spec names a file alone.
DEFAULT_ATTRIBUTES = ("model", "calculator", "factory")
_MOST_LISTED = 12
# difflib's similarity.  Of hundreds of installed names some are always a little like the one given.
_LEAST_SIMILARITY = 0.75
_ELSEWHERE = "is its package installed here, or its folder the current one?"


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Neither warnings nor ``__pycache__`` folders while somebody's code is loaded."""
    # Hosts run with filterwarnings = error, and nothing may be written into their folders.
    wrote = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.dont_write_bytecode = wrote


@contextmanager
def first_on_path(folder: Path) -> Iterator[None]:
    """``folder`` first on sys.path."""
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


@contextmanager
def raising(what: str) -> Iterator[None]:
    """What somebody else's code raises, as a ModelError with its cause."""
    with foreign_code(
        lambda said: f"{what} raised {said}",
        own=(PhyscheckError,),
        anybodys=(SpecError, ModelError),
    ):
        yield


def existing_file(parsed: Spec) -> Path:
    """The absolute path of a spec's file; SpecError with the nearest files of its folder else."""
    path = user_path(parsed.target)
    problem = path_problem(path)
    if problem is None:
        return path
    if problem != "doesn't exist":
        raise SpecError(f"{parsed.target} {problem}")
    folder = path.parent
    if not is_folder(folder):
        raise SpecError(f"no file {parsed.target}: there is no folder {Path(parsed.target).parent}")
    suffixes = (".py",) if parsed.kind == "file" else MODEL_SUFFIXES
    names = [name for name in files_in(folder) if name.lower().endswith(suffixes)]
    if not names:
        hint = f"{folder} has no file ending in {' or '.join(suffixes)}"
    else:
        hint = _near_few(path.name, names)
    raise SpecError(f"no file {parsed.target}; {hint}")


def _near_few(name: str, known: Sequence[str]) -> str:
    """As :func:`nearest`, but without a long list where nothing is near."""
    hint = nearest(name, known)
    more = len(known) - _MOST_LISTED
    if hint.startswith("known") and more > 0:
        return f"known: {', '.join(sorted(known)[:_MOST_LISTED])} and {more} more"
    return hint


def run_file(path: Path) -> ModuleType:
    """The file as a module under a name of its own; ModelError if it raises."""
    # Two files of one name are two modules.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    name = f"_physcheck_model_{digest}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise SpecError(f"{path} can't be loaded as a Python file")
    module = importlib.util.module_from_spec(found)
    # Dataclasses and pickles look their module up there while it is loaded.
    sys.modules[name] = module
    try:
        with raising(f"loading {path}"):
            found.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def import_module(name: str) -> ModuleType:
    """The module; SpecError if there is none, ModelError if it raises."""
    try:
        with raising(f"importing {name}"):
            return importlib.import_module(name)
    except ModelError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and _is_part(cause.name, name):
            raise SpecError(_no_module(name, str(cause.name))) from cause
        raise


def _is_part(missing: str | None, name: str) -> bool:
    return missing is not None and (name == missing or name.startswith(missing + "."))


def check_module(name: str) -> None:
    """SpecError if the top-level package isn't there; nothing is imported."""
    top = name.partition(".")[0]
    with first_on_path(Path.cwd()):
        try:
            found = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            found = None
    if found is None:
        raise SpecError(_no_module(name, top))


def _no_module(name: str, missing: str) -> str:
    import pkgutil
    from difflib import get_close_matches

    parent, _, last = missing.rpartition(".")
    if parent and parent in sys.modules:
        known = [m.name for m in pkgutil.iter_modules(getattr(sys.modules[parent], "__path__", []))]
    else:
        known = [m.name for m in pkgutil.iter_modules()]
    close = get_close_matches(last, known, n=3, cutoff=_LEAST_SIMILARITY)
    hint = f"did you mean {' or '.join(close)}?" if close else _ELSEWHERE
    return f"no module {missing!r} for the model spec's {name}; {hint}"


def attribute_of(module: ModuleType, wanted: str, where: str) -> tuple[str, Any]:
    """Name and value of the factory: ``model``, ``calculator`` or ``factory`` by default.

    Raises
    ------
    SpecError
        The module has none.
    """
    names = [wanted] if wanted else list(DEFAULT_ATTRIBUTES)
    for name in names:
        value: Any = module
        for part in name.split("."):
            value = getattr(value, part, None)
            if value is None:
                break
        if value is not None:
            return name, value
    raise SpecError(_no_attribute(names, where, _public(vars(module), module.__name__)))


def _public(names: Mapping[str, Any], module: str) -> list[str]:
    return [
        name
        for name, value in names.items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", module) == module
    ]


def _no_attribute(names: Sequence[str], where: str, public: Sequence[str]) -> str:
    asked = " or ".join(repr(name) for name in names)
    if not public:
        return f"no {asked} in {where}, which has no public names"
    return f"no {asked} in {where}; {_near_few(names[0], public)}"


def check_names(path: Path, attribute: str, where: str) -> None:
    """SpecError if the file can't have the factory, as far as its text tells."""
    try:
        nodes = list(_top_level(ast.parse(path.read_bytes()).body))
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        # Loading raises it with its cause; what is nested too deep here, Python may still load.
        return
    defined = {name for node in nodes for name in _names_defined(node)}
    imported = {
        alias.asname or alias.name.partition(".")[0] for node in nodes for alias in _aliases(node)
    }
    # Whatever these bring isn't in the text.
    if imported & {"*", "__getattr__"} or "__getattr__" in defined or any(map(_makes_names, nodes)):
        return
    wanted = [attribute.partition(".")[0]] if attribute else list(DEFAULT_ATTRIBUTES)
    if not (defined | imported).intersection(wanted):
        public = [name for name in defined if not name.startswith("_")]
        raise SpecError(_no_attribute(wanted, where, public))


def _names_defined(node: ast.AST) -> list[str]:
    """The name that a definition or an assignment gives."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _aliases(node: ast.AST) -> list[ast.alias]:
    """What an import brings."""
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []


def _makes_names(node: ast.AST) -> bool:
    """Whether a call may define names that the text doesn't have."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("globals", "exec")


def _top_level(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _top_level(list(ast.iter_child_nodes(node)))
