"""Makes upstream's packages importable, or says what is missing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import metadata
from types import ModuleType

# The goldens were made with these; other versions would be another upstream.
EXPECTED = {"mmsegmentation": "0.20.2", "mmcv": "1.4.0"}


class MissingUpstreamError(Exception):
    """Upstream's packages are not installed in the versions this comparison is about."""


def prepare_upstream() -> None:
    """Check upstream's versions and put stand-ins in place of mmcv's compiled operators.

    mmseg imports names from there for losses and heads that HRNet-FCN does not have. Must run
    before anything of mmseg is imported.

    Raises:
        MissingUpstreamError: a package is missing or has another version.
    """
    require_versions(EXPECTED, session="parity")
    sys.modules["mmcv.ops"] = StandIn("mmcv.ops")


def require_versions(expected: Mapping[str, str], *, session: str) -> None:
    """Check that packages are installed in these versions and no others.

    Args:
        expected: package -> version.
        session: the nox session that installs them.

    Raises:
        MissingUpstreamError: a package is missing or has another version.
    """
    for name, wanted in expected.items():
        found = _version(name)
        if found != wanted:
            msg = f"{name} {wanted} is needed, found {found or 'none'}; run: nox -s {session}"
            raise MissingUpstreamError(msg)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


class StandIn(ModuleType):
    """Stands for a module that mmcv lacks when built without a compiler.

    Each name exists in it and fails when used, so that nothing can be computed with a stand-in.
    """

    def __getattr__(self, name: str) -> type[_Unusable]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unusable


class _Unusable:
    def __init__(self, *_: object, **__: object) -> None:
        msg = "mmcv was built without its operators, and a network wants one of them"
        raise NotImplementedError(msg)
