from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_up_zoo import write_zoo
from playwright.sync_api import Browser, sync_playwright
from support.hostile import write_hostile_zoo

from hrnet_zoo.report.html.gathering import gather
from hrnet_zoo.report.html.page import Erratum, page_of, render
from hrnet_zoo.report.html.vega import vega_runtime
from hrnet_zoo.verdicts.evidence import Evidence
from hrnet_zoo.zoo.manifest import load_zoo

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--no-sandbox",  # containers that run as root have none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium: the one that the variable CHROMIUM names, or the first on the PATH."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.exit(
            "The browser tests need Chromium: install it (apt-get install chromium), or set "
            "CHROMIUM to the program.",
            returncode=3,
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield opened
        opened.close()


def write_page(records: Path, manifest: Path | None, output: Path) -> str:
    """Write the page of a zoo; return its address."""
    made_at = datetime(2026, 5, 1, tzinfo=UTC)
    findings = [
        Erratum(
            code="E101",
            severity="error",
            meaning="<script>hacked=1</script>",
            line=12,
            message="<script>hacked=1</script>",
        )
    ]
    with pytest.MonkeyPatch.context() as patch:  # nothing bears the made-up records out
        patch.setattr("hrnet_zoo.verdicts.evidence.examine", lambda *_: Evidence())
        gathered = gather(load_zoo(manifest), records)
    page = page_of(gathered, made_at=made_at, version="1", errata=findings)
    output.write_bytes(render(page, vega_runtime()))
    return output.as_uri()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the page of the made-up zoo."""
    folder = tmp_path_factory.mktemp("page")
    write_zoo(folder / "records")
    return write_page(folder / "records", None, folder / "report.html")


@pytest.fixture(scope="session")
def hostile_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the page of the zoo whose strings attack it."""
    folder = tmp_path_factory.mktemp("hostile")
    manifest, records = write_hostile_zoo(folder)
    return write_page(records, manifest, folder / "report.html")


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config) -> Path:
    """Where pictures of the page go, to be looked at."""
    folder = pytestconfig.rootpath / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
