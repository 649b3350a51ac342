// <photo-uploader>: the page for uploads. Takes files and folders that are dropped or chosen, and shows how far each is;
// upload-queue.js sends them. Without scripts the form inside sends a few photos by itself.

import { CANCELLED, FAILED, HASHING, PRESENT, SENDING, STORED, UploadQueue, WAITING } from "./upload-queue.js";

// More rows than a person reads: of the rest only the sums are shown, and failures, which matter.
const SHOWN = 300;
const HIDDEN_FILES = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

const photos = (count) => `${count.toLocaleString("en-GB")} ${count === 1 ? "photo" : "photos"}`;

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  let unit = 0;
  for (; bytes >= 1000 && unit < 3; unit++) bytes /= 1000;
  return `${bytes.toLocaleString("en-GB", { maximumFractionDigits: unit > 1 && bytes < 100 ? 1 : 0 })} ${units[unit]}`;
}

class PhotoUploader extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.form = this.querySelector("form");
    this.zone = this.querySelector(".drop-zone");
    this.rows = new Map();
    for (const part of this.querySelectorAll("[data-scripted]")) part.hidden = part.disabled = false;
    this.querySelector("[data-plain]")?.remove();
    const folderInput = this.querySelector("[data-pick=folder]");
    // Phones have no folders to choose, though their browsers know the attribute.
    if (!("webkitdirectory" in folderInput) || matchMedia("(pointer: coarse) and (hover: none)").matches) folderInput.closest("label").hidden = true;
    this.form.addEventListener("submit", (event) => event.preventDefault(), { signal });
    for (const input of this.querySelectorAll("[data-pick]")) {
      input.addEventListener("change", () => this.pick(input), { signal });
    }
    document.addEventListener("dragover", (event) => this.aim(event), { signal });
    document.addEventListener("dragleave", (event) => event.relatedTarget ?? this.zone.classList.remove("is-aimed"), { signal });
    document.addEventListener("drop", (event) => this.drop(event), { signal });
    this.addEventListener("click", (event) => this.press(event), { signal });
    addEventListener("beforeunload", (event) => this.isBusy && event.preventDefault(), { signal });
  }

  disconnectedCallback() {
    this.listening.abort();
    this.queue?.close();
  }

  get isBusy() {
    return Boolean(this.queue?.items.some((item) => !item.isEnded));
  }

  aim(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.zone.classList.add("is-aimed");
  }

  async drop(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.zone.classList.remove("is-aimed");
    // Both must be asked for before anything is waited for: the event forgets them.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const plain = [...event.dataTransfer.files];
    if (!entries.length) {
      this.add(plain.map((file) => ({ file, folder: "" })));
      return;
    }
    const found = [];
    for (const entry of entries) await this.walk(entry, entry.isDirectory ? entry.name : "", found);
    this.add(found);
  }

  /** All files below an entry; `folder` is the name of the one that was dropped. */
  async walk(entry, folder, found) {
    if (HIDDEN_FILES.test(entry.name)) return;
    try {
      if (entry.isFile) {
        found.push({ file: await new Promise((done, fail) => entry.file(done, fail)), folder });
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const part = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!part.length) return;
        for (const below of part) await this.walk(below, folder, found);
      }
    } catch {
      this.notice(`“${entry.name}” cannot be read.`);
    }
  }

  pick(input) {
    const files = [...input.files].filter(({ name }) => !HIDDEN_FILES.test(name));
    this.add(files.map((file) => ({ file, folder: file.webkitRelativePath?.split("/").slice(0, -1)[0] ?? "" })));
    input.value = "";
  }

  add(files) {
    if (!files.length) {
      this.notice("There are no files in it.");
      return;
    }
    this.queue ??= this.open();
    this.querySelector(".uploader-state").hidden = false;
    const { library, album } = this.form.elements;
    this.queue.add(files, { library: library.value, album: album.value });
  }

  open() {
    const { create, check, worker, chunk } = this.dataset;
    const token = this.form.elements.csrfmiddlewaretoken.value;
    const queue = new UploadQueue({ create, check, worker, chunk: Number(chunk), token });
    queue.addEventListener("item", ({ detail }) => this.show(detail));
    queue.addEventListener("network", ({ detail }) => this.notice(detail ? "" : "The connection is lost. It goes on by itself when it is back."));
    return queue;
  }

  notice(text) {
    const notice = this.querySelector(".uploader-notice");
    this.querySelector(".uploader-state").hidden = false;
    notice.hidden = !text;
    if (notice.textContent !== text) notice.textContent = text;
  }

  press(event) {
    const action = event.target.closest("button")?.dataset.action;
    if (!action) return;
    if (action === "pause") {
      this.queue.pause(!this.queue.isPaused);
      event.target.closest("button").textContent = this.queue.isPaused ? "Go on" : "Pause";
      this.sumUp();
    } else if (action === "cancel") for (const item of this.queue.items) this.queue.cancel(item);
    else if (action === "retry") this.queue.retry();
    else if (action === "drop") {
      const item = this.queue.items[Number(event.target.closest("li").dataset.item)];
      this.queue.cancel(item);
      this.querySelector("[data-action=pause]").focus();
    }
  }

  show(item) {
    this.changed ??= new Set();
    this.changed.add(item);
    // Many change in one moment; they are drawn together.
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      for (const each of this.changed) this.draw(each);
      this.changed.clear();
      this.sumUp();
    });
  }

  draw(item) {
    let row = this.rows.get(item.id);
    if (!row) {
      if (this.rows.size >= SHOWN && item.state !== FAILED) return;
      row = this.row(item);
      this.rows.set(item.id, row);
    }
    row.dataset.state = item.state;
    const bar = row.querySelector("progress");
    const state = row.querySelector(".upload-said");
    bar.hidden = ![HASHING, SENDING].includes(item.state);
    bar.max = item.file.size || 1;
    bar.value = item.state === HASHING ? 0 : item.bytes;
    row.querySelector("button").hidden = item.isEnded;
    const text = item.message || this.words(item);
    if (item.photo) state.replaceChildren(this.link(item, text));
    else state.textContent = text;
    const list = this.querySelector(item.state === PRESENT ? ".upload-present ul" : ".uploader-state > ul");
    if (row.parentElement !== list) list.append(row);
  }

  words(item) {
    switch (item.state) {
      case WAITING:
        return `${size(item.file.size)}, waiting`;
      case HASHING:
        return item.hashed < 1 ? `Looking whether it is here already, ${Math.round(item.hashed * 100)} %` : "Looking whether it is here already";
      case SENDING:
        return `${size(item.bytes)} of ${size(item.file.size)}`;
      case STORED:
        return "Added";
      case PRESENT:
        return "Already here";
      case CANCELLED:
        return "Cancelled";
      default:
        return "Failed";
    }
  }

  link(item, text) {
    const link = document.createElement("a");
    // Not read yet, an added photo has no page for a moment.
    if (item.state !== PRESENT) return document.createTextNode(text);
    link.href = `/photos/${item.photo}/`;
    link.textContent = text;
    return link;
  }

  row(item) {
    const row = document.createElement("li");
    row.dataset.item = item.id;
    const name = document.createElement("span");
    name.className = "upload-name";
    name.textContent = item.file.name;
    const said = document.createElement("span");
    said.className = "meta upload-said";
    const bar = document.createElement("progress");
    bar.className = "progress";
    bar.setAttribute("aria-label", item.file.name);
    const drop = document.createElement("button");
    drop.className = "icon-button";
    drop.type = "button";
    drop.dataset.action = "drop";
    drop.setAttribute("aria-label", `Cancel ${item.file.name}`);
    drop.title = "Cancel";
    drop.innerHTML = `<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><use href="${this.dataset.icons}#close"/></svg>`;
    row.append(name, said, drop, bar);
    return row;
  }

  sumUp() {
    const { items, isPaused } = this.queue;
    const wanted = items.filter(({ state }) => state !== CANCELLED);
    const count = (...states) => wanted.filter(({ state }) => states.includes(state)).length;
    const [stored, present, failed] = [count(STORED), count(PRESENT), count(FAILED)];
    const left = wanted.length - stored - present - failed;
    const total = wanted.reduce((sum, item) => sum + item.file.size, 0);
    const done = wanted.reduce((sum, item) => sum + (item.state === FAILED ? item.file.size : item.bytes), 0);
    const bar = this.querySelector(".uploader-progress");
    bar.max = total || 1;
    bar.value = done;
    bar.hidden = !left;
    const parts = [];
    if (left) parts.push(isPaused ? `Paused, ${photos(left)} to go` : `${photos(left)} to go, ${size(done)} of ${size(total)}`);
    if (stored) parts.push(`${photos(stored)} added`);
    if (present) parts.push(`${present.toLocaleString("en-GB")} already here`);
    if (failed) parts.push(`${failed.toLocaleString("en-GB")} failed`);
    this.querySelector(".uploader-summary").textContent = parts.join(" · ") || "Nothing to send";
    for (const action of ["pause", "cancel"]) this.querySelector(`[data-action=${action}]`).hidden = !left;
    this.querySelector("[data-action=retry]").hidden = !failed || left > 0;
    const here = this.querySelector(".upload-present");
    here.hidden = !present;
    here.querySelector("summary").textContent = `${photos(present)} already here`;
    if (!left) this.notice("");
  }
}

customElements.define("photo-uploader", PhotoUploader);
