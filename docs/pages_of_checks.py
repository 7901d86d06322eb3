"""A page a check, made from its registration and its docstring when the site is built."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from physcheck.checks import all_checks
from physcheck.model import Capabilities
from physcheck.names import BUDGETS, FAMILIES
from physcheck.registry import CheckSpec
from physcheck.report.laws_in_words import law_text
from physcheck.report.meaning_of_failure import meaning_of_failure
from physcheck.structures import catalogue
from physcheck.text.numbers import figure
from physcheck.tolerances import PROFILES

FIGURES = Path(__file__).parent / "figures" / "failures"
KINDS = {
    "law": "a law: it holds for any physical potential",
    "practice": "a practice: its loss spoils some simulations, or is a choice of the architecture",
    "info": "for information: it never fails a run",
}
FAMILY_WORDS = {
    "conservation": "Forces and stress are derivatives of one energy.",
    "dynamics": "What the forces do to the energy of a simulation.",
    "sampling": "Temperatures, distributions and pressures of a thermostatted simulation.",
    "relaxation": "What the forces do to geometry optimisation and vibrations.",
    "symmetry": "Moving, turning, relabelling and repeating atoms changes what it should.",
    "smoothness": "Energies and forces are continuous and sane where atoms meet.",
    "implementation": "The model as a program: memory, batches, threads, NaN.",
}
# Structures that show what a record costs: a molecule, a small crystal, a liquid.
EXAMPLES = ("ethanol", "Si8", "H2O-box32")
_OF_MODULE = re.compile(r"The module's docstring says[^.]*\.\s*")
TYPICAL = Capabilities(
    name="typical", adapter="", outputs=frozenset({"energy", "forces", "stress"}), batched=True,
    interaction_range=10.0,
)  # fmt: skip


def write(folder: Path) -> None:
    """Write ``index.md`` and ``<check>.md`` into ``folder``; files that don't change stay."""
    folder.mkdir(exist_ok=True)
    pages = {f"{spec.id}.md": page(spec) for spec in all_checks().values()}
    pages["index.md"] = index()
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf8") != text:
            path.write_text(text, encoding="utf8")


def index() -> str:
    """The list of all checks, by family."""
    lines = ["# What each law is", "", "A page a check: the law, how it is measured, what a "
             "failure means, what it costs.", ""]  # fmt: skip
    for family in FAMILIES:
        specs = [spec for spec in all_checks().values() if spec.family == family]
        lines += [f"## {family.capitalize()}", "", FAMILY_WORDS[family], ""]
        lines += ["| check | kind | the law |", "|---|---|---|"]
        lines += [f"| [{s.id}]({s.id}.md) | {s.kind} | {escaped(s.law)} |" for s in specs]
        lines += ["", "```{toctree}", ":hidden:", "", *(s.id for s in specs), "```", ""]
    return "\n".join(lines)


def page(spec: CheckSpec) -> str:
    """The page of a check."""
    told = law_text(spec.id)
    assert told is not None
    parts = [f"# {spec.id}", f"**{escaped(spec.law)}**",
             f"Family *{spec.family}*; {KINDS[spec.kind]}."]  # fmt: skip
    parts += ["## The law"]
    for kind, paragraph in told.paragraphs:
        # What the module's docstring says stands below.
        text = _OF_MODULE.sub("", paragraph)
        parts.append(f"```text\n{text}\n```" if kind == "formula" else marked(text))
    measured = how_it_is_measured(spec)
    parts += ["## How it is measured", *measured] if measured else []
    if told.blind:
        blind = marked(told.blind.removeprefix("Can't see").lstrip(": "))
        parts += ["## What it can't see", blind[:1].upper() + blind[1:]]
    parts += ["## Tolerances", *tolerances(spec)]
    parts += ["## A failure", *failure(spec)]
    parts += ["## Cost", *cost(spec)]
    parts += ["## Alone", alone(spec)]
    if told.source:
        parts += ["## Literature", marked(told.source)]
    where = f"{spec.measure.__module__}.measure_{spec.id}"
    parts += ["## Reference", f"```{{eval-rst}}\n.. autofunction:: {where}\n```"]
    return "\n\n".join(parts) + "\n"


def how_it_is_measured(spec: CheckSpec) -> list[str]:
    """What the check's module says after its first line."""
    text = inspect.cleandoc(sys.modules[spec.measure.__module__].__doc__ or "")
    blocks = [marked(block) for block in text.split("\n\n")[1:]]
    return [b.removeprefix("How it is measured.").strip() for b in blocks]


def tolerances(spec: CheckSpec) -> list[str]:
    """What each profile accepts, why, and from where."""
    if spec.tolerances is None:
        return ["None: the figure is for information."]
    numbers = [figure(getattr(spec.tolerances, p), spec.unit) for p in PROFILES]
    return [
        f"Of the {escaped(spec.quantity)}:",
        f"| {' | '.join(PROFILES)} |\n|{'---|' * len(PROFILES)}\n| {' | '.join(numbers)} |",
        f"*Why*: {marked(spec.tolerances.reason)}.",
        f"*Source*: {marked(spec.tolerances.source)}.",
    ]


def failure(spec: CheckSpec) -> list[str]:
    """What a failure looks like where one was made, its causes, and what to do."""
    parts = [f"In a report: *{escaped(spec.title)}*."] if spec.title else []
    meaning = meaning_of_failure(spec) if spec.kind != "info" else ""
    parts += [f"**What it means**: {escaped(meaning)}"] if meaning else []
    text = FIGURES / f"{spec.id}.txt"
    if text.exists():
        parts += [
            "A real one, of a built-in potential with a built-in defect:",
            f"```{{literalinclude}} ../figures/failures/{text.name}\n:language: text\n```",
        ]
    if text.with_suffix(".svg").exists():
        caption = text.with_suffix(".caption").read_text(encoding="utf8").strip()
        alt = caption.replace("[", "(").replace("]", ")")
        parts += [f"![{alt}](../figures/failures/{spec.id}.svg)", f"*{escaped(caption)}*"]
    parts += [f"**Usual causes**: {marked(spec.causes)}."] if spec.causes else []
    parts += [f"**What to do**: {marked(spec.advice)}."] if spec.advice else []
    return parts or ["It never fails: it reports a figure."]


def cost(spec: CheckSpec) -> list[str]:
    """The most evaluations of a record by budget, where the check applies."""
    rows = []
    for name in EXAMPLES:
        start = catalogue()[name].configurations
        if spec.missing(start, TYPICAL) is None:
            numbers = [f"{spec.evaluations(start, TYPICAL, b):,}" for b in BUDGETS]
            rows.append(f"| {name} ({start.n_atoms} atoms) | {' | '.join(numbers)} |")
    if not rows:
        return ["Depends on the model and on the structure file."]
    head = f"| structure | {' | '.join(BUDGETS)} |\n|---|{'---|' * len(BUDGETS)}"
    parts = ["The most evaluations of a record (one configuration is one evaluation), by budget:",
             head + "\n" + "\n".join(rows)]  # fmt: skip
    if spec.shared is not None:
        parts.append("Beside them, a trajectory that the checks of sampling share.")
    if spec.by_gradient is not None:
        parts.append(
            "Less where the forces are found to be the gradient of the energy: then the law "
            "follows, and no trajectory is made ([the method](../method.md))."
        )
    return parts


def alone(spec: CheckSpec) -> str:
    """The check alone, in a shell and in Python."""
    needs = [f"a model that gives {' and '.join(sorted(spec.needs))}"] if spec.needs else []
    needs += ["a second model (`--physcheck-reference`)"] if spec.compares else []
    needs += [f"to see most, {spec.shows.needs}"] if spec.shows else []
    second = ", reference=other" if spec.compares else ""
    lines = [f"Needs {'; '.join(needs)}.\n"] if needs else []
    return "\n".join([
        *lines,
        "```bash",
        f"physcheck run MODEL --checks={spec.id}",
        "```",
        "",
        "```text",
        f"physcheck.measure_{spec.id}(model, atoms{second})  # a Measurement",
        f"physcheck.assert_{spec.id}(model, atoms{second})   # raises PhysicsFailure",
        "```",
    ])  # fmt: skip


def marked(text: str) -> str:
    """A paragraph of a docstring as Markdown."""
    text = " ".join(text.split())
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"``\1``", text)
    parts = re.split(r"(``.*?``)", text)
    for i, part in enumerate(parts):
        parts[i] = part[1:-1] if i % 2 else escaped(part)
    return "".join(parts).rstrip(".") if text.endswith("..") else "".join(parts)


def escaped(text: str) -> str:
    """Without a meaning for Markdown."""
    return re.sub(r"([\\*_<>\[\]|])", r"\\\1", text)
