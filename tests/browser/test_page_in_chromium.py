"""The HTML report in a real browser: it works, asks nobody for anything, and strings stay inert."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page
from support.hostile import MARK

DESKTOP, PHONE = (1360, 900), (375, 812)
CHARTS = ("speed", "size", "deltas", "history")
Watched = tuple[Page, list[str]]


@contextmanager
def opened(
    browser: Browser, address: str, *, size: tuple[int, int] = DESKTOP, dark: bool = False
) -> Iterator[Watched]:
    """Open the page once its charts are drawn; the list is of all that should not happen."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    wrong: list[str] = []

    def refused(dialog: Dialog) -> None:
        wrong.append("a dialog")
        dialog.dismiss()

    def requested(url: str) -> None:
        if url.partition("#")[0] != address and not url.startswith("data:"):
            wrong.append(f"request: {url}")

    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", refused)
    page.on("popup", lambda _popup: wrong.append("a window"))
    page.on("request", lambda request: requested(request.url))
    page.goto(address)
    page.wait_for_selector("#charts[data-shows]", timeout=60_000)
    yield page, wrong
    context.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as (page, wrong):
        yield page
    assert wrong == []


def names(page: Page) -> list[str]:
    """Return the names in the lines of the table that can be seen."""
    lines = page.locator("#all-rows tbody tr:visible th a").all_text_contents()
    return [line.strip() for line in lines]


def column(page: Page, number: int) -> list[float]:
    texts = page.locator(f"#all-rows tbody tr > :nth-child({number})").all_text_contents()
    return [float(text) for text in texts if re.fullmatch(r"[-+]?\d+\.\d+", text.strip())]


def test_charts_draw_marks_of_the_chosen_data_set(page: Page) -> None:
    marks = {name: page.locator(f"#{name} svg .mark-symbol path").count() for name in CHARTS}
    assert all(count >= 5 for count in marks.values()), marks
    page.select_option("#chart-dataset", "coco")
    page.wait_for_selector("#charts[data-shows=coco]")
    more = {name: page.locator(f"#{name} svg .mark-symbol path").count() for name in CHARTS}
    assert all(more[name] > marks[name] for name in CHARTS), (marks, more)
    labels = page.locator("#deltas svg .role-axis-label text").all_text_contents()
    assert any(label.startswith("mask_rcnn_w18_1x") for label in labels)
    assert not any(label.startswith("hr18") for label in labels)
    for name in CHARTS:
        box = page.locator(f"#{name} svg").bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 200
        described = page.locator(f"#{name} svg [aria-label], #{name} svg[aria-label]").first
        assert described.get_attribute("aria-label")


def test_a_mark_tells_its_numbers(page: Page) -> None:
    page.locator("#size svg .mark-symbol path").first.hover()
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert "cityscapes" in (tooltip.text_content() or "")
    assert "parameters (M)" in (tooltip.text_content() or "")


def test_columns_sort_in_both_directions_with_absent_values_last(page: Page) -> None:
    head = page.locator("#all-rows thead th[aria-sort]").nth(2)
    order = names(page)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    ascending = column(page, 3)
    assert ascending == sorted(ascending)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, 3) == sorted(ascending, reverse=True)
    last = page.locator("#all-rows tbody tr:last-child > :nth-child(3)").text_content()
    assert (last or "").strip() == "-"
    assert page.locator('#all-rows th[aria-sort="descending"]').count() == 1
    page.get_by_role("button", name="Reset").click()
    page.locator("#all-rows th[aria-sort=descending]").wait_for(state="detached")
    assert names(page) == order


def test_filters_narrow_together_and_say_how_many_are_left(page: Page) -> None:
    everything = len(names(page))
    page.locator("#filters").get_by_label("Data set").select_option("coco")
    coco = names(page)
    assert 30 <= len(coco) < everything
    assert all(name.endswith("coco") for name in coco)
    page.locator("#filters").get_by_label("Verdict").select_option("mismatch_better")
    page.get_by_label("Name contains").fill("MASK w18")
    assert names(page) == ["mask_rcnn_hrnetv2p_w18_2x_coco"]
    assert page.locator("#shown").text_content() == f"1 of {everything} lines"
    page.get_by_label("Name contains").fill("nothing like it")
    assert names(page) == []
    page.get_by_role("button", name="Reset").click()
    page.locator("#shown", has_text=f"{everything} of {everything}").wait_for()
    assert len(names(page)) == everything


def test_a_number_leads_to_its_record(page: Page) -> None:
    link = page.locator("#all-rows tbody tr").first.locator("td a").first
    target = (link.get_attribute("href") or "").removeprefix("#")
    record = page.locator(f"#{target}")
    assert not record.is_visible()
    link.click()
    record.locator("pre").wait_for(state="visible")
    assert '"checkpoint"' in (record.locator("pre").text_content() or "")


def test_everything_works_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("#filter-name").focus()
    page.keyboard.type("htc")
    assert all("htc" in name for name in names(page))
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('th')?.ariaSort") == "none"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert page.locator('#all-rows th[aria-sort="ascending"]').count() == 1
    page.locator("details.row > summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.row").first.get_attribute("open") is not None
    page.locator("#chart-dataset").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#charts[data-shows=ade20k]")


def test_controls_have_names_and_headings_are_in_order(page: Page) -> None:
    unnamed = page.evaluate(
        """[...document.querySelectorAll('input, select, button, img, summary, [role=region]')]
        .filter((e) => !(e.labels?.length || e.textContent.trim() || e.alt || e.ariaLabel
            || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


CONTRASTS = """() => {
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.body);
  const paper = luminance(style.backgroundColor);
  const probe = document.body.appendChild(document.createElement('i'));
  const of = (name) => {
    probe.style.color = `var(--${name})`;
    const ink = luminance(getComputedStyle(probe).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  };
  return Object.fromEntries(['ink', 'muted', 'link', 'match', 'mismatch-better', 'mismatch-worse',
    'inconclusive', 'not-comparable', 'not-documented', 'not-run', 'error'].map((n) => [n, of(n)]));
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_can_be_read(
    browser: Browser, address: str, screenshots: Path, size: tuple[int, int], dark: bool
) -> None:
    with opened(browser, address, size=size, dark=dark) as (page, wrong):
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        contrasts = page.evaluate(CONTRASTS)
        assert all(contrast >= 4.5 for contrast in contrasts.values()), contrasts
        ink = page.evaluate("getComputedStyle(document.body).color")
        label = page.locator("#speed svg .role-axis-label text").first
        assert label.evaluate("(text) => getComputedStyle(text).fill") == ink
        name = f"{'phone' if size == PHONE else 'desktop'}_{'dark' if dark else 'light'}"
        page.screenshot(path=screenshots / f"{name}.png", full_page=True)
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert wrong == []


def test_it_prints_dark_on_white_and_without_controls(
    browser: Browser, address: str, screenshots: Path
) -> None:
    with opened(browser, address, size=(700, 1000), dark=True) as (page, wrong):
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert not page.locator("#filters").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 700
        page.screenshot(path=screenshots / "print.png", full_page=True)
        printed = page.pdf(path=screenshots / "print.pdf", format="A4")
        assert printed.startswith(b"%PDF")
        assert printed.count(b"/Type /Page\n") >= 4
    assert wrong == []


def test_without_scripts_tables_and_records_can_be_read(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("#all-rows tbody tr").count() >= 67
    page.locator("details.row > summary").first.click()
    assert page.locator("details.row .claims").first.is_visible()
    context.close()


def use_everything(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.locator("#filter-name").fill("<script>")
    page.locator("#filter-name").fill("")
    for head in page.locator("#all-rows thead th button").all():
        head.click()
    for name in page.locator("#chart-dataset option").all_text_contents():
        page.select_option("#chart-dataset", name)
        page.wait_for_selector(f"#charts[data-shows='{name}']")
        for mark in page.locator("#size svg .mark-symbol path").all():
            mark.hover()
    for cell in page.locator("#all-rows tbody tr > *").all()[:40]:
        cell.hover()


def test_strings_of_manifest_and_records_stay_strings(
    browser: Browser, hostile_address: str
) -> None:
    with opened(browser, hostile_address) as (page, wrong):
        use_everything(page)
        page.wait_for_timeout(500)
        assert page.evaluate(f"window.{MARK}") is None
        assert page.locator("body script:not([type])").count() == 2
        strange = "iframe, object, embed, link, base, svg[onload], body [onerror], body [onload]"
        assert page.locator(strange).count() == 0
        assert page.locator("img:not([src^='data:image/jpeg'])").count() == 0
        shown = page.locator("#rows").text_content() or ""
        assert f"<script>window.{MARK}=1;alert(1)</script>" in shown
        assert "{{ 7 * 7 }}" in shown
    assert wrong == []
