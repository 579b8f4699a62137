"""Machines and data: what the runs ran on, and which files they saw."""

from __future__ import annotations

from dataclasses import dataclass

from hrnet_zoo.report.html.gathering import Gathered, Group
from hrnet_zoo.report.html.wording import clipped


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A machine with its software, and what ran on it."""

    facts: list[tuple[str, str]]
    runs: Group


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Files of a data set that were evaluated together."""

    dataset: str
    fingerprint: str
    num_images: int
    runs: Group
    is_odd_one: bool
    """Whether as many images had another fingerprint in other runs."""


def environments(gathered: Gathered) -> list[Environment]:
    """Return the machines, the last used first."""
    return [
        Environment(
            facts=[(key, clipped(_flat(value))) for key, value in sorted(content.items())],
            runs=runs,
        )
        for content, runs in gathered.environments
    ]


def fingerprints(gathered: Gathered) -> list[Fingerprint]:
    """Return what was evaluated, by data set, the most used first."""
    seen = sorted(gathered.fingerprints.items(), key=lambda item: (item[0][0], -item[1].count))
    same_size = [(name, num_images) for (name, _, num_images), _ in seen]
    return [
        Fingerprint(
            dataset=clipped(name, 100),
            fingerprint=clipped(fingerprint, 64),
            num_images=num_images,
            runs=runs,
            is_odd_one=same_size.count((name, num_images)) > 1,
        )
        for (name, fingerprint, num_images), runs in seen
    ]


def _flat(value: object) -> str:
    """Return a JSON value on one line, for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items() if inner is not None)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)
