// Sending files by the tus protocol (docs/uploads.md): several at once, in chunks that fit the line, again and again while
// the network is away. Knows nothing of the page; tells it by events: "item" (one changed), "network" (away or back).

const TUS = "1.0.0";
const AT_ONCE = 2;
const FIRST_CHUNK = 512 * 1024;
const LEAST_CHUNK = 64 * 1024;
const CHUNK_S = 4;
const PAUSES_S = [1, 2, 4, 8, 15, 30];

export const WAITING = "waiting";
export const HASHING = "hashing";
export const SENDING = "sending";
export const STORED = "stored";
export const PRESENT = "present";
export const FAILED = "failed";
export const CANCELLED = "cancelled";
const ENDED = new Set([STORED, PRESENT, FAILED, CANCELLED]);

/** The server said no, in words; sending it again would not help. */
class Refused extends Error {}
/** Nothing is wrong with the file: the network, a busy server, a full disk of ours a moment ago. */
class Again extends Error {}
class Stopped extends Error {}

const text64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

export class UploadQueue extends EventTarget {
  constructor({ create, check, worker, chunk, token }) {
    super();
    Object.assign(this, { create, check, token, greatest: chunk, items: [], isPaused: false, running: 0, chunk: FIRST_CHUNK });
    this.hashes = new Map();
    this.worker = new Worker(worker, { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.onHash(data));
    this.worker.addEventListener("error", () => this.onWorkerError());
    this.online = () => this.wake?.();
    addEventListener("online", this.online);
  }

  close() {
    removeEventListener("online", this.online);
    this.worker.terminate();
    this.items.filter((item) => !item.isEnded).forEach((item) => item.request?.abort());
  }

  /** Adds files: [{file, folder}], all into one library and, perhaps, an album. */
  add(files, { library, album }) {
    for (const { file, folder } of files) {
      const item = new Item(this.items.length, file, folder, library, album);
      this.items.push(item);
      this.tell(item);
    }
    this.run();
  }

  tell(item) {
    this.dispatchEvent(new CustomEvent("item", { detail: item }));
  }

  set(item, state, message = "") {
    if (item.state === CANCELLED) return;
    Object.assign(item, { state, message });
    this.tell(item);
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    if (isPaused) for (const item of this.items) item.request?.abort();
    else this.wake?.();
    this.run();
  }

  cancel(item) {
    if (item.isEnded) return;
    item.state = CANCELLED;
    item.request?.abort();
    if (item.url) fetch(item.url, { method: "DELETE", headers: this.headers() }).catch(() => {});
    this.tell(item);
    this.wake?.();
  }

  retry() {
    for (const item of this.items.filter((item) => item.state === FAILED)) {
      item.url = "";
      this.set(item, WAITING);
    }
    this.run();
  }

  headers(more = {}) {
    return { "Tus-Resumable": TUS, "X-CSRFToken": this.token, ...more };
  }

  run() {
    while (!this.isPaused && this.running < AT_ONCE) {
      const item = this.items.find(({ state }) => state === WAITING);
      if (!item) return;
      this.running++;
      item.state = HASHING;
      this.send(item)
        .catch((error) => {
          if (error instanceof Stopped) {
            if (item.state !== CANCELLED) this.set(item, WAITING);
          } else this.set(item, FAILED, error instanceof Refused ? error.message : `Something went wrong: ${error.message}`);
        })
        .finally(() => {
          this.running--;
          this.run();
        });
    }
  }

  /** One file from beginning to end. Throws Refused, Stopped (paused or cancelled). */
  async send(item) {
    this.set(item, HASHING);
    item.digest ||= await this.hash(item);
    let failures = 0;
    for (;;) {
      this.stopIfAsked(item);
      try {
        if (!item.url && (await this.isHere(item))) return;
        item.url ||= await this.open(item);
        if (item.state !== SENDING) this.set(item, SENDING);
        await this.sendRest(item, () => (failures = 0));
        return;
      } catch (error) {
        if (!(error instanceof Again)) throw error;
        const pause = PAUSES_S[Math.min(failures++, PAUSES_S.length - 1)];
        this.set(item, item.state, failures > 1 ? error.message : "");
        this.network(false);
        await this.rest(pause);
      }
    }
  }

  stopIfAsked(item) {
    if (this.isPaused || item.state === CANCELLED) throw new Stopped();
  }

  network(isThere) {
    if (this.isAway !== !isThere) this.dispatchEvent(new CustomEvent("network", { detail: isThere }));
    this.isAway = !isThere;
  }

  /** Waits, but not longer than until the network is back or somebody presses a button. */
  rest(seconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, seconds * 1000);
      const before = this.wake;
      this.wake = () => {
        before?.();
        clearTimeout(timer);
        done();
      };
    });
  }

  hash(item) {
    return new Promise((done, fail) => {
      this.hashes.set(item.id, { item, done, fail });
      this.worker.postMessage({ id: item.id, file: item.file });
    });
  }

  onHash({ id, done, digest, error }) {
    const asked = this.hashes.get(id);
    if (!asked) return;
    if (done !== undefined) {
      asked.item.hashed = done;
      this.tell(asked.item);
      return;
    }
    this.hashes.delete(id);
    if (error) asked.fail(new Refused(error));
    else asked.done(digest);
  }

  onWorkerError() {
    for (const { fail } of this.hashes.values()) fail(new Refused("The file could not be examined."));
    this.hashes.clear();
  }

  /** Whether the library has the content; if it came in part before, where to go on. */
  async isHere(item) {
    const form = new URLSearchParams({ library: item.library, sha256: item.digest, album: item.album, folder: item.folder });
    const response = await this.ask(item, this.check, { method: "POST", body: form });
    const { here, open } = await response.json();
    const found = here[item.digest];
    if (found) {
      item.photo = found.trashed ? 0 : found.photo;
      this.set(item, PRESENT, found.trashed ? "It lies in the trash." : "");
      return true;
    }
    item.url = open[item.digest] ?? "";
    if (item.url) item.sent = null; // the server is asked
    return false;
  }

  async open(item) {
    const said = { filename: item.file.name, library: item.library, sha256: item.digest, lastModified: String(item.file.lastModified ?? "") };
    if (item.folder) said.folder = item.folder;
    if (item.album) said.album = item.album;
    const metadata = Object.entries(said).map(([name, value]) => `${name} ${text64(value)}`).join(",");
    const headers = { "Upload-Length": String(item.file.size), "Upload-Metadata": metadata };
    const response = await this.ask(item, this.create, { method: "POST", headers });
    item.sent = 0;
    return response.headers.get("Location");
  }

  async sendRest(item, onProgress) {
    const { size } = item.file;
    if (item.sent === null || item.isUnsure) {
      const state = await (await this.ask(item, item.url, { method: "GET" })).json();
      if (this.isOver(item, state)) return;
      item.sent = state.offset;
      item.isUnsure = false;
      this.tell(item);
    }
    // Also a file that arrived whole is sent on with nothing, so that the server stores it.
    for (;;) {
      this.stopIfAsked(item);
      const end = Math.min(size, item.sent + this.chunk);
      const began = performance.now();
      item.isUnsure = true;
      const { offset, outcome } = await this.patch(item, item.file.slice(item.sent, end));
      item.isUnsure = false;
      const seconds = (performance.now() - began) / 1000;
      if (seconds < CHUNK_S / 4) this.chunk = Math.min(this.greatest, this.chunk * 2);
      else if (seconds > CHUNK_S) this.chunk = Math.max(LEAST_CHUNK, this.chunk / 2);
      item.sent = offset;
      this.network(true);
      onProgress();
      if (outcome) {
        item.isUnsure = false;
        const state = await (await this.ask(item, item.url, { method: "GET" })).json();
        this.isOver(item, state);
        return;
      }
      this.tell(item);
    }
  }

  isOver(item, { outcome, error, photo }) {
    if (outcome === "refused") throw new Refused(error);
    if (!outcome) return false;
    item.photo = photo;
    item.sent = item.file.size;
    this.network(true);
    this.set(item, outcome === "present" ? PRESENT : STORED);
    return true;
  }

  /** One chunk, by XMLHttpRequest, which tells how much of it is on its way. */
  patch(item, part) {
    return new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      item.request = request;
      request.open("PATCH", item.url);
      const headers = this.headers({ "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(item.sent) });
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.addEventListener("progress", (event) => {
        item.onItsWay = event.loaded;
        this.tell(item);
      });
      const ended = () => {
        item.onItsWay = 0;
        item.request = null;
      };
      request.addEventListener("load", () => {
        ended();
        const isTus = request.getResponseHeader("Tus-Resumable") !== null;
        if (isTus && request.status === 204) {
          done({ offset: Number(request.getResponseHeader("Upload-Offset")), outcome: request.getResponseHeader("Pictopy-Outcome") });
        } else fail(this.trouble(item, request.status, isTus || request.status >= 400 ? request.responseText : "", request.responseURL));
      });
      request.addEventListener("error", () => {
        ended();
        this.chunk = Math.max(LEAST_CHUNK, this.chunk / 2);
        fail(new Again("The server cannot be reached."));
      });
      request.addEventListener("abort", () => {
        ended();
        fail(new Stopped());
      });
      request.send(part);
    });
  }

  /** fetch with our headers; answers only good responses. */
  async ask(item, url, { headers = {}, ...options }) {
    let response;
    try {
      response = await fetch(url, { ...options, headers: this.headers(headers) });
    } catch {
      throw new Again("The server cannot be reached.");
    }
    if (response.ok && !response.redirected) {
      this.network(true);
      return response;
    }
    throw this.trouble(item, response.status, response.redirected ? "" : await response.text(), response.url);
  }

  trouble(item, status, text, url) {
    if (new URL(url, location.href).pathname.startsWith("/login/")) return new Refused("You are signed out. Sign in again, then choose the files again.");
    if (status === 404 || status === 410) {
      const wasOpen = Boolean(item.url);
      item.url = "";
      return wasOpen && !item.wasGone++ ? new Again("It is begun anew.") : new Refused("The library does not take it any more.");
    }
    if (status === 409 || status === 408 || status === 400) return item.odd++ < 5 ? new Again("It is asked where to go on.") : new Refused(text);
    if (status === 403) return new Refused("The page is out of date: load it again, then choose the files again.");
    if (status === 423 || status === 502 || status === 503 || status === 504) return new Again(text || "The server is busy.");
    if (status >= 500 && status !== 507) return item.odd++ < 5 ? new Again("The server had trouble.") : new Refused(`Something went wrong (${status}).`);
    return new Refused(text && text.length < 500 ? text : `Something went wrong (${status}).`);
  }
}

class Item {
  constructor(id, file, folder, library, album) {
    Object.assign(this, { id, file, folder, library, album, state: WAITING, message: "", digest: "", url: "", photo: 0 });
    Object.assign(this, { hashed: 0, sent: 0, onItsWay: 0, wasGone: 0, odd: 0, isUnsure: false, request: null });
  }

  get isEnded() {
    return ENDED.has(this.state);
  }

  /** Bytes that are there, or on their way. */
  get bytes() {
    return this.state === STORED || this.state === PRESENT ? this.file.size : Math.min(this.file.size, (this.sent ?? 0) + this.onItsWay);
  }
}
