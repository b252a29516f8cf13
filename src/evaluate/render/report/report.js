// Sorts tables by their headings, filters the one of all rows.
"use strict";
(() => {
  // The first number of a cell, or its text; what is missing comes last.
  const key = (cell) => {
    const text = cell.textContent.trim();
    if (text === "–" || text === "") return null;
    if (text.startsWith("∞")) return Infinity;
    const found = text.replace(/^≥ /, "").match(/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?/i);
    return found ? Number(found[0]) : text.toLowerCase();
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };
  for (const table of document.querySelectorAll("#rows, table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").onclick = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
        rows.sort((a, b) => {
          const missing = a[0] === null || b[0] === null;
          return down && !missing ? compare(b[0], a[0]) : compare(a[0], b[0]);
        });
        body.append(...rows.map((r) => r[1]));
      };
    });
  }
  const text = document.getElementById("filter");
  const choices = [...document.querySelectorAll("select[data-filter]")];
  const rows = [...document.querySelectorAll("#rows tbody tr")];
  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((w) => row.cells[0].textContent.toLowerCase().includes(w))
        && choices.every((c) => c.value === "" || row.dataset[c.dataset.filter] === c.value);
      row.hidden = !fits;
      shown += fits;
    }
    const of = shown === rows.length ? "" : ` of ${rows.length}`;
    document.getElementById("count").textContent = `${shown}${of} rows`;
  };
  if (text) {
    text.oninput = filter;
    choices.forEach((c) => { c.onchange = filter; });
    filter();
  }
})();
