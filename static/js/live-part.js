// <live-part data-every-s="30" hx-trigger="look" …>: a part of a page that asks for itself anew every so many seconds,
// but only while somebody can see it. A tab that comes to the front again and is overdue asks at once.

class LivePart extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    document.addEventListener("visibilitychange", () => this.look(), { signal });
    // Usually the answer takes this element's place; a request that failed is followed by another.
    this.addEventListener("htmx:afterRequest", () => this.wait(), { signal });
    this.wait();
  }

  disconnectedCallback() {
    this.listening.abort();
    clearTimeout(this.timer);
  }

  wait() {
    const pause = this.dataset.everyS * 1000;
    clearTimeout(this.timer);
    this.due = performance.now() + pause;
    this.timer = setTimeout(() => this.look(), pause + 1);
  }

  look() {
    if (document.hidden || performance.now() < this.due) return;
    this.due = Infinity; // one question at a time
    this.dispatchEvent(new CustomEvent("look"));
  }
}

customElements.define("live-part", LivePart);
