// <photo-viewer>: keys, swiping and fetching ahead on the page of one photo. Its links, the heart and the switches work
// without it. htmx replaces the whole element on the way to the next photo, so what is switched on is kept here.

const KEPT = { boxes: ".viewer-show-boxes", details: ".viewer-show-details" };
const entered = document.querySelector("photo-viewer")?.dataset.photo;

class PhotoViewer extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    for (const [name, selector] of Object.entries(KEPT)) {
      const box = this.querySelector(selector);
      if (!box) continue;
      box.checked = localStorage.getItem(`viewer-${name}`) === "on";
      box.addEventListener("change", () => localStorage.setItem(`viewer-${name}`, box.checked ? "on" : "off"), { signal });
    }
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.querySelector(".viewer-chooser-close").addEventListener("click", () => this.closeChooser(), { signal });
    document.addEventListener("photos:added", () => this.showAlbums(), { signal });
    const stage = this.querySelector(".viewer-stage");
    stage.addEventListener("touchstart", (event) => this.onTouchStart(event), { signal, passive: true });
    stage.addEventListener("touchend", (event) => this.onTouchEnd(event), { signal, passive: true });
    this.querySelector(".viewer-close").addEventListener("click", (event) => this.onClose(event), { signal });
    // Once this picture is there, the neighbours' are fetched.
    const picture = this.querySelector("img.viewer-photo:last-of-type");
    if (!picture || picture.complete) this.fetchAhead();
    else picture.addEventListener("load", () => this.fetchAhead(), { signal, once: true });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  fetchAhead() {
    for (const link of this.querySelectorAll(".viewer-step")) {
      const image = new Image();
      image.sizes = "100vw";
      image.srcset = link.dataset.srcset;
      image.src = link.dataset.src;
    }
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.key === "Escape" && this.querySelector("#album_chooser").hasChildNodes()) {
      this.closeChooser();
      return;
    }
    if (event.target.closest?.("input:not([type=checkbox]), textarea, select, video")) return;
    const press = (selector) => {
      const element = this.querySelector(selector);
      if (element) event.preventDefault();
      element?.click();
    };
    if (event.key === "ArrowLeft") press(".viewer-previous");
    else if (event.key === "ArrowRight") press(".viewer-next");
    else if (event.key === "f") press("#favourite_press");
    else if (event.key === "a") press("#album_press");
    else if (event.key === "Delete") press("#trash_press");
    else if (event.key === "b") press(KEPT.boxes);
    else if (event.key === "p") this.playOrPause() || press("#motion_press");
    else if (event.key === "Escape") press(".viewer-close");
    else if (event.key === "i") {
      press(KEPT.details);
      // On a phone the details stand below the photo.
      if (matchMedia("(width < 46rem)").matches) this.querySelector(".viewer-details").scrollIntoView();
    }
  }

  /** Whether there is a film of its own here. */
  playOrPause() {
    const film = this.querySelector("video#photo_film");
    if (film?.paused) film.play();
    else film?.pause();
    return Boolean(film);
  }

  closeChooser() {
    this.querySelector("#album_chooser").replaceChildren();
    this.querySelector("#album_press").focus();
  }

  // The albums stand among the details: they are fetched anew, with the photo around them.
  async showAlbums() {
    await htmx.ajax("GET", location.href, { target: "#photo_viewer", swap: "outerHTML settle:0ms" });
    document.querySelector("#album_press")?.focus();
  }

  // Back in the browser's history leads to the same grid, where it was scrolled to, if this photo was opened from it.
  onClose(event) {
    const here = this.dataset.photo === entered;
    const from = document.referrer && new URL(document.referrer);
    const to = new URL(event.currentTarget.href);
    if (here && from && from.origin === to.origin && from.pathname === to.pathname && history.length > 1) {
      event.preventDefault();
      history.back();
    }
  }

  onTouchStart(event) {
    this.touch = event.touches.length === 1 && !(visualViewport?.scale > 1.02) ? event.touches[0] : null;
  }

  onTouchEnd(event) {
    if (!this.touch || event.changedTouches.length !== 1) return;
    const { clientX, clientY } = event.changedTouches[0];
    const [x, y] = [clientX - this.touch.clientX, clientY - this.touch.clientY];
    this.touch = null;
    if (Math.abs(x) < 50 || Math.abs(x) < 1.6 * Math.abs(y)) return;
    this.querySelector(x > 0 ? ".viewer-previous" : ".viewer-next")?.click();
  }
}

customElements.define("photo-viewer", PhotoViewer);
