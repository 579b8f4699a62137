"""Worst images: pictures of them, as far as they fit, as small JPEGs inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from PIL import Image

from hrnet_zoo.datasets.image_header import opened
from hrnet_zoo.datasets.images import read_bytes
from hrnet_zoo.report.html.gathering import Claim, ClaimRun, UnusableFile
from hrnet_zoo.report.html.wording import clipped

BUDGET = 700_000
"""Characters of all pictures together; the page stays under 3 MB with them."""

_WIDEST, _HIGHEST, _QUALITY = 900, 700, 68


@dataclass(frozen=True, kw_only=True)
class WorstPicture:
    """One picture that "verify --worst" saved."""

    row: str
    file: str
    """Below the folder of records."""
    image: str
    """Place and name of the image, from the file's name."""
    width: int
    height: int
    uri: str
    """The picture itself, a data: URI."""


@dataclass(frozen=True, kw_only=True)
class WorstPictures:
    """What is shown of the worst images, and what is not."""

    pictures: list[WorstPicture]
    num_left_out: int
    """For want of room."""
    problems: list[UnusableFile]


def worst_pictures(folder: Path, claims: Sequence[Claim], budget: int = BUDGET) -> WorstPictures:
    """Return as many pictures as fit: the worst image of every row, then the second worst, ...

    Args:
        folder: of records.
        claims: all of the zoo's; pictures lie beside their records.
        budget: characters of all data: URIs together.
    """
    pictures: list[WorstPicture] = []
    problems: list[UnusableFile] = []
    left_out = 0
    for claim, path in _in_turns(folder, claims):
        if left_out:
            left_out += 1
            continue
        try:
            picture = _picture(folder, claim, path)
        except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow fail in any way
            where = path.relative_to(folder).as_posix()
            reason = f"It is not a picture: {str(error) or type(error).__name__}"
            problems.append(UnusableFile(path=where, reason=reason))
            continue
        if len(picture.uri) > budget:
            left_out = 1
            continue
        budget -= len(picture.uri)
        pictures.append(picture)
    order = {claim.row.name: i for i, claim in enumerate(claims)}
    pictures.sort(key=lambda picture: (order[picture.row], picture.file))
    return WorstPictures(pictures=pictures, num_left_out=left_out, problems=problems)


def _in_turns(folder: Path, claims: Sequence[Claim]) -> Iterator[tuple[Claim, Path]]:
    """Yield the pictures of every row, of its latest run that saved any: all worst ones first."""
    saved: dict[str, list[tuple[Claim, Path]]] = {}
    for claim in claims:
        drawn = [run for run in claim.runs if _pictures_of(run, folder).is_dir()]
        if drawn and claim.row.name not in saved:
            run = claim.run if claim.run in drawn else drawn[-1]
            assert run is not None
            files = sorted(_pictures_of(run, folder).glob("*.png"))
            saved[claim.row.name] = [(claim, file) for file in files]
    for of_one_place in zip_longest(*saved.values()):
        yield from filter(None, of_one_place)


def _pictures_of(run: ClaimRun, folder: Path) -> Path:
    """Return where "verify --worst" puts the pictures of a run."""
    return folder / (run.path.removesuffix(".json") + ".worst")


def _picture(folder: Path, claim: Claim, path: Path) -> WorstPicture:
    image = opened(read_bytes(path), path, ("PNG",)).convert("RGB")
    image.thumbnail((_WIDEST, _HIGHEST), Image.Resampling.BICUBIC, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return WorstPicture(
        row=claim.row.name,
        file=clipped(path.relative_to(folder).as_posix(), 300),
        image=clipped(path.stem.replace("_", ": ", 1), 200),
        width=image.width,
        height=image.height,
        uri=f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}",
    )
