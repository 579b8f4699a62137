"""READMEs that print other editions: a newer number stays, a blank stays, and what is unclear."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from readme.test_readme import cells, documenting, measured_everywhere, zoo_with
from support.readme_variants import original
from support.trees import RunCli

from hrnet_zoo.readme.editions import WantedEdition
from hrnet_zoo.readme.update import Update, update_readme
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import EditionName

ZOO = load_zoo()
FCOS = "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco"  # 13.0, 9.9 fps, 35.1; later 12.9 fps, 35.3, a file
SHARED = "mask_rcnn_hrnetv2p_w18_2x_coco"  # 7.0, 7.5 fps, 39.8 / 36.0; later 11.7 fps, same file
BLANK = "faster_rcnn_hrnetv2p_w18_2x_coco"  # later 6.6, 13.4 fps, 38.9
LOVEDA = "fcn_hr18s_512x512_80k_loveda"  # 1.59, 24.87 fps, 49.28; nothing later
TITLES = {"Mem (GB)": "train_memory_gb", "Inf time (fps)": "fps", "box AP": "box_ap",
          "mask AP": "mask_ap", "mIoU": "miou"}  # fmt: skip


def readme(name: str, *numbers: str, file: EditionName | None = None) -> str:
    """Return a README with one line of a row: memory, fps, accuracies, and a file or none."""
    row = ZOO.row(name)
    titles = [title for title, metric in TITLES.items() if metric in row.printed]
    labels = {"Backbone": "backbone", "Lr schd": "lr_schd", "Crop Size": "crop_size", "GN": "gn",
              "MS train": "ms_train"}  # fmt: skip
    there = {title: row.printed[label] for title, label in labels.items() if label in row.printed}
    link = f"[model]({row.in_edition(file).checkpoint_url})" if file else ""
    lines = [*there, *titles, "Download"], ["---"] * (len(there) + len(titles) + 1)
    filled = [*there.values(), *numbers, link]
    table = "\n".join(f"| {' | '.join(line)} |" for line in (*lines, filled))
    return f"### {row.table}\n\n{table}\n"


def update(text: str, edition: WantedEdition = "auto") -> Update:
    return update_readme(text, ZOO, {}, "documented", "README.md", edition)


def changes(text: str, edition: WantedEdition = "auto") -> list[tuple[str | None, str | None]]:
    return [(change.old, change.new) for change in update(text, edition).changes]


def restated(text: str) -> str:
    """Return the README of the detectors as it was some weeks after: only fps and blanks differ."""
    for row in ZOO.select(task="detection"):
        if row.checkpoint_url is None or row.later is None:
            continue
        fps = "-" if "_2x_" in row.name else row.later.stated("fps") or ""
        line = next(line for line in text.splitlines() if row.checkpoint_file_name in line)
        new = re.sub(rf"\| {row.text('fps')} ( *)\|", rf"| {fps:<3} \1|", line, count=1)
        assert new != line
        text = text.replace(line, new)
    return text


# --- what stays


@pytest.mark.parametrize(
    "text",
    [
        readme(SHARED, "7.0", "11.7", "39.8", "36.0", file="readme"),
        readme(SHARED, "7.0", "7.5", "39.8", "36.0", file="readme"),
        readme(SHARED, "7.0", "-", "39.8", "36.0", file="readme"),
        readme(SHARED, "7.0", "11.7", "39.8", "36.0"),
        readme(SHARED, "7.0", "12", "39.8", "36.0", file="readme"),
        readme(SHARED, "7.0", "11.70", "39.8", "36.0", file="readme"),
        readme(FCOS, "13.0", "12.9", "35.1", file="readme"),
        readme(FCOS, "13.0", "-", "35.1", file="readme"),
        readme(FCOS, "13.0", "12.9", "35.3", file="later"),
        readme(FCOS, "13.0", "12.9", "35.3"),
        readme(FCOS, "13.0", "9.9", "35.1"),
        readme(FCOS, "", "", ""),
        readme(BLANK, "6.6", "-", "38.9", file="later"),
        readme(BLANK, "6.6", "13.4", "38.9"),
        readme(BLANK, "-", "", "-"),
        readme(LOVEDA, "1.59", "24.87", "49.28", file="readme"),
        readme(LOVEDA, "1.59", "24.87", "-"),
        readme(LOVEDA, "<b>1.59</b>", "$24.87$", "&nbsp;49.28%", file="readme"),
    ],
)
def test_numbers_of_any_edition_and_blanks_stay(text: str) -> None:
    found = update(text)
    assert (found.changes, found.unknown, found.new) == ((), (), text)
    assert found.num_rows == 1


@pytest.mark.parametrize("rewrite", [str, restated])
def test_a_readme_of_either_time_is_up_to_date(rewrite: Callable[[str], str]) -> None:
    text = rewrite(original("mmdetection"))
    found = update(text)
    assert (found.changes, found.unknown, found.new) == ((), (), text)
    assert found.num_rows == 30


# --- what is replaced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (readme(SHARED, "7.0", "11.7", "39.9", "36.0", file="readme"), ["39.8"]),
        (readme(SHARED, "-", "11.7", "-", "36.0", file="readme"), ["7.0", "39.8"]),
        (readme(FCOS, "13.0", "9.9", "35.2", file="readme"), ["35.1"]),
        (readme(FCOS, "13.0", "9.9", "<b>35.2</b>\\*", file="readme"), ["<b>35.1</b>\\*"]),
        (readme(FCOS, "13.0", "9.9", "$35.2$ (ours)", file="readme"), ["$35.1$ (ours)"]),
        (readme(FCOS, "13.0", "9.9", "<b id=2>2</b>", file="readme"), ["<b id=2>35.1</b>"]),
        (readme(FCOS, "13.0", "9.9", "35.1", file="later"), ["35.3"]),
        (readme(BLANK, "6.6", "-", "38.8", file="later"), ["38.9"]),
        (readme(BLANK, "", "", "", file="later"), ["6.6", "38.9"]),
        (readme(LOVEDA, "1.59", "24.87", "49.82", file="readme"), ["49.28"]),
    ],
)
def test_numbers_of_no_edition_become_those_of_the_linked_file(
    text: str, expected: list[str]
) -> None:
    assert [new for _, new in changes(text)] == expected
    assert not update(text).unknown
    assert not update(update(text).new).changes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            readme(SHARED, "7.0", "9.8", "39.8", "36.0", file="readme"),
            'of no edition (readme 7.5, later 11.7); "--edition readme" or "--edition later" repl',
        ),
        (
            readme(FCOS, "13.0", "9.9", "35.3", file="readme"),
            "box AP 35.3 is of the later edition, and the linked file, the README's, has 35.1",
        ),
        (
            readme(BLANK, "6.6", "", "38.1"),
            "box AP 38.1 is of no edition (readme none, later 38.9)",
        ),
        (
            readme(BLANK, "6.6", "12.0", "38.9", file="later"),
            "fps 12.0 is of no edition (readme none, later 13.4)",
        ),
        (
            readme(LOVEDA, "1.59", "24.87", "49.30"),
            'mIoU 49.30 is of no edition (readme 49.28); "--edition readme" replaces it',
        ),
        (
            readme(LOVEDA, "1.59", "42.10", "49.28", file="readme"),
            'fps 42.10 is of no edition (readme 24.87); "--edition readme" replaces it',
        ),
        (
            readme(SHARED, "7.1", "11.7", "39.8", "36.0", file="readme"),
            "Mem (GB) 7.1 is of no edition (readme 7.0, later 7.0)",
        ),
    ],
)
def test_what_is_unclear_is_named_and_stays(text: str, why: str) -> None:
    found = update(text)
    assert (found.changes, found.new) == ((), text)
    [left] = found.unknown
    assert why in left.reason
    assert left.line == 5


UNCLEAR = ["42.1 ms", "48.1 / 49.28", "~~48.1~~ 49.28", "2,9", "OOM", ".49", "1700 MB"]


@pytest.mark.parametrize("edition", ["auto", "readme"])
@pytest.mark.parametrize("unclear", UNCLEAR)
def test_what_is_not_clearly_one_number_is_named_and_stays(
    unclear: str, edition: WantedEdition
) -> None:
    text = readme(LOVEDA, unclear, unclear, unclear, file="readme")
    found = update(text, edition)
    assert (found.changes, found.new) == ((), text)
    assert [left.reason.partition(" is not clearly one number")[0] for left in found.unknown] == [
        f'{title} "{unclear}"' for title in ("Mem (GB)", "fps", "mIoU")
    ]


def test_a_measurement_does_not_replace_what_is_not_clearly_one_number() -> None:
    text = readme(LOVEDA, "1.59", "24.87", "48.1 / 49.28", file="readme")
    found = update_readme(text, ZOO, measured_everywhere(0.04), "measured")
    assert (found.changes, len(found.unknown)) == ((), 1)


@pytest.mark.parametrize(
    ("titles", "cells_of_flags", "number", "new"),
    [
        ("Multi-scale | Flip", "Yes | Yes", "49.11", "49.42"),
        ("Multi-scale | Flip", "Yes | Yes", "49.42", None),
        ("Multi-scale | Flip", "No | No", "49.11", "49.28"),
        ("Multi-scale | Flip", "No | Yes", "49.11", None),
        ("TTA | x", "yes | ", "49.42", None),
        ("TTA | x", "ms+flip | ", "49.42", None),
        ("TTA | x", "no | ", "49.11", "49.28"),
    ],
)
def test_a_number_of_another_protocol_is_not_replaced_by_that_of_one_pass(
    titles: str, cells_of_flags: str, number: str, new: str | None
) -> None:
    text = (
        f"| Backbone | {titles} | mIoU | Download |\n|---|---|---|---|---|\n"
        f"| x | {cells_of_flags} | {number} | [model]({ZOO.row(LOVEDA).checkpoint_url}) |\n"
    )
    changed = {change.new for change in update(text).changes if change.column == "mIoU"}
    assert changed == ({new} if new else set())


def test_measurements_stand_beside_numbers_of_their_protocol() -> None:
    link = f"[model]({ZOO.row(LOVEDA).checkpoint_url})"
    lines = "".join(
        f"| HRNetV2p-W18 | {flags} | {number} | {link} |\n"
        for flags, number in [("No | No", "49.28"), ("Yes | Yes", "49.42"), ("No | Yes", "49.3")]
    )
    text = f"| Backbone | Multi-scale | Flip | mIoU | Download |\n|--|--|--|--|--|\n{lines}"
    measured = measured_everywhere(0.04)
    both = cells(update_readme(text, ZOO, measured, "both").new)[0]
    assert [line[4] for line in both] == ["mIoU (measured)", "49.32", "49.46", "-"]
    only = cells(update_readme(text, ZOO, measured, "measured").new)[0]
    assert [line[3] for line in only] == ["mIoU", "49.32", "49.46", "49.3"]


def test_a_row_without_a_file_is_known_by_its_configuration() -> None:
    row = documenting(ZOO.row(LOVEDA), miou="49.40")
    text = readme(LOVEDA, "1.59", "-", "49.28").replace("|  |", f"| [config](x/{LOVEDA}.py) |")
    without = row.model_copy(update={"checkpoint_url": None})
    found = update_readme(text, zoo_with(without), {}, "documented")
    assert [change.new for change in found.changes] == ["24.87", "49.40"]
    named = update_readme(text, zoo_with(row), {}, "documented")
    assert [named.changes, len(named.unknown)] == [(), 1]


# --- an edition that is asked for


@pytest.mark.parametrize(
    ("edition", "text", "expected"),
    [
        ("readme", readme(SHARED, "7.0", "11.7", "39.8", "36.0", file="readme"), ["7.5"]),
        ("later", readme(SHARED, "7.0", "7.5", "39.8", "36.0", file="readme"), ["11.7"]),
        ("later", readme(SHARED, "7.0", "7", "39.8", "36.0", file="readme"), ["12"]),
        ("readme", readme(SHARED, "7.0", "-", "39.8", "36.0", file="readme"), ["7.5"]),
        ("later", readme(SHARED, "7.0", "-", "39.8", "36.0", file="readme"), []),
        ("readme", readme(BLANK, "6.6", "13.4", "38.9"), ["", "", ""]),
        ("later", readme(BLANK, "", "", ""), ["6.6", "38.9"]),
        ("readme", readme(FCOS, "13.0", "12.9", "35.3", file="readme"), ["9.9", "35.1"]),
        ("later", readme(FCOS, "13.0", "9.9", "35.1", file="later"), ["12.9", "35.3"]),
    ],
)
def test_an_edition_replaces_all_numbers(
    edition: EditionName, text: str, expected: list[str]
) -> None:
    assert [new for _, new in changes(text, edition)] == expected
    assert not changes(update(text, edition).new, edition)


@pytest.mark.parametrize(
    ("edition", "text", "why"),
    [
        ("later", readme(FCOS, "13.0", "9.9", "35.1", file="readme"), "the readme edition's file"),
        ("readme", readme(FCOS, "13.0", "9.9", "35.1", file="later"), "the later edition's file"),
        ("later", readme(LOVEDA, "1", "2", "3", file="readme"), f"{LOVEDA} has no later edition"),
    ],
)
@pytest.mark.parametrize("is_reference", [False, True])
def test_no_number_is_put_beside_another_editions_file(
    edition: EditionName, text: str, why: str, is_reference: bool
) -> None:
    if is_reference:
        text = re.sub(r"\((https:[^()]*)\)(.*)", r"[1]\2\n\n[1]: \1", text, flags=re.DOTALL)
    found = update(text, edition)
    assert (found.changes, found.new) == ((), text)
    assert [why in left.reason for left in found.unknown] == [True]


def test_measurements_of_the_readmes_file_do_not_stand_beside_the_later_one() -> None:
    measured = measured_everywhere(0.04)

    def added(text: str) -> list[str]:
        both = update_readme(text, ZOO, measured, "both").new
        return [cell for cell in cells(both)[0][-1] if cell in ("35.1", "+0.0", "39.8")]

    assert "+0.0" in added(readme(FCOS, "13.0", "12.9", "35.1", file="readme"))
    assert "+0.0" in added(readme(SHARED, "7.0", "11.7", "39.8", "36.0", file="readme"))
    assert "+0.0" not in added(readme(FCOS, "13.0", "12.9", "35.3", file="later"))
    assert "+0.0" not in added(readme(FCOS, "13.0", "12.9", "35.3"))


# --- files before the README's


@pytest.mark.parametrize(
    ("file", "note"),
    [
        ("fcn_hr18s_512x512_80k_loveda_20211105_180825-41dcc5dc.pth", "printed 49.30 / 49.23"),
        ("fcn_hr18_512x512_80k_loveda_20211105_165542-95be4d2b.pth", "printed 50.87 / 51.24"),
        ("fcn_hr48_512x512_80k_loveda_20211105_131509-f07e47c6.pth", "printed 51.04 / 51.12"),
        ("fcn_hr18_512x512_80k_ade20k_20200614_210451-66f20cb7.pth", "printed 35.51 / 36.80"),
    ],
)
def test_earlier_files_are_known_by_the_manifests_notes(file: str, note: str) -> None:
    text = f"| Backbone | mIoU | Download |\n|---|---|---|\n| x | 1.00 | [model](h/{file}) |\n"
    found = update(text)
    assert (found.changes, found.new) == ((), text)
    assert note in found.unknown[0].reason


# --- any README

GARBAGE = [
    "-",
    "",
    "n/a",
    "OOM",
    "12,9",
    "~9.5",
    "**13.4**",
    "9.3 [^1]",
    "0",
    "\u2014",
    "`7`",
    "1e9",
]


def mutated(rng: random.Random) -> str:
    """Return a README in which cells, files and lines are other ones, as people leave them."""
    text = original(rng.choice(["mmdetection", "mmdetection", "mmsegmentation"]))
    text = restated(text) if "FCOS" in text and rng.random() < 0.5 else text
    lines = text.splitlines(keepends=True)
    rows = [i for i, line in enumerate(lines) if line.startswith("|") and " pytorch " in line]
    rows = rows or [i for i, line in enumerate(lines) if "FCN " in line]
    numbers = re.findall(r"(?<=\| )\d+\.\d+", text)
    for i in rng.sample(rows, 12):
        pieces = lines[i].split("|")
        end = len(pieces) - 3
        for at in rng.sample(range(2, end), rng.randint(0, 3)):
            pieces[at] = f" {rng.choice([*GARBAGE, *rng.sample(numbers, 8)])} "
        lines[i] = "|".join(pieces)
        change = rng.randrange(8)
        if change == 0:
            lines[i] = re.sub(r"\[model\]\([^)]*\)", "", lines[i])
        elif change == 1:
            for row in ZOO.select(task="detection"):
                if row.later and row.checkpoint_file_name and row.checkpoint_file_name in lines[i]:
                    lines[i] = lines[i].replace(str(row.checkpoint_url), row.later.checkpoint_url)
        elif change == 2:
            lines[i] = re.sub(r"-[0-9a-f]{8}\.pth", "-00000000.pth", lines[i])
        elif change == 3:
            alike = [line for line in lines if line.count("|") == lines[i].count("|") > 7]
            lines[i] = rng.choice([line for line in alike if "---" not in line])
    return "".join(lines)


@pytest.mark.parametrize("seed", range(60))
def test_any_readme_keeps_newer_numbers_filled_cells_and_all_other_bytes(seed: int) -> None:
    text = mutated(random.Random(seed))
    found = update(text)
    assert found.num_tables >= 6
    old, new = text.splitlines(), found.new.splitlines()
    for change in found.changes:
        assert change.row is not None
        assert change.old is not None
        assert change.new not in (None, "", "-")
        row, metric = ZOO.row(change.row), TITLES.get(change.column)
        if metric is None:
            continue
        number = re.findall(r"\d+(?:\.\d+)?", change.new)[0]
        assert number in {one.text(metric) for one in row.editions}
        numbers = re.findall(r"\d+(?:\.\d+)?", change.old)
        later = row.later and row.later.stated(metric)
        if later and numbers and Decimal(numbers[0]) == Decimal(later) != Decimal(number):
            pytest.fail(f"{change} replaces what was stated later")
        newest = row.editions[-1]
        if metric in ("fps", "train_memory_gb") and later and row.text(metric):
            assert number == newest.text(metric)
    touched = {change.line for change in found.changes}
    assert len(old) == len(new)
    assert all(a == b for i, (a, b) in enumerate(zip(old, new, strict=True), 1) if i not in touched)
    assert sum(
        a != b
        for one, other in zip(cells(text), cells(found.new), strict=True)
        for line, after in zip(one, other, strict=True)
        for a, b in zip(line, after, strict=True)
    ) == len(found.changes)
    again = update(found.new)
    assert (again.changes, again.new) == ((), found.new)


@pytest.mark.parametrize("seed", range(60, 66))
def test_any_readme_is_written_as_was_said(seed: int, tmp_path: Path, run_cli: RunCli) -> None:
    file, text = tmp_path / "README.md", mutated(random.Random(seed))
    file.write_bytes(text.encode())
    checked = run_cli("readme", file, "--check")
    written = run_cli("readme", file, "--write")
    assert checked.out == written.out
    assert (checked.code == 1) == (written.out != "") == (file.read_bytes() != text.encode())
    assert {checked.code, written.code} <= {0, 1, 3}
    assert run_cli("readme", file, "--check").out == ""
