// What <photo-grid> and <face-grid> have in common: ticking many things of a grid at once, with the pointer (ranges with
// Shift), the keyboard (arrows, x, Shift with arrows, Ctrl+A, Escape) and a finger. The check boxes, the bar and its
// buttons work without it.

const LONG_PRESS_MS = 450;
const SLIP_PX = 12;

export class SelectGrid extends HTMLElement {
  static tiles = ".tile";
  static boxes = ".tile-select";

  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.addEventListener("click", (event) => this.onClick(event), { signal });
    this.addEventListener("change", () => this.tell(), { signal });
    this.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.keyPlace.addEventListener("keydown", (event) => this.onPageKey(event), { signal });
    document.addEventListener("reset", (event) => event.target.id === this.formId && setTimeout(() => this.tell(true)), { signal });
    // A page that comes back from the browser's memory may have boxes checked.
    window.addEventListener("pageshow", () => this.tell(), { signal });
    this.listen(signal);
    this.tell();
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  /** For what else a grid listens to. */
  listen() {}

  /** Where Ctrl+A and Escape are listened for. */
  get keyPlace() {
    return document;
  }

  get formId() {
    return "selection";
  }

  get output() {
    return document.querySelector(".selection-count");
  }

  get boxes() {
    return [...this.querySelectorAll(this.constructor.boxes)];
  }

  get hasSelection() {
    return this.querySelector(`${this.constructor.boxes}:checked`) !== null;
  }

  boxOf(tile) {
    return tile.querySelector(this.constructor.boxes);
  }

  /** Writes how many are selected; `ended` also closes what the bar has open. */
  tell(ended = false) {
    const count = this.querySelectorAll(`${this.constructor.boxes}:checked`).length;
    if (this.output) this.output.textContent = count ? `${count} selected` : "";
    this.classList.toggle("is-selecting", count > 0);
    this.told(count, ended);
  }

  told() {}

  clear() {
    for (const box of this.boxes) box.checked = false;
    this.tell(true);
  }

  onClick(event) {
    const tile = event.target.closest(this.constructor.tiles);
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("button")) return;
    const box = this.boxOf(tile);
    const isBox = event.target === box;
    if (!isBox) {
      // While something is being selected, a click on another selects it instead of opening it.
      if (!this.hasSelection && !event.shiftKey) return;
      event.preventDefault();
      box.checked = !box.checked;
    }
    if (event.shiftKey && this.last?.isConnected) this.range(this.last, box);
    this.last = box;
    this.tell();
  }

  range(from, to) {
    const boxes = this.boxes;
    const [start, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
    if (start < 0) return;
    for (const box of boxes.slice(start, end + 1)) box.checked = to.checked;
    getSelection()?.removeAllRanges();
  }

  onKey(event) {
    const tile = event.target.closest?.(this.constructor.tiles);
    if (!tile || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("button")) return;
    const isSpace = event.key === " " && !event.target.matches("input");
    if (event.key === "x" || isSpace || (event.key === "Enter" && event.target.matches(this.constructor.boxes))) {
      this.boxOf(tile).click();
      event.preventDefault();
      return;
    }
    const next = this.neighbour(tile, event.key);
    if (next) {
      event.preventDefault();
      if (event.shiftKey) this.extend(tile, next);
      (next.querySelector("a") ?? this.boxOf(next)).focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    }
  }

  extend(from, to) {
    for (const tile of [from, to]) this.boxOf(tile).checked = true;
    this.last = this.boxOf(to);
    this.tell();
  }

  /** The tile that an arrow key, Home or End leads to. */
  neighbour(tile, key) {
    const tiles = [...this.querySelectorAll(this.constructor.tiles)];
    const at = tiles.indexOf(tile);
    if (key === "ArrowLeft") return tiles[at - 1];
    if (key === "ArrowRight") return tiles[at + 1];
    if (key === "Home") return tiles[0];
    if (key === "End") return tiles.at(-1);
    if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
    // The tile of the next row whose middle is nearest.
    const here = tile.getBoundingClientRect();
    const middle = here.left + here.width / 2;
    const order = key === "ArrowDown" ? tiles.slice(at + 1) : tiles.slice(0, at).reverse();
    let best;
    let row;
    let least = Infinity;
    for (const other of order) {
      const box = other.getBoundingClientRect();
      if (Math.abs(box.top - here.top) < 2) continue;
      row ??= box.top;
      if (Math.abs(box.top - row) > 2) break;
      const distance = Math.abs(box.left + box.width / 2 - middle);
      if (distance < least) [least, best] = [distance, other];
    }
    return best;
  }

  onPageKey(event) {
    if (event.defaultPrevented || event.target.closest?.("input:not([type=checkbox]), textarea, select")) return;
    if (event.key === "Escape" && this.hasSelection) this.clear();
    if (event.key === "a" && (event.ctrlKey || event.metaKey) && this.boxes.length) {
      event.preventDefault();
      for (const box of this.boxes) box.checked = true;
      this.tell();
    }
  }

  /** A long press selects what is under the finger; the tap that ends it does nothing more. */
  selectByHolding(signal) {
    let timer;
    let start;
    let isHeld = false;
    const stop = () => clearTimeout(timer);
    this.addEventListener(
      "pointerdown",
      (event) => {
        stop();
        isHeld = false;
        const tile = event.target.closest(this.constructor.tiles);
        if (event.pointerType !== "touch" || !tile || event.target.closest("button")) return;
        start = event;
        timer = setTimeout(() => {
          isHeld = true;
          const box = this.boxOf(tile);
          box.checked = !box.checked;
          this.last = box;
          navigator.vibrate?.(10);
          this.tell();
        }, LONG_PRESS_MS);
      },
      { signal },
    );
    this.addEventListener(
      "pointermove",
      (event) => start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > SLIP_PX && stop(),
      { signal },
    );
    for (const end of ["pointerup", "pointercancel"]) this.addEventListener(end, stop, { signal });
    // The menu of a link, and the click that follows, belong to the press.
    const swallow = (event) => {
      if (!isHeld) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.type === "click") isHeld = false;
    };
    for (const name of ["contextmenu", "click"]) this.addEventListener(name, swallow, { signal, capture: true });
  }
}
