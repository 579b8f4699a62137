"""Compare hrnet-zoo with mmdetection 2.3.0 under the same weights: detections, masks and times.

"nox -s parity_detection" installs what is needed and runs this. By hand, bench/ and tools/ on
PYTHONPATH, and the folder of mmdet 2.28.2's configurations:

    python bench/parity_detection/run.py CONFIGS [--quick] [--json FILE]

Exit codes: 0 all agree and nothing is slower, 1 something disagrees, is slower or could not be
compared, 2 the command line is wrong, 3 upstream's packages or a compiler are missing.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from parity.pairs import Pairs
from parity.stubs import MissingUpstreamError
from parity.tables import times as table_of_times
from parity.tables import verdict

from hrnet_zoo.errors import ZooError
from parity_detection import tables
from parity_detection.inputs import ROWS, pictures
from parity_detection.stubs import EXPECTED, prepare_upstream

if TYPE_CHECKING:  # it imports upstream, which must wait for its stand-ins
    from parity_detection.agreement import Agreement

FAILED, NO_UPSTREAM = 1, 3


@dataclass(frozen=True, kw_only=True)
class Results:
    """What was found out, row by row."""

    answers: list[Agreement] = field(default_factory=list)
    times: list[Pairs] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What could not be compared, and why."""

    @property
    def complaints(self) -> list[str]:
        """Everything that makes the comparison fail."""
        disagreeing = [each for each in self.answers if not each.agrees]
        slower = [each for each in self.times if each.ratio < 1]
        return [
            *(f"DISAGREES: {each.row}, {each.picture}" for each in disagreeing),
            *(f"SLOWER: {each.what}, ratio {each.ratio:.2f}" for each in slower),
            *(f"NOT COMPARED: {text}" for text in self.missing),
        ]


def main() -> int:
    """Run all comparisons, print them and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("configs", type=Path, help="folder of mmdet 2.28.2's configurations")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to FILE")
    parser.add_argument("--quick", action="store_true", help="one row, one picture, few pairs")
    options = parser.parse_args()
    if not (options.configs / "hrnet").is_dir():
        parser.error(f"{options.configs} is not the folder of mmdetection's configurations")
    # Upstream's age makes today's libraries warn; here only its numbers matter.
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        try:
            prepare_upstream(Path(folder))
        except MissingUpstreamError as error:
            print(f"Upstream is missing, nothing was compared: {error}", file=sys.stderr)
            return NO_UPSTREAM
        return _compare(options.configs, Path(folder), options.json, quick=options.quick)


def _compare(configs: Path, folder: Path, json_file: Path | None, *, quick: bool) -> int:
    rows = ROWS[:1] if quick else ROWS
    setting = _setting(quick=quick)
    print("\n".join(f"{key}: {value}" for key, value in setting.items()), flush=True)
    results = Results()
    for number, name in enumerate(rows, start=1):
        print(f"{number} of {len(rows)}: {name}", flush=True)
        _compare_row(name, configs, folder, results, quick=quick)
    print(tables.answers(results.answers))
    print(table_of_times(results.times), flush=True)
    if json_file is not None:
        data = tables.as_data(results.answers, results.times, results.missing)
        json_file.write_text(json.dumps({"setting": setting, **data}, indent=2) + "\n", "utf-8")
    if results.complaints:
        print("\n" + "\n".join(results.complaints), file=sys.stderr)
        return FAILED
    print(f"\nAll {len(results.answers)} answers of {len(rows)} detectors agree; none is slower.")
    return 0


def _compare_row(name: str, configs: Path, folder: Path, results: Results, *, quick: bool) -> None:
    # These import upstream, which works only now that its operators are in place.
    from parity_detection.agreement import compare_answers  # noqa: PLC0415
    from parity_detection.ours import Ours  # noqa: PLC0415
    from parity_detection.timing import compare_times  # noqa: PLC0415
    from parity_detection.upstream import Upstream  # noqa: PLC0415

    try:
        upstream = Upstream(name, configs)
        ours = Ours(name, upstream.weights, folder)
        for picture in pictures(folder, quick=quick):
            answer = compare_answers(name, upstream, ours, picture)
            print(f"    {picture.title}: {verdict(agrees=answer.agrees)}", flush=True)
            results.answers.append(answer)
        pairs = compare_times(name, upstream, ours, folder, num_pairs=3 if quick else 7)
        print(f"    {pairs.ratio:.2f} times as fast", flush=True)
        results.times.append(pairs)
    except (ZooError, NotImplementedError) as error:
        # We cannot build it, or upstream wants an operator that was not compiled.
        results.missing.append(f"{name}: {error}")


def _setting(*, quick: bool) -> dict[str, str]:
    """Say what is compared with what, on what."""
    packages = (*EXPECTED, "hrnet-zoo", "torch", "torchvision", "numpy", "opencv-python-headless")
    return {
        "packages": ", ".join(f"{name} {metadata.version(name)}" for name in packages),
        "python": f"{platform.python_version()}, {torch.get_num_threads()} threads",
        "extent": "quick: not everything was compared" if quick else "full",
    }


if __name__ == "__main__":
    sys.exit(main())
