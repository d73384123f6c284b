// Which items are shown, in which order, and the keys that move through them.

const at = (id) => document.getElementById(id);
const counted = (number) => number.toLocaleString("en");
const TYPING = 200; // milliseconds without a key before a search begins

async function start() {
  const index = await unpack(document.querySelector('script[data-part="index"]'));
  const rows = index.rows.map(([id, title, sub, marks, strings]) => ({ id, title, sub, marks, strings }));
  const link = (row) => "#" + encodeURIComponent(row.id);
  const byLink = new Map(rows.map((row, number) => [link(row), number]));
  const items = new Parts("items"), strings = new Strings(index.starts);
  const facets = index.facets.map((facet) => ({ ...facet, asked: -1 }));
  let query = "", found = null, searches = 0, shown = -1, drawn = 0;
  let order = index.order === null ? null : { ...index.sorts.find((one) => one.name === index.order), down: true };

  const list = new List(at("list"), at("rows"), (number, byHand) => {
    shown = number;
    if (byHand) fold("toggle", false);
    history.replaceState(null, "", link(rows[number]));
    draw(true);
  });

  async function draw(fromTop) {
    const mine = ++drawn, article = at("item");
    if (shown < 0) {
      article.replaceChildren(el("p", "note", `No ${index.noun} for these filters.`));
      return;
    }
    const part = await items.get(Math.floor(shown / index.size));
    const item = await filled(part[shown % index.size], strings);
    if (mine !== drawn) return; // another one was chosen meanwhile
    article.replaceChildren(...show(item, rows[shown], query));
    article.dataset.shown = rows[shown].id;
    if (fromTop) article.scrollTop = 0;
  }

  function fits(row, number) {
    for (const facet of facets) {
      if (facet.asked >= 0 && !facet.of[number].includes(facet.asked)) return false;
    }
    return found === null || row.strings.some((one) => found.has(one)) || row.id.toLowerCase().includes(query);
  }

  function compare(one, other) {
    const a = order.of[one], b = order.of[other];
    if (a === b) return one - other;
    if (a === null || b === null) return a === null ? 1 : -1;
    return order.down ? b - a : a - b;
  }

  function refresh(wanted = shown) {
    const numbers = [];
    rows.forEach((row, number) => { if (fits(row, number)) numbers.push(number); });
    if (order !== null) numbers.sort(compare);
    const place = numbers.indexOf(wanted);
    at("count").textContent = numbers.length === rows.length
      ? `${counted(rows.length)} ${index.noun}`
      : `${counted(numbers.length)} of ${counted(rows.length)} ${index.noun}`;
    at("clear").disabled = query === "" && facets.every((facet) => facet.asked < 0);
    const asked = facets.filter((facet) => facet.asked >= 0).length;
    at("more").textContent = asked ? `Filters (${asked})` : "Filters";
    const before = shown;
    shown = numbers.length ? numbers[Math.max(0, place)] : -1;
    list.set(numbers, rows, numbers.length ? Math.max(0, place) : -1);
    draw(shown !== before);
  }

  async function search(text) {
    const mine = ++searches, progress = at("progress");
    query = text.trim().toLowerCase();
    if (query === "") {
      found = null;
      progress.hidden = true;
      return refresh();
    }
    progress.hidden = false;
    progress.value = 0;
    const result = await strings.search(query, () => mine !== searches, (done) => { progress.value = done; });
    if (result === null) return; // another one began meanwhile
    progress.hidden = true;
    found = result;
    refresh();
  }

  function fold(id, open) {
    const button = at(id);
    const now = open ?? button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", now);
    document.body.classList.toggle(id, now);
    list.later();
  }

  const option = (text, value) => {
    const node = put(el("option"), text);
    node.value = value;
    return node;
  };
  const choice = (name, options, chosen) => {
    const select = el("select", "", ...options);
    select.addEventListener("change", () => { chosen(select.value); refresh(); });
    return [select, el("label", "", put(el("span"), name), select)];
  };
  const selects = facets.map((facet) => {
    const values = facet.labels.map((label, code) => option(`${label} (${counted(facet.counts[code])})`, code));
    const [select, label] = choice(facet.name, [option("all", -1), ...values], (value) => { facet.asked = Number(value); });
    at("filters").append(label);
    return select;
  });
  const orders = index.sorts.flatMap((sort, number) =>
    [option(`${sort.name}, high first`, `${number} down`), option(`${sort.name}, low first`, `${number} up`)]);
  const [sorting, label] = choice("sort", [option("as in the file", ""), ...orders], (value) => {
    const [number, way] = value.split(" ");
    order = value === "" ? null : { ...index.sorts[Number(number)], down: way === "down" };
  });
  if (order !== null) sorting.value = `${index.sorts.findIndex((one) => one.name === order.name)} down`;
  const clear = el("button", "", "Clear");
  clear.id = "clear";
  clear.type = "button";
  clear.addEventListener("click", () => {
    facets.forEach((facet, number) => { facet.asked = -1; selects[number].value = "-1"; });
    at("query").value = "";
    search("");
  });
  at("filters").append(label, clear);

  let typing = 0;
  at("query").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => search(at("query").value), TYPING);
  });
  at("toggle").addEventListener("click", () => fold("toggle"));
  at("more").addEventListener("click", () => fold("more"));
  at("next").addEventListener("click", () => list.go(list.at + 1));
  at("previous").addEventListener("click", () => list.go(list.at - 1));
  const keys = {
    j: () => list.go(list.at + 1), ArrowDown: () => list.go(list.at + 1),
    k: () => list.go(list.at - 1), ArrowUp: () => list.go(list.at - 1),
    Home: () => list.go(0), End: () => list.go(list.numbers.length - 1),
    "/": () => at("query").focus(), f: () => fold("more"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const inside = event.target.closest("input, select, textarea, summary, button, article");
    if (event.key === "Escape") at("list").focus();
    else if (event.key in keys && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      // in the text the arrows scroll it
      if (inside?.tagName === "ARTICLE" && !/^[a-z/]$/.test(event.key)) return;
      event.preventDefault();
      keys[event.key]();
    }
  });
  const wanted = () => byLink.get(location.hash) ?? 0;
  window.addEventListener("hashchange", () => refresh(wanted()));
  for (const letter of new Set(rows.map((row) => row.marks).join("").replaceAll("|", ""))) {
    at("legend").append(sign(letter), ` ${SIGNS[letter][1]} `);
  }
  fold("more", matchMedia("(min-width: 800px)").matches);
  refresh(index.order !== null && location.hash === "" ? -1 : wanted());
  at("list").focus({ preventScroll: true });
  document.body.dataset.ready = "yes";
}

start().catch((error) => {
  at("count").textContent = `this page did not open: ${error.message}`;
  throw error;
});
