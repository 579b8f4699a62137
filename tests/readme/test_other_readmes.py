"""READMEs of other kinds: code spans and footnotes around names, links around labels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fill import DATA
from support.trees import RunCli

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.lint.checking import check_document
from hrnet_zoo.readme.lint.sources import readme_document
from hrnet_zoo.readme.markdown import Cell, read_markdown
from hrnet_zoo.readme.names import checkpoint_date, published_name, width_in_name
from hrnet_zoo.readme.results import links_of, results_tables, titles_of
from hrnet_zoo.readme.update import update_readme
from hrnet_zoo.weights.file_name import promised_sha256
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Manifest, Row, Source, Table
from hrnet_zoo.zoo.zoo import Zoo

README = (DATA / "readmes" / "mmpretrain.md").read_bytes().decode()
HEADING = "Image Classification on ImageNet-1k"
COLUMNS = {
    "Model": "model",
    "Pretrain": "pretrain",
    "Params (M)": "params_m",
    "Flops (G)": "flops_g",
    "Top-1 (%)": "top1",
    "Top-5 (%)": "top5",
    "Config": "config",
    "Download": "download",
}
W18 = "hrnet-w18_3rdparty_8xb32_in1k"
FOLDER = "https://download.openmmlab.com/mmclassification/v0/hrnet"
POSE = "hrnet_w32_coco_256x192-c78dce93_20200708.pth"


def row(name: str, position: int, checkpoint: str, *numbers: str) -> Row:
    """Return a row as the table quotes it; its setup is another network's, and plays no part."""
    printed = dict(zip(COLUMNS.values(), (name, "From scratch", *numbers), strict=False))
    known = load_zoo().row("faster_rcnn_hrnetv2p_w18_1x_coco")
    return known.model_copy(
        update={
            "name": name,
            "source": "mmpretrain",
            "table": HEADING,
            "position": position,
            "printed": printed,
            "config_url": "hrnet-w18_4xb32_in1k.py",
            "checkpoint_url": f"{FOLDER}/{checkpoint}",
            "log_url": None,
            "later": None,
        }
    )


def small_zoo() -> Zoo:
    table = Table(source="mmpretrain", heading=HEADING, task="detection", columns=COLUMNS)
    numbers = ("21.30", "4.33", "76.75", "93.44"), ("128.06", "29.00", "79.46", "94.65")
    rows = [
        row(W18, 0, f"{W18}_20220120-0c10b180.pth", *numbers[0]),
        row(W18.replace("18", "64"), 6, f"{W18.replace('18', '64')}_20220120-19126642.pth",
            *numbers[1]),
    ]  # fmt: skip
    source = Source(title="HRNet", url="https://github.com/open-mmlab/mmpretrain")
    manifest = Manifest(schema_version=1, sources={"mmpretrain": source}, tables=[table], rows=rows)
    return Zoo(manifest, Path("zoo.yaml"))


def codes(text: str) -> dict[str, int]:
    found = check_document(readme_document(text, "README.md", small_zoo()))
    return dict(Counter(finding.code for finding in found))


def test_every_column_is_known() -> None:
    [table] = results_tables(read_markdown(README), titles_of([]), "README.md")
    assert {table.title(column): column for column in table.columns} == COLUMNS
    assert len(table.markdown.lines) == 9
    first = table.markdown.lines[0]
    assert table.cell(first, "model").core == W18
    assert links_of(first).config == "hrnet-w18_4xb32_in1k.py"


def test_what_is_up_to_date_keeps_every_byte() -> None:
    update = update_readme(README, small_zoo(), {}, "documented")
    assert (update.new, update.changes) == (README, ())
    assert (update.num_rows, len(update.unknown)) == (2, 7)


def test_only_what_differs_is_rewritten() -> None:
    wrong = README.replace("   76.75   ", "   76.7    ").replace(f"`{W18}`\\*", "`hrnet-w18`\\*", 1)
    update = update_readme(wrong, small_zoo(), {}, "documented")
    assert [(change.old, change.new) for change in update.changes] == [
        ("`hrnet-w18`\\*", f"`{W18}`\\*"),
        ("76.7", "76.75"),
    ]
    cells = [
        [cell.strip() for cell in line.split("|")]
        for line in (README + update.new).splitlines()
        if line.startswith(f"| `{W18}`")
    ]
    assert cells[0] == cells[1]


def test_lint_finds_no_fault_in_it() -> None:
    # The rows' setups are another network's, whose parameters would be other ones.
    assert codes(README) == {"HZ502": 2}
    wrong = README.replace("78.19", "178.19").replace("-8aa3832f", "")
    assert codes(wrong) == {"HZ502": 2, "HZ107": 1, "HZ306": 1}


def test_a_task_that_is_not_known_is_named(tmp_path: Path, run_cli: RunCli) -> None:
    file = tmp_path / "README.md"
    file.write_text("## Sizes\n\n| Model | Mem (GB) | fps |\n|:-|:-:|:-:|\n| x | 1.0 | 9.0 |\n")
    finished = run_cli("import", file)
    assert "do not tell" in finished.err


def test_names_of_files_with_the_hash_before_the_date() -> None:
    assert promised_sha256(POSE) == "c78dce93"
    assert published_name(f"https://h/{POSE}") == "hrnet_w32_coco_256x192"
    assert str(checkpoint_date(POSE)) == "2020-07-08"
    assert published_name(f"{FOLDER}/{W18}_20220120-0c10b180.pth") == W18
    width = width_in_name(W18)
    assert width is not None
    assert width.as_backbone() == "w18"
    assert promised_sha256("hrnet_w32_coco_256x192-c78dce93_2020.pth") is None


def test_a_label_within_a_link_is_the_label() -> None:
    config = "/configs/coco/hrnet_w32_coco_256x192.py"
    text = (
        "# COCO\n\n| Arch | Input Size | AP | mask AP | ckpt | log |\n|:-|:-:|:-:|:-:|:-:|:-:|\n"
        f"| [pose_hrnet_w32]({config}) | 256x192 | 0.746 | 1 | [ckpt](https://h/{POSE}) "
        "| [log](https://h/hrnet_w32_coco_256x192_20200708.log.json) |\n"
    )
    [table] = results_tables(read_markdown(text), titles_of([]), "README.md")
    assert {"arch", "input_size", "download", "log"} < set(table.columns)
    [line] = table.markdown.lines
    assert table.cell(line, "arch").core == "pose_hrnet_w32"
    links = links_of(line)
    assert (links.config, links.checkpoint) == (config, f"https://h/{POSE}")
    found = check_document(readme_document(text, "README.md", load_zoo()))
    assert not {"HZ205", "HZ302", "HZ303", "HZ306"} & {finding.code for finding in found}


def test_a_readme_without_a_known_metric_says_so() -> None:
    text = "| Arch | OA |\n|-|-|\n| x | 1 |\n"
    with pytest.raises(ReadmeError, match="no results table"):
        update_readme(text, load_zoo(), {}, "documented")


@pytest.mark.parametrize(
    ("raw", "core"),
    [
        (r" `a`\* ", "a"),
        (r" **78.80**\* ", "78.80"),
        (r" \* ", r"\*"),
        (" [**a**](x.py) ", "a"),
        (" [model](a.pth) &#124; [log](b.log) ", "[model](a.pth) &#124; [log](b.log)"),
    ],
)
def test_cores(raw: str, core: str) -> None:
    assert Cell(start=0, raw=raw).core == core
