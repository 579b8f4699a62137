// Sorts and filters the table, draws the charts, and opens what a link leads to.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);

  // The table ---------------------------------------------------------------------------------
  const body = byId("all-rows").tBodies[0];
  const lines = [...body.rows];
  const heads = [...document.querySelectorAll("#all-rows th[aria-sort]")];

  const keyOf = (line, column, kind) => {
    const cell = line.cells[column];
    const text = (cell.dataset.sort ?? cell.textContent).trim();
    if (kind === "text") return text.toLowerCase();
    const number = Number.parseFloat(text);
    return Number.isNaN(number) ? null : number;
  };

  // Cells without a value come last in either direction; equal ones keep their order.
  const compare = (a, b, sign) => {
    const [left, right] = [a.key, b.key];
    if (left === null || left === "") return right === null || right === "" ? 0 : 1;
    if (right === null || right === "") return -1;
    return left < right ? -sign : left > right ? sign : 0;
  };

  const sortBy = (head, column) => {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    const kind = head.querySelector("button").dataset.kind;
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    lines
      .map((line) => ({ line, key: keyOf(line, column, kind) }))
      .sort((a, b) => compare(a, b, ascending ? 1 : -1))
      .forEach(({ line }) => body.append(line));
  };

  heads.forEach((head, column) =>
    head.querySelector("button").addEventListener("click", () => sortBy(head, column)),
  );

  const [name, dataset, verdict] = ["name", "dataset", "verdict"].map((id) => byId(`filter-${id}`));
  const filter = () => {
    const words = name.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const line of lines) {
      const fits =
        words.every((word) => line.dataset.name.includes(word)) &&
        (!dataset.value || line.dataset.dataset === dataset.value) &&
        (!verdict.value || line.dataset.verdicts.split(" ").includes(verdict.value));
      line.hidden = !fits;
      shown += fits;
    }
    byId("shown").textContent = `${shown} of ${lines.length} lines`;
  };
  const form = byId("filters");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    for (const head of heads) head.setAttribute("aria-sort", "none");
    body.append(...lines);
    filter();
  }));
  filter(); // browsers may restore what was typed before a reload

  // Links into closed parts -------------------------------------------------------------------
  const openTarget = () => {
    const target = byId(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let part = target; part; part = part.parentElement) {
      if (part instanceof HTMLDetailsElement) part.open = true;
    }
    target.scrollIntoView();
    target.querySelector(":scope > summary")?.focus({ preventScroll: true });
  };
  addEventListener("hashchange", openTarget);

  // The charts: drawn as SVG, whose colours are the style sheet's -------------------------------
  const choice = byId("chart-dataset");
  const charts = [...document.querySelectorAll(".chart")];
  const views = new Map();

  const heightOf = (chart) => JSON.parse(chart.dataset.heights)[choice.value];

  const sayIfEmpty = (chart) => {
    const there = heightOf(chart) !== undefined;
    chart.hidden = !there;
    chart.parentElement.querySelector(".empty").hidden = there;
    return there;
  };

  const draw = async (chart) => {
    const spec = JSON.parse(byId(chart.dataset.spec).textContent);
    const figure = chart.closest("figure");
    spec.description = `${figure.querySelector("h3").textContent}. ${figure.querySelector("figcaption").textContent}`;
    spec.height = heightOf(chart);
    const { axis, axisY } = spec.config;
    axisY.labelLimit = Math.min(axisY.labelLimit, 0.55 * chart.clientWidth);
    if (chart.clientWidth < 480) axis.labelFontSize = 11;
    spec.params.find((param) => param.name === "dataset").value = choice.value;
    // The interpreter, because the page allows no code made of text.
    const drawn = await vegaEmbed(chart, spec, { actions: false, ast: true, renderer: "svg" });
    views.set(chart, drawn.view);
  };

  const show = async () => {
    for (const chart of charts) {
      if (!sayIfEmpty(chart)) continue;
      if (!views.has(chart)) await draw(chart);
      const view = views.get(chart).signal("dataset", choice.value);
      await view.height(heightOf(chart)).resize().runAsync();
    }
    byId("charts").dataset.shows = choice.value;
  };
  choice.addEventListener("change", show);
  show().then(openTarget);
})();
