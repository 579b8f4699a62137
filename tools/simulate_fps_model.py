"""How often the fps verdict is wrong, on machines and tables made up at random.

The rows, tables and printed decimals are those of the manifest; `fps_rows.json` has what their
networks compute, move and launch. Each draw invents two machines: the documented one, whose launch
cost differs by table, and the one here, anything from a CPU to a GPU faster than any there is.
Times come from rules that the fitted model only approximates: how well host and GPU overlap, how
compute and memory do, and what an image costs beside its layers are drawn too. Then documented
times get noise of 2 to 8 %, measured ones of 1 %.

python tools/simulate_fps_model.py            # about seven minutes
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from hrnet_zoo.verdicts.fps.judging import OUTLIERS, FpsVerdict, judge_fps
from hrnet_zoo.verdicts.fps.machine import FpsRow
from hrnet_zoo.verdicts.fps.times import layers_of
from hrnet_zoo.zoo.manifest import load_zoo

FACTS = Path(__file__).with_name("fps_rows.json")
THREE_TABLES = ("Cityscapes", "ADE20K", "Pascal VOC 2012 + Aug")


@dataclass(frozen=True, kw_only=True)
class Network:
    """What a row's network does for one image."""

    template: FpsRow
    layers: float
    multiply_adds: float
    bytes_moved: float


@dataclass(frozen=True, kw_only=True)
class TrueMachine:
    """A machine as it really is, which the fitted model does not know."""

    multiply_adds_per_s: float
    bytes_per_s: float
    launch_s: dict[str, float]
    """Table -> seconds per layer."""
    extra_layers: float
    """What an image costs beside its layers, in layers."""
    overlap: float
    """Of host and device: 1 if they take turns, large if only the slower counts."""
    inner_overlap: float
    """Likewise of computing and moving bytes."""

    def seconds(self, network: Network) -> float:
        """Return the time of one image, without noise."""
        host = self.launch_s[network.template.table] * (network.layers + self.extra_layers)
        compute = network.multiply_adds / self.multiply_adds_per_s
        memory = network.bytes_moved / self.bytes_per_s
        device = _overlapped(compute, memory, self.inner_overlap)
        return _overlapped(host, device, self.overlap)


def _overlapped(one: float, other: float, exponent: float) -> float:
    return float((one**exponent + other**exponent) ** (1 / exponent))


def networks(
    tables: Sequence[str] = (), sources: Sequence[str] = (), *, with_multiply_adds: bool = True
) -> list[Network]:
    """Return the rows with a documented fps, or those of some tables or READMEs only.

    Args:
        tables: headings; all if there are none.
        sources: READMEs; all if there are none.
        with_multiply_adds: whether the verdicts may know them.
    """
    facts = {entry["name"]: entry for entry in json.loads(FACTS.read_text())}
    found = []
    for row in load_zoo().rows:
        fps = row.documented("fps")
        if fps is None or (tables and row.table not in tables):
            continue
        if sources and row.source not in sources:
            continue
        fact = facts[row.name]
        template = FpsRow(
            name=row.name,
            source=row.source,
            table=row.table,
            documented_fps=fps,
            measured_s=1.0,
            layers=layers_of(row),
            multiply_adds=fact["multiply_adds"] if with_multiply_adds else None,
        )
        found.append(
            Network(
                template=template,
                layers=fact["layers"],
                multiply_adds=fact["multiply_adds"],
                bytes_moved=fact["bytes_moved"],
            )
        )
    return found


def draw_documented(rng: np.random.Generator, tables: Iterable[str]) -> TrueMachine:
    """Return something like a V100 in hosts of different speed."""
    host = rng.uniform(80e-6, 200e-6)
    return TrueMachine(
        multiply_adds_per_s=rng.uniform(4e12, 7.5e12),
        bytes_per_s=rng.uniform(0.3e12, 0.9e12),
        launch_s={table: host * rng.uniform(1, 3) for table in tables},
        extra_layers=rng.uniform(20, 80),
        overlap=rng.choice([1.5, 2.0, 3.0]),
        inner_overlap=rng.choice([1.0, 2.0, 8.0]),
    )


def draw_here(rng: np.random.Generator, tables: Iterable[str]) -> TrueMachine:
    """Return a CPU or a GPU; one host."""
    compute = float(np.exp(rng.uniform(np.log(0.1e12), np.log(60e12))))
    launch = float(np.exp(rng.uniform(np.log(5e-6), np.log(150e-6))))
    return TrueMachine(
        multiply_adds_per_s=compute,
        bytes_per_s=compute * rng.uniform(0.05, 0.3),
        launch_s=dict.fromkeys(tables, launch),
        extra_layers=rng.uniform(20, 80),
        overlap=rng.choice([1.0, 2.0, 8.0]),
        inner_overlap=rng.choice([1.0, 2.0, 8.0]),
    )


def draw_rows(rng: np.random.Generator, chosen: Sequence[Network]) -> list[FpsRow]:
    """Return sound rows: documented and timed on two machines of the same draw."""
    tables = sorted({network.template.table for network in chosen})
    documented, here = draw_documented(rng, tables), draw_here(rng, tables)
    noise = rng.uniform(0.02, 0.08)
    rows = []
    for network in chosen:
        seconds = documented.seconds(network) * np.exp(noise * rng.standard_normal())
        measured = here.seconds(network) * np.exp(0.01 * rng.standard_normal())
        fps = rounded_like(network.template.documented_fps, 1 / seconds)
        rows.append(replace(network.template, documented_fps=fps, measured_s=measured))
    return rows


def rounded_like(printed: Decimal, value: float) -> Decimal:
    """Return a number with as many decimals as a printed one."""
    return Decimal(value).quantize(printed)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Shares of rows, 0 to 1."""

    false_alarms: float
    """Sound rows called outliers, of those with a verdict."""
    any_false_alarm: float
    """Draws without a wrong row in which some row is called an outlier."""
    judged: float
    """Rows with a verdict."""
    found: dict[float, float]
    """Factor by which one row's documented fps is off -> how often it is called an outlier."""
    found_beside: dict[float, float]
    """The same factor -> other rows called outliers then."""


def simulate(
    chosen: Sequence[Network], *, draws: int, factors: Sequence[float] = (), seed: int = 0
) -> Rates:
    """Return how often verdicts are wrong over random machines.

    Args:
        chosen: rows that are timed.
        draws: pairs of machines.
        factors: by which one judged row is falsified in each draw, one factor after another.
        seed: of everything.
    """
    rng = np.random.default_rng(seed)
    clean: list[FpsVerdict] = []
    alarmed: list[bool] = []
    found: dict[float, list[bool]] = {factor: [] for factor in factors}
    beside: dict[float, list[bool]] = {factor: [] for factor in factors}
    for _ in range(draws):
        rows = draw_rows(rng, chosen)
        sound = verdicts(rows)
        clean += sound.values()
        alarmed.append(any(verdict in OUTLIERS for verdict in sound.values()))
        judged_rows = [i for i, row in enumerate(rows) if has_verdict(sound[row.name])]
        wrong = int(rng.choice(judged_rows))
        for factor in factors:
            judged = verdicts(falsified(rows, wrong, factor))
            own = judged.pop(rows[wrong].name)
            found[factor].append(own in OUTLIERS)
            beside[factor] += [v in OUTLIERS for v in judged.values() if has_verdict(v)]
    with_verdict = [verdict for verdict in clean if has_verdict(verdict)]
    return Rates(
        false_alarms=_share(verdict in OUTLIERS for verdict in with_verdict),
        any_false_alarm=_share(alarmed),
        judged=len(with_verdict) / len(clean),
        found={factor: _share(hits) for factor, hits in found.items()},
        found_beside={factor: _share(hits) for factor, hits in beside.items()},
    )


def falsified(rows: Sequence[FpsRow], index: int, factor: float) -> list[FpsRow]:
    """Return the rows, one of them documented that many times as fast."""
    row = rows[index]
    fps = rounded_like(row.documented_fps, float(row.documented_fps) * factor)
    return [*rows[:index], replace(row, documented_fps=fps), *rows[index + 1 :]]


def verdicts(rows: Sequence[FpsRow]) -> dict[str, FpsVerdict]:
    """Return the verdict on each row by its name."""
    return {judgement.row.name: judgement.verdict for judgement in judge_fps(rows)}


def has_verdict(verdict: FpsVerdict) -> bool:
    """Whether anything was decided."""
    return verdict is not FpsVerdict.TOO_FEW_ROWS


def _share(hits: Iterable[bool]) -> float:
    return float(np.mean(list(hits)))


SETS: dict[str, Callable[[], list[Network]]] = {
    "segmentation, all timed": lambda: networks(sources=["mmsegmentation"]),
    "segmentation, multiply-adds unknown": lambda: networks(
        sources=["mmsegmentation"], with_multiply_adds=False
    ),
    "three tables timed": lambda: networks(tables=THREE_TABLES),
    "detection, all timed": lambda: networks(sources=["mmdetection"]),
}


def main() -> None:
    """Print false alarms and power for each set of rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sound-only", action="store_true", help="no wrong rows, so no power")
    options = parser.parse_args()
    factors = () if options.sound_only else (0.5, 0.7, 1.3, 1.5, 2.0)
    for title, rows in SETS.items():
        rates = simulate(rows(), draws=options.draws, factors=factors, seed=options.seed)
        print(
            f"{title}: {rates.judged:.0%} of rows judged, {rates.false_alarms:.2%} false alarms, "
            f"any in {rates.any_false_alarm:.0%} of draws"
        )
        for factor in factors:
            found, beside = rates.found[factor], rates.found_beside[factor]
            print(f"  one row documented {factor:g} x: found {found:.0%}, others hit {beside:.1%}")


if __name__ == "__main__":
    main()
