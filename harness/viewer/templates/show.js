// One item as nodes. Everything that was written by a model or a stranger becomes text nodes.

const SIGNS = {
  c: ["✓", "chosen", "good"], r: ["✗", "rejected", "bad"], t: ["=", "tie", "even"],
  u: ["?", "unparsed", "failed"], e: ["!", "error", "failed"],
  a: ["A", "A is better", "first"], b: ["B", "B is better", "second"],
  f: ["⚑", "flag", "flag"],
};
// what moves the direction of the text around it, or cannot be seen
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;

function el(tag, name, ...inside) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...inside.filter((one) => one !== null && one !== undefined));
  return node;
}

const named = (character) =>
  "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");

// `text` inside `node`: hidden characters by their names, what was searched for marked.
function put(node, text, query) {
  for (const piece of text.replace(/\r\n?/g, "\n").split(new RegExp(`(${HIDDEN.source})`))) {
    if (piece.length === 1 && HIDDEN.test(piece)) node.append(el("span", "hidden", named(piece)));
    else putMarked(node, piece, query);
  }
  return node;
}

function putMarked(node, text, query) {
  const low = query ? text.toLowerCase() : "";
  let from = 0;
  // a few letters change their length in lower case: then nothing is marked rather than the wrong
  for (let at = low.length === text.length && query ? low.indexOf(query) : -1; at >= 0;
       at = low.indexOf(query, from)) {
    node.append(text.slice(from, at), el("mark", "", text.slice(at, at + query.length)));
    from = at + query.length;
  }
  node.append(text.slice(from));
}

function sign(letter) {
  const [shape, name, look] = SIGNS[letter];
  const node = el("span", `sign ${look}`, shape);
  node.title = name;
  node.setAttribute("aria-label", name);
  node.setAttribute("role", "img");
  return node;
}

const signs = (letters) =>
  [...letters].map((one) => (one === "|" ? el("span", "between", "|") : sign(one)));

const facts = (list) => list.length
  ? el("ul", "facts", ...list.map(([name, value]) => el("li", "", `${name} `, put(el("bdi"), value))))
  : null;

function fold(one, query) {
  const node = el("details", "fold", el("summary", "", one.name), put(el("div", "text"), one.text, query));
  node.open = one.open || (query !== "" && one.text.toLowerCase().includes(query));
  return node;
}

function answer(one, query) {
  const head = el("div", "head", one.mark ? sign(one.mark) : null,
    one.mark ? el("strong", "", SIGNS[one.mark][1]) : null, put(el("bdi", "dim"), one.head));
  return el("div", "answer", head, facts(one.facts), ...one.folds.map((inner) => fold(inner, query)));
}

function panel(one, query) {
  const none = one.answers.length ? null : el("p", "note", "nothing was said of it");
  return el("section", "panel", put(el("h3"), one.title), none,
    ...one.answers.map((inner) => answer(inner, query)));
}

function side(one, query) {
  const head = el("header", "", one.mark ? sign(one.mark) : null, put(el("h3"), one.title),
    one.preferred ? el("span", "people", "★ preferred by people") : null,
    ...one.flags.map((flag) => put(el("span", "warn"), flag)));
  const text = one.text === null
    ? put(el("p", "note"), one.note ?? "no text")
    : one.text.trim() ? put(el("div", "text"), one.text, query) : el("p", "note", "an empty text");
  return el("section", one.preferred ? "side preferred" : "side", head, facts(one.facts),
    ...one.answers.map((inner) => answer(inner, query)),
    ...one.folds.map((inner) => fold(inner, query)), text);
}

// An item whose numbers are strings again.
async function filled(item, strings) {
  const text = async (number) => (number === null ? null : strings.get(number));
  const folds = (list) => Promise.all(list.map(async (one) => ({ ...one, text: await text(one.text) })));
  const answers = (list) => Promise.all(list.map(async (one) => ({ ...one, folds: await folds(one.folds) })));
  return {
    facts: item.facts,
    prompt: await text(item.prompt),
    panels: await Promise.all(item.panels.map(async (one) => ({ ...one, answers: await answers(one.answers) }))),
    sides: await Promise.all(item.sides.map(async (one) => ({
      ...one, text: await text(one.text), folds: await folds(one.folds), answers: await answers(one.answers),
    }))),
  };
}

function show(item, row, query) {
  const prompt = item.prompt === null ? null
    : el("section", "prompt", el("h3", "", "prompt"), put(el("div", "text"), item.prompt, query));
  return [
    el("div", "where", ...signs(row.marks), put(el("code"), row.id), facts(item.facts)),
    prompt,
    item.panels.length ? el("div", `panels of${item.panels.length}`, ...item.panels.map((one) => panel(one, query))) : null,
    el("div", `sides of${item.sides.length}`, ...item.sides.map((one) => side(one, query))),
  ].filter((one) => one !== null);
}

