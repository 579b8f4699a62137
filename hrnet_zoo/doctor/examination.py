"""All checks one after the other, and what they amount to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hrnet_zoo.doctor.finding import Area, Finding, guarded


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What should work."""

    device: str = "auto"
    data_root: Path | None = None
    data: Mapping[str, Path] = field(default_factory=dict)
    """Data set name -> its own folder."""
    network: bool = False
    """Whether to ask the servers of checkpoints; nothing else needs the network."""
    mirror: str | None = None
    """The server or folder that replaces them."""


def examine(asked: Asked) -> Iterator[Finding]:
    """Yield all findings, area by area; none is kept back by a check that fails."""
    for area in Area:
        yield from guarded(area, "check", partial(_check, area, asked))


def _check(area: Area, asked: Asked) -> Iterator[Finding]:
    """Look at one area; what that takes is imported only now, because it may be broken."""
    match area:
        case Area.SOFTWARE:
            from hrnet_zoo.doctor import software

            yield from software.check()
        case Area.TORCH:
            from hrnet_zoo.doctor import torch_build

            yield from torch_build.check(asked.device)
        case Area.DEVICES:
            from hrnet_zoo.doctor import gpus

            yield from gpus.check(asked.device)
        case Area.PROCESSORS:
            from hrnet_zoo.doctor import processors

            yield from processors.check()
        case Area.PIXELS:
            from hrnet_zoo.doctor import pictures

            yield from pictures.check()
        case Area.FOLDERS:
            from hrnet_zoo.doctor import folders

            yield from folders.check_folders()
        case Area.DATA:
            from hrnet_zoo.doctor import folders

            yield from folders.check_data(asked.data_root, asked.data)
        case Area.NETWORK if asked.network:
            from hrnet_zoo.doctor import network

            yield from network.check(asked.mirror)
