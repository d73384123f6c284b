"""What all records share: languages and orders, the ids that name them, their lines of JSONL."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

Language = Literal["zh", "en"]
Order = Literal["chosen_first", "rejected_first"]
Outcome = Literal["chosen", "rejected", "tie", "unparsed", "error"]
Orders = Literal["both", "seeded"]  # which of them a pairwise judge is shown
VerdictKey = tuple[str, Order | None, int]  # pair_id, order, repeat: what one verdict is about


def short_id(*parts: str) -> str:
    """First 16 hex digits of the sha256 of the parts joined by NUL."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def canonical(value: Any) -> str:
    """JSON with sorted keys, UTF-8 and no NaN."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def json_line(record: Any) -> str:
    """A flat record (one of the dataclasses here) as a line of JSONL."""
    # dataclasses.asdict copies every value: three times as slow
    return canonical({name: getattr(record, name) for name in record.__slots__}) + "\n"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat; `role` is system, user or assistant."""

    role: Literal["system", "user", "assistant"]
    content: str

    def as_dict(self) -> dict[str, str]:
        """As chat templates and servers take it."""
        return {"role": self.role, "content": self.content}
