"""Writes what lies in reports/demo anew: pictures, records, and a signed bundle of the records.

    python tools/remake_reports.py

It takes one to two minutes on one core. The key that signs is thrown away, and its public half
stays beside the bundle: it shows how signatures are checked, and vouches for nobody.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hrnet_zoo.demo import MANIFEST

REPORTS = Path(__file__).parents[1] / "reports" / "demo"


def hrnet_zoo(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "hrnet_zoo", *map(str, arguments)]
    subprocess.run(command, check=True)  # noqa: S603 - our own program


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        made, key = Path(name, "demo"), Path(name, "bundle.key")
        hrnet_zoo("demo", "--output", made, "--device", "cpu")
        shutil.rmtree(REPORTS / "records")
        shutil.copytree(made / "records", REPORTS / "records", ignore=_ignored)
        for picture in made.glob("*.png"):
            shutil.copy(picture, REPORTS)
        hrnet_zoo("bundle", "keygen", key)
        records = sorted((REPORTS / "records").glob("*/*Z.json"))
        bundle = REPORTS / "bundle.zip"
        hrnet_zoo("bundle", *records, "--output", bundle, "--sign", key, "--zoo", MANIFEST)
        shutil.copy(f"{key}.pub", REPORTS)


def _ignored(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith(".") or name.endswith(".lock")}


if __name__ == "__main__":
    main()
