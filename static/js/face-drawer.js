// <face-drawer data-form="id" data-back="id">: a box is dragged over the picture by mouse, finger or pen, or moved by keys.
// The numbers in the form are what is sent; they may be typed as well.

const FIELDS = ["left", "top", "width", "height"];
const LEAST = 1; // percent
const STEP = 1;
const HANDLE_PX = 14;

class FaceDrawer extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.form = document.getElementById(this.dataset.form);
    this.missing = document.getElementById("draw_missing");
    this.rect = this.querySelector(".draw-box");
    this.picture = this.querySelector("img");
    this.tabIndex = 0;
    this.setAttribute("role", "application");
    this.setAttribute("aria-label", "The photo to draw on. Arrow keys move the box, Shift and arrow keys change its size, Enter saves, Escape leaves.");
    this.said = document.createElement("output");
    this.said.className = "visually-hidden";
    this.append(this.said);
    this.addEventListener("pointerdown", (event) => this.onDown(event), { signal });
    this.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    this.addEventListener("pointerup", () => this.onUp(), { signal });
    this.addEventListener("pointercancel", () => this.onCancel(), { signal });
    this.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.leave(event), { signal });
    this.form.addEventListener("input", (event) => FIELDS.includes(event.target.name) && this.draw(this.read()), { signal });
    this.form.addEventListener("submit", (event) => this.onSubmit(event), { signal });
    this.draw(this.read());
    // A question about the name comes first, and so does what was wrong.
    if (!this.form.querySelector("[autofocus], [aria-invalid]")) this.focus({ preventScroll: true });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  /** The box of the form in percent; null if it is none yet. */
  read() {
    const [left, top, width, height] = FIELDS.map((name) => this.form.elements[name].valueAsNumber);
    return width > 0 && height > 0 && left >= 0 && top >= 0 ? { left, top, width, height } : null;
  }

  write(box) {
    for (const name of FIELDS) this.form.elements[name].value = box ? Math.round(box[name] * 1000) / 1000 : "";
    this.draw(box);
  }

  draw(box) {
    this.classList.toggle("without-box", !box);
    this.rect.toggleAttribute("hidden", !box);
    if (!box) return;
    this.missing.hidden = true;
    const { width, height } = this.querySelector("svg").viewBox.baseVal;
    const values = { x: box.left * width, y: box.top * height, width: box.width * width, height: box.height * height };
    for (const [name, value] of Object.entries(values)) this.rect.setAttribute(name, value / 100);
  }

  /** Where a pointer is, in percent of the picture. */
  at(event) {
    const area = this.picture.getBoundingClientRect();
    const share = (value, from, size) => Math.min(Math.max((100 * (value - from)) / size, 0), 100);
    return { x: share(event.clientX, area.left, area.width), y: share(event.clientY, area.top, area.height), perPx: { x: 100 / area.width, y: 100 / area.height } };
  }

  onDown(event) {
    if (event.button || this.drag) return;
    event.preventDefault();
    this.focus({ preventScroll: true });
    this.setPointerCapture(event.pointerId);
    const at = this.at(event);
    const box = this.read();
    this.drag = { before: box, ...this.begin(box, at) };
  }

  /** At a corner the opposite one stays where it is; inside, the box moves; anywhere else a new one begins. */
  begin(box, at) {
    if (!box) return { from: at };
    const near = (a, b, perPx) => Math.abs(a - b) <= HANDLE_PX * perPx;
    for (const x of [0, 1])
      for (const y of [0, 1])
        if (near(at.x, box.left + x * box.width, at.perPx.x) && near(at.y, box.top + y * box.height, at.perPx.y))
          return { from: { x: box.left + (1 - x) * box.width, y: box.top + (1 - y) * box.height } };
    const isInside = at.x > box.left && at.x < box.left + box.width && at.y > box.top && at.y < box.top + box.height;
    return isInside ? { grip: { x: at.x - box.left, y: at.y - box.top } } : { from: at };
  }

  onMove(event) {
    if (!this.drag) return;
    const { from, grip, before } = this.drag;
    const at = this.at(event);
    this.drag.moved = true;
    if (grip) this.write(this.inside({ ...before, left: at.x - grip.x, top: at.y - grip.y }));
    else this.write({ left: Math.min(from.x, at.x), top: Math.min(from.y, at.y), width: Math.abs(at.x - from.x), height: Math.abs(at.y - from.y) });
  }

  onUp() {
    const { drag } = this;
    this.drag = null;
    if (!drag?.moved) return;
    const box = this.read();
    if (!box || box.width < LEAST || box.height < LEAST) this.write(drag.before); // a slip of the finger
    else this.form.elements.name.focus();
  }

  onCancel() {
    if (this.drag) this.write(this.drag.before);
    this.drag = null;
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (event.key === "Escape") this.leave(event);
    else if (event.key === "Enter") {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (steps) {
      event.preventDefault();
      this.step(...steps, event.shiftKey);
    }
  }

  step(across, down, isSize) {
    const box = this.read();
    if (!box) this.write(this.middle());
    else if (isSize) this.write(this.inside({ ...box, width: Math.max(LEAST, box.width + across), height: Math.max(LEAST, box.height + down) }));
    else this.write(this.inside({ ...box, left: box.left + across, top: box.top + down }));
    const { left, top, width, height } = this.read();
    this.said.textContent = `${Math.round(left)} % from the left, ${Math.round(top)} % from the top, ${Math.round(width)} % wide, ${Math.round(height)} % high`;
  }

  /** A box in the middle, as large as a face often is. */
  middle() {
    const { width, height } = this.picture;
    const edge = 0.25 * Math.min(width, height);
    const [across, down] = [(100 * edge) / width, (100 * edge) / height];
    return { left: 50 - across / 2, top: 50 - down / 2, width: across, height: down };
  }

  inside({ left, top, width, height }) {
    [width, height] = [Math.min(width, 100), Math.min(height, 100)];
    return { left: Math.min(Math.max(left, 0), 100 - width), top: Math.min(Math.max(top, 0), 100 - height), width, height };
  }

  onSubmit(event) {
    if (this.read()) return;
    event.preventDefault();
    this.missing.hidden = false;
    this.focus();
  }

  leave(event) {
    event.preventDefault();
    document.getElementById(this.dataset.back).click();
  }
}

customElements.define("face-drawer", FaceDrawer);
