from __future__ import annotations

from pathlib import Path

import pytest
from support.bundling import CLASSIFIER, SEGMENTOR, bundled, record_of

from hrnet_zoo.bundles.keys import generate, public_key_in, signer_of


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key, beside its public half."""
    path = tmp_path_factory.mktemp("keys") / "key"
    generate(path)
    return path


@pytest.fixture(scope="session")
def public(key: Path) -> str:
    return public_key_in(key.with_name("key.pub"))


@pytest.fixture(scope="session")
def signed(key: Path) -> bytes:
    """A signed bundle of two records."""
    return bundled([record_of(SEGMENTOR), record_of(CLASSIFIER)], signer=signer_of(key))
