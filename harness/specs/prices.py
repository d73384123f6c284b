"""What tokens cost, for --price_file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.specs.base import Name, StrictSpec

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TokenPrice(StrictSpec):
    """Prices of a million tokens; reasoning is part of what is put out."""

    input: Price
    output: Price


class PriceList(StrictSpec):
    """A price file: prices by the name a model is called with."""

    kind: Literal["prices"]
    name: Name = "prices"
    about: str = ""
    currency: str = "USD"
    models: dict[str, TokenPrice] = Field(min_length=1)
