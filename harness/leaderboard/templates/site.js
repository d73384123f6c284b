"use strict";
// Sorts a table by the column whose head is pressed; filters the lines of the board.
(() => {
  const compare = (a, b, numeric, turn) => {
    // what is not known stands last, either way round
    if (a === "" || b === "") return (a === "") - (b === "");
    return turn * (numeric ? Number(a) - Number(b) : a.localeCompare(b));
  };

  const sort = (table, place, head) => {
    const numeric = head.dataset.numeric === "1";
    const before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : numeric;
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const key = (line) => line.cells[place].dataset.sort;
    const lines = [...body.rows].sort((a, b) => compare(key(a), key(b), numeric, down ? -1 : 1));
    body.append(...lines);
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      head.firstElementChild.addEventListener("click", () => sort(table, place, head));
    });
  }

  const form = document.getElementById("filter");
  if (!form) return;
  const find = document.getElementById("find");
  const lines = [...document.querySelectorAll("tr[data-kind]:not([data-kind=''])")];
  const main = document.querySelector("table.sortable");
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set([...form.querySelectorAll(":checked")].map((box) => box.value));
    let shown = 0;
    for (const line of lines) {
      const fits = kinds.has(line.dataset.kind) && words.every((word) => line.dataset.find.includes(word));
      line.hidden = !fits;
      if (fits && main.contains(line)) shown += 1;
    }
    document.getElementById("count").textContent = `${shown} ${shown === 1 ? "row" : "rows"}`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
})();
