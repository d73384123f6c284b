"""What every spec is made of: strict models, names, and the sha256 of what a spec says."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StrictSpec(BaseModel):
    """The base of every spec: unknown keys and wrong types are refused, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def spec_sha256(spec: BaseModel) -> str:
    """sha256 of the spec's canonical JSON: what it says, not how its file is laid out."""
    text = json.dumps(spec.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
