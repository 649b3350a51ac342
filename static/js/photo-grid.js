// <photo-grid>: selecting many photos at once, and moving through a grid with the keyboard. The check boxes, the bar and
// its buttons work without it. One grid may span several .grid elements (the months of the timeline).

const TILES = ".tile";

class PhotoGrid extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.addEventListener("click", (event) => this.onClick(event), { signal });
    this.addEventListener("change", () => this.tell(), { signal });
    this.addEventListener("keydown", (event) => this.onKey(event), { signal });
    document.addEventListener("keydown", (event) => this.onPageKey(event), { signal });
    document.addEventListener("photos:added", () => this.clear(), { signal });
    document.addEventListener("reset", (event) => event.target.id === "selection" && setTimeout(() => this.tell(true)), { signal });
    // A page that comes back from the browser's memory may have boxes checked.
    window.addEventListener("pageshow", () => this.tell(), { signal });
    this.tell();
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  get boxes() {
    return [...this.querySelectorAll(".tile-select")];
  }

  get hasSelection() {
    return this.querySelector(".tile-select:checked") !== null;
  }

  /** Writes how many are selected; `ended` also closes what the bar has open. */
  tell(ended = false) {
    const count = this.querySelectorAll(".tile-select:checked").length;
    const output = document.querySelector(".selection-count");
    if (output) output.textContent = count ? `${count} selected` : "";
    if (ended || !count) document.querySelector("#album_chooser")?.replaceChildren();
    this.classList.toggle("is-selecting", count > 0);
  }

  clear() {
    for (const box of this.boxes) box.checked = false;
    this.tell(true);
  }

  onClick(event) {
    const tile = event.target.closest(TILES);
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = tile.querySelector(".tile-select");
    const isBox = event.target === box;
    if (!isBox) {
      // While photos are being selected, a click on another selects it instead of opening it.
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
    const tile = event.target.closest?.(TILES);
    if (!tile || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "x" || (event.key === "Enter" && event.target.matches(".tile-select"))) {
      const box = tile.querySelector(".tile-select");
      box.click();
      event.preventDefault();
      return;
    }
    const next = this.neighbour(tile, event.key);
    if (next) {
      event.preventDefault();
      if (event.shiftKey) this.extend(tile, next);
      const link = next.querySelector("a");
      link.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    }
  }

  extend(from, to) {
    for (const tile of [from, to]) tile.querySelector(".tile-select").checked = true;
    this.last = to.querySelector(".tile-select");
    this.tell();
  }

  /** The tile that an arrow key, Home or End leads to. */
  neighbour(tile, key) {
    const tiles = [...this.querySelectorAll(TILES)];
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
}

customElements.define("photo-grid", PhotoGrid);

// The list of months closes when a month was chosen from it.
document.addEventListener("click", (event) => {
  const list = event.target.closest?.("[popover]");
  if (list?.matches(":popover-open") && event.target.closest("a")) list.hidePopover();
});
