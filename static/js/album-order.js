// <album-order> lets photos be dragged to their places, and moved with Shift and the arrow keys. Both end in the forms
// that are there without a script; the server answers with the list as it is then.

const MARKS = ["drop-before", "drop-after"];
const KEYS = { ArrowLeft: "earlier", ArrowUp: "earlier", ArrowRight: "later", ArrowDown: "later", Home: "first", End: "last" };

class AlbumOrder extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    for (const tile of this.querySelectorAll("[data-photo]")) tile.draggable = true;
    this.addEventListener("dragstart", (event) => this.take(event), { signal });
    this.addEventListener("dragover", (event) => this.aim(event), { signal });
    this.addEventListener("drop", (event) => this.put(event), { signal });
    this.addEventListener("dragend", () => this.leave(), { signal });
    this.addEventListener("keydown", (event) => this.press(event), { signal });
    this.querySelector(`[data-photo="${this.dataset.moved}"]`)?.scrollIntoView({ block: "nearest" });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  take(event) {
    this.dragged = event.target.closest?.("[data-photo]");
    if (!this.dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
    // Only after the browser has made its picture of the tile.
    requestAnimationFrame(() => this.dragged?.classList.add("dragged"));
  }

  aim(event) {
    if (!this.dragged) return;
    const tile = event.target.closest("[data-photo]");
    event.preventDefault();
    this.unmark();
    if (!tile || tile === this.dragged) return;
    const { left, width } = tile.getBoundingClientRect();
    tile.classList.add(event.clientX < left + width / 2 ? MARKS[0] : MARKS[1]);
  }

  put(event) {
    if (!this.dragged) return;
    event.preventDefault();
    const tile = this.querySelector(".drop-before, .drop-after");
    if (!tile) return;
    const side = tile.classList.contains("drop-before") ? "before" : "after";
    const form = this.querySelector("[data-order-form]");
    form.elements.photo.value = this.dragged.dataset.photo;
    form.elements.to.value = `${side}:${tile.dataset.photo}`;
    tile[side](this.dragged);
    this.leave();
    form.requestSubmit();
  }

  leave() {
    this.unmark();
    this.dragged?.classList.remove("dragged");
    this.dragged = undefined;
  }

  unmark() {
    for (const tile of this.querySelectorAll(".drop-before, .drop-after")) tile.classList.remove(...MARKS);
  }

  press(event) {
    const to = event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey && KEYS[event.key];
    const tile = to && event.target.closest("[data-photo]");
    if (!tile) return;
    event.preventDefault();
    tile.querySelector(`button[value="${to}"]`).click();
  }
}

customElements.define("album-order", AlbumOrder);
