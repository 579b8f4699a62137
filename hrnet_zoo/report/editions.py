"""The README's claim about a row and the later one, side by side and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.zoo.printed import NOT_PRINTED, printed_number
from hrnet_zoo.zoo.row import LATER_QUANTITIES, LaterEdition, Row


def later_as_dict(later: LaterEdition) -> dict[str, object]:
    """Return a later edition for programs: documented values as numbers or None."""
    documented = {q: printed_number(getattr(later, q)) for q in LATER_QUANTITIES}
    return {
        "source": later.source,
        "documented": {q: None if v is None else float(v) for q, v in documented.items()},
        "checkpoint_url": later.checkpoint_url,
        "checkpoint_sha256_prefix": later.checkpoint_sha256_prefix,
        "normalisation": later.normalisation.model_dump(mode="json"),
    }


def editions_side_by_side(row: Row, later: LaterEdition) -> Iterator[tuple[str, str]]:
    """Yield lines of (quantity, README's and later text in columns), titles first."""
    lines = [("", "README", "later"), *_differences(row, later)]
    width = max(len(readme) for _, readme, _ in lines)
    for what, readme, published_later in lines:
        yield what, f"{readme:<{width}}  {published_later}"


def _differences(row: Row, later: LaterEdition) -> Iterator[tuple[str, str, str]]:
    for what, readme, published_later in (
        ("box AP", row.text("box_ap"), later.box_ap),
        ("mask AP", row.text("mask_ap"), later.mask_ap),
        ("Mem (GB)", row.text("train_memory_gb"), later.train_memory_gb),
    ):
        if readme is not None or published_later is not None:
            yield what, _number(readme), _number(published_later)
    yield "speed", _number(row.text("fps"), "fps"), _number(later.inference_ms, "ms")
    ours, theirs = row.setup.normalisation, later.normalisation
    if ours != theirs:
        yield "channel order", ours.channel_order, theirs.channel_order
        yield "mean", _triple(ours, "mean"), _triple(theirs, "mean")
        yield "std", _triple(ours, "std"), _triple(theirs, "std")
    yield "checkpoint", *_files(row)


def _number(text: str | None, unit: str = "") -> str:
    return "not documented" if text is None or text in NOT_PRINTED else f"{text} {unit}".rstrip()


def _triple(normalisation: Normalisation, field: str) -> str:
    return ", ".join(map(str, getattr(normalisation, field)))


def _files(row: Row) -> tuple[str, str]:
    """Return what tells the files apart: their names after the row's name, which both share."""
    later = row.in_edition("later")
    same = row.checkpoint_sha256_prefix == later.checkpoint_sha256_prefix
    readme, published_later = (
        f"..{r.checkpoint_file_name.removeprefix(r.name)}" for r in (row, later)
    )
    return readme if row.checkpoint_url else "(none)", "same file" if same else published_later
