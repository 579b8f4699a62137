"""The bases of what is kept in files: what people write by hand, and what runs leave behind."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class Strict(BaseModel):
    """Unknown keys are errors, numbers are not made of text, values never change."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        defer_build=True,  # of many models a command needs few
    )


class Part(BaseModel):
    """A part of a record: unknown keys are errors, values never change, numbers are finite."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,
    )


def first_problem(error: ValidationError) -> str:
    """Return in one line what is wrong first, and where."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
