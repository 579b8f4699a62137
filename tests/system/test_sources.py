from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hrnet_zoo.system import sources


def test_an_edited_module_has_another_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "package"
    shutil.copytree(sources.PACKAGE / "system", copy)
    monkeypatch.setattr(sources, "PACKAGE", copy)
    digest_of = sources.sources_digest.__wrapped__  # without what is remembered
    before = digest_of()
    assert digest_of() == before
    with (copy / "sources.py").open("a") as module:
        module.write("# edited\n")
    edited = digest_of()
    (copy / "sources.py").rename(copy / "others.py")
    assert len({before, edited, digest_of()}) == 3
