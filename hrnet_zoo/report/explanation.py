"""What may be the cause of a wrong number, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator

from hrnet_zoo.report.text import aligned, metric_title, or_dash, to_json
from hrnet_zoo.system.foreign import on_one_line
from hrnet_zoo.verdicts.explanation import Effect, Explanation
from hrnet_zoo.zoo.printed import decimals_of

_SHOWN = 8
"""Causes that are shown, unless all are asked for; of the others, what they amount to."""


def explanation_as_json(found: Explanation) -> str:
    """Return an object with all that was found out; shares of the gap are from 0 to 1."""
    return to_json(
        {
            "name": found.row.name,
            "edition": found.row.edition,
            "metric": found.metric,
            "documented": found.gap.documented,
            "measured": found.gap.measured,
            "record": found.record,
            "num_images": found.num_images,
            "seed": found.seed,
            "value_on_these_images": found.base,
            "cause": found.named and _effect(found.named),
            "why_no_cause": found.why_not or None,
            "not_told_apart": [each.cause.change for each in found.not_apart],
            "facts": [{"says": fact.says, "is_cause": fact.is_cause} for fact in found.facts],
            "tried": [_effect(effect) for effect in found.effects],
            "not_tried": found.not_tried,
        }
    )


def _effect(effect: Effect) -> dict[str, object]:
    return {
        "family": effect.cause.family,
        "change": effect.cause.change,
        "value": effect.value,
        "closes": effect.closes,
        "interval": [effect.low, effect.high],
        "alike": effect.cause.alike or None,
    }


def explanation_as_text(found: Explanation, *, all_causes: bool) -> str:
    """Return what was found out, the answer last.

    Args:
        found: what was found out.
        all_causes: whether all that was tried is shown.
    """
    lines = [_head(found)]
    lines += [
        f"  {fact.says}{'  (certain: no network was run)' if fact.is_cause else ''}"
        for fact in found.facts
    ]
    shown = found.effects if all_causes else found.effects[:_SHOWN]
    if shown:
        rows = [_cells(found, effect) for effect in shown]
        titles = ["tried on the same images", "value", "closes", "95 % interval"]
        lines += ["", *(f"  {line}" for line in aligned(titles, rows, "lrrr").splitlines())]
    if rest := found.effects[len(shown) :]:
        best = max(effect.closes for effect in rest)
        lines.append(f"  {len(rest)} others close at most {_share(best)}; --all shows them")
    lines += [f"  not tried: {what} ({why})" for what, why in found.not_tried.items()]
    return "\n".join(map(on_one_line, [*lines, "", *_answer(found)]))


def _head(found: Explanation) -> str:
    measured = (
        "" if found.gap.measured is None else f"  measured {_number(found, found.gap.measured)}"
    )
    images = f"{found.num_images} images of the record"
    if found.seed is not None:
        images = f"probe: {found.num_images} images, seed {found.seed}"
    return (
        f"{found.row.name}, {metric_title(found.metric)}: "
        f"documented {found.row.documented(found.metric)}{measured} | "
        f"{images}: {_number(found, found.base)}"
    )


def _number(found: Explanation, value: float | None) -> str:
    documented = found.row.documented(found.metric)
    return or_dash(value, f".{2 if documented is None else decimals_of(documented)}f")


def _cells(found: Explanation, effect: Effect) -> list[str]:
    if effect.is_none:
        return [effect.cause.change, _number(found, effect.value), "no effect", ""]
    span = f"{_share(effect.low)} to {_share(effect.high)}"
    return [effect.cause.change, _number(found, effect.value), _share(effect.closes), span]


def _share(share: float) -> str:
    return f"{max(share, -9.99):.0%}".replace("%", " %")


def _answer(found: Explanation) -> Iterator[str]:
    name = found.row.name
    if found.named is not None:
        effect = found.named
        yield (
            f"cause: {effect.cause.change}; it closes {_share(effect.closes)} of the gap, and "
            "clearly more than anything else"
        )
        if effect.cause.alike:
            yield f"not told apart from it: {effect.cause.alike}"
        yield f'next: change that, and run "hrnet-zoo verify {name}"; only that proves it'
        return
    yield f"no single cause: {found.why_not}"
    if found.not_apart:
        yield f"not told apart: {', '.join(each.cause.change for each in found.not_apart)}"
    if any(fact.is_cause for fact in found.facts):
        yield f'next: "hrnet-zoo data check {found.row.setup.dataset}"'
    else:
        yield "next: more images (--images), or what was not tried"
