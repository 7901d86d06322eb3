"""What a process tells the controller, as a JSON string: reports of pytest-xdist carry no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from physcheck.run.facts import RunFacts
from physcheck.run.record import Record

__all__ = ["Message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record, made or begun, and what the process that made it knows and has spent.

    Attributes
    ----------
    process : str
        Which one it is: ``main``, or the worker's id.
    record : Record or None
    begun : Record or None
        What the record of the item that now begins is if its process dies.
    facts : RunFacts or None
        None until a model is loaded, and where the process told the same before.
    error : str or None
        Why the model can't be judged.
    exit_code : int
        What the run exits with because of that.
    setup : mapping of str to int
        Evaluations of planning, resolutions and shared trajectories in this process.
    order : tuple of str
        Node ids of all records in their order; empty but for the process's first message.
    """

    process: str
    record: Record | None = None
    begun: Record | None = None
    facts: RunFacts | None = None
    error: str | None = None
    exit_code: int = 0
    setup: Mapping[str, int] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    def to_text(self) -> str:
        """As a JSON string."""
        document = {
            "process": self.process,
            "record": None if self.record is None else self.record.to_json(),
            "begun": None if self.begun is None else self.begun.to_json(),
            "facts": None if self.facts is None else self.facts.to_json(),
            "error": self.error,
            "exit_code": self.exit_code,
            "setup": dict(self.setup),
            "order": self.order,
        }
        return json.dumps(document, allow_nan=False)

    @classmethod
    def from_text(cls, text: str) -> Message:
        """The inverse of :meth:`to_text`."""
        document = json.loads(text)
        record, begun, facts = (document[name] for name in ("record", "begun", "facts"))
        return cls(
            **{
                **document,
                "record": None if record is None else Record.from_json(record),
                "begun": None if begun is None else Record.from_json(begun),
                "facts": None if facts is None else RunFacts.from_json(facts),
                "order": tuple(document["order"]),
            }
        )
