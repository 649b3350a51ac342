// <moving-photo data-src data-note>: plays the moving part of a photo over the still, once, when its link is followed, or
// for as long as somebody holds the photo. The link leads to the film where there is no script. Nothing moves by itself.

const HOLD_MS = 250;
const STILL_PX = 10;

class MovingPhoto extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.link = this.querySelector("a");
    this.link.setAttribute("role", "button");
    this.link.setAttribute("aria-pressed", "false");
    this.link.addEventListener("click", (event) => this.onClick(event), { signal });
    this.stage = this.closest(".viewer-stage");
    // Holding is easily done by accident: not where somebody asked for less motion.
    if (!this.stage || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.stage.addEventListener("pointerdown", (event) => this.onDown(event), { signal });
    this.stage.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
      this.stage.addEventListener(name, () => this.onUp(), { signal });
    }
    // A long touch would open the browser's menu, and a long press begin to drag the picture.
    this.stage.addEventListener("contextmenu", (event) => this.held === "touch" && event.preventDefault(), { signal });
    this.stage.addEventListener("dragstart", (event) => event.preventDefault(), { signal });
  }

  disconnectedCallback() {
    this.listening.abort();
    clearTimeout(this.timer);
    this.stop();
  }

  onClick(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.film) this.stop();
    else this.play();
  }

  onDown(event) {
    if (event.button || !event.isPrimary || event.target.closest("a, button, .viewer-note")) return;
    this.held = event.pointerType;
    this.from = [event.clientX, event.clientY];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.play({ isHeld: true }), HOLD_MS);
  }

  onMove(event) {
    if (this.held && Math.hypot(event.clientX - this.from[0], event.clientY - this.from[1]) > STILL_PX) this.onUp();
  }

  onUp() {
    clearTimeout(this.timer);
    this.held = "";
    if (this.isHeld) this.stop();
  }

  async play({ isHeld = false } = {}) {
    this.stop();
    this.isHeld = isHeld;
    const film = document.createElement("video");
    film.className = "viewer-photo viewer-motion";
    film.playsInline = true;
    film.src = this.dataset.src;
    film.addEventListener("ended", () => this.stop(), { once: true });
    film.addEventListener("error", () => this.fail(film), { once: true });
    // Seen only once there is something to see, so that nothing flickers.
    film.addEventListener("playing", () => film.classList.add("is-playing"), { once: true });
    this.film = film;
    this.before(film);
    this.link.setAttribute("aria-pressed", "true");
    try {
      await film.play();
    } catch (error) {
      if (error.name !== "NotAllowedError" || this.film !== film) return;
      // Without sound a browser may let it play.
      film.muted = true;
      film.play().catch(() => this.stop());
    }
  }

  stop() {
    const film = this.film;
    this.film = null;
    this.isHeld = false;
    this.link.setAttribute("aria-pressed", "false");
    film?.pause();
    film?.remove();
    this.querySelector(".viewer-note")?.remove();
  }

  fail(film) {
    if (this.film !== film) return;
    this.stop();
    const note = document.createElement("p");
    note.className = "viewer-note";
    note.setAttribute("role", "status");
    note.textContent = `This browser cannot play the moving part${this.dataset.note ? `: ${this.dataset.note}` : "."}`;
    this.append(note);
  }
}

customElements.define("moving-photo", MovingPhoto);
