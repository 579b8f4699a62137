"""Compare hrnet-zoo with mmsegmentation 0.20.2 under the same weights: answers, mIoU and times.

"nox -s parity" installs what is needed and runs this. By hand, bench/ and tools/ on PYTHONPATH:

    python bench/parity/run.py [--quick] [--json FILE]

Exit codes: 0 all agree, 1 something disagrees, 3 upstream's packages are missing.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

import torch

from parity import tables
from parity.stubs import EXPECTED, MissingUpstreamError, prepare_upstream

WIDTHS = ["hr18s", "hr18", "hr48"]
DISAGREES, NO_UPSTREAM = 1, 3


def main() -> int:
    """Run all comparisons, print them and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to FILE")
    parser.add_argument("--quick", action="store_true", help="one width, one picture, few pairs")
    options = parser.parse_args()
    try:
        prepare_upstream()
    except MissingUpstreamError as error:
        print(f"Upstream is missing, nothing was compared: {error}", file=sys.stderr)
        return NO_UPSTREAM
    # Upstream's age makes today's libraries warn; here only its numbers matter.
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        return _compare(Path(folder), options.json, quick=options.quick)


def _compare(folder: Path, json_file: Path | None, *, quick: bool) -> int:
    # These import upstream, which works only now that the stand-ins are in place.
    from parity.agreement import compare_answers  # noqa: PLC0415
    from parity.miou import compare_scores  # noqa: PLC0415
    from parity.timing import compare_times  # noqa: PLC0415

    widths = WIDTHS[:1] if quick else WIDTHS
    setting = _setting(widths, quick=quick)
    print("\n".join(f"{key}: {value}" for key, value in setting.items()), flush=True)
    answers = list(compare_answers(widths, folder, quick=quick))
    print(tables.answers(answers), flush=True)
    scores = list(compare_scores(folder, quick=quick))
    print(tables.scores(scores), flush=True)
    times = list(compare_times(widths, folder, quick=quick))
    print(tables.times(times), flush=True)
    if json_file is not None:
        content = {"setting": setting, **tables.as_data(answers, scores, times)}
        json_file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    disagreements = [str(answer) for answer in answers if not answer.agrees]
    disagreements += [str(score) for score in scores if not score.agrees]
    if disagreements:
        print("\n".join(f"DISAGREES: {text}" for text in disagreements), file=sys.stderr)
        return DISAGREES
    print(f"\nAll {len(answers)} answers and {len(scores)} data set scores agree.")
    return 0


def _setting(widths: list[str], *, quick: bool) -> dict[str, str]:
    """Say what is compared with what, on what."""
    packages = (*EXPECTED, "hrnet-zoo", "torch", "numpy", "opencv-python-headless", "pillow")
    return {
        "packages": ", ".join(f"{name} {metadata.version(name)}" for name in packages),
        "python": f"{platform.python_version()}, {torch.get_num_threads()} threads",
        "widths": ", ".join(widths),
        "extent": "quick: not everything was compared" if quick else "full",
    }


if __name__ == "__main__":
    sys.exit(main())
