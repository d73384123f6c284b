// The list at the left: only the rows in sight are nodes.

const ROW = 54; // pixels, as in the style
const BEYOND = 8; // rows above and below those in sight

class List {
  constructor(box, rows, choose) {
    this.box = box;
    this.rows = rows;
    this.choose = choose;
    this.numbers = []; // of the rows shown, in their order
    this.at = -1; // place in `numbers`
    box.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.later()).observe(box);
    rows.addEventListener("click", (event) => {
      const node = event.target.closest("[data-place]");
      if (node) this.go(Number(node.dataset.place), true);
    });
  }

  set(numbers, all, at) {
    this.numbers = numbers;
    this.all = all;
    this.at = at;
    this.rows.style.height = `${numbers.length * ROW}px`;
    this.see();
    this.draw();
  }

  go(place, byHand = false) {
    if (!this.numbers.length) return;
    this.at = Math.max(0, Math.min(this.numbers.length - 1, place));
    this.see();
    this.draw();
    this.choose(this.numbers[this.at], byHand);
  }

  // scrolls as little as it takes to have the chosen row in sight
  see() {
    const top = Math.max(0, this.at) * ROW, bottom = top + ROW;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (bottom > this.box.scrollTop + this.box.clientHeight) {
      this.box.scrollTop = bottom - this.box.clientHeight;
    }
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - BEYOND);
    const count = Math.ceil(this.box.clientHeight / ROW) + 2 * BEYOND;
    const nodes = [];
    for (let i = first; i < Math.min(this.numbers.length, first + count); i++) nodes.push(this.row(i));
    this.rows.replaceChildren(...nodes);
    if (this.at >= 0) this.box.setAttribute("aria-activedescendant", `row-${this.at}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  row(place) {
    const one = this.all[this.numbers[place]];
    const node = el("div", "entry",
      el("div", "top", put(el("bdi", "title"), one.title), el("span", "marks", ...signs(one.marks))),
      put(el("div", "sub"), one.sub));
    node.id = `row-${place}`;
    node.dataset.place = place;
    node.style.transform = `translateY(${place * ROW}px)`;
    node.setAttribute("role", "option");
    node.setAttribute("aria-selected", place === this.at);
    node.setAttribute("aria-setsize", this.numbers.length);
    node.setAttribute("aria-posinset", place + 1);
    return node;
  }
}

