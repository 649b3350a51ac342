// <duplicate-review>: keys for deciding about photos that look alike. 1 to 9 and the arrows choose the one to keep, Enter
// confirms, k keeps all, s skips, u takes the last decision back. All of them press what is on the page.

const WRITING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

class DuplicateReview extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    document.addEventListener("keydown", (event) => this.onKey(event), { signal: this.listening.signal });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest?.(WRITING)) return;
    const { key } = event;
    if (key === "Enter") {
      // On a link or a button, Enter does what it always does.
      if (event.target.closest?.("a, button, summary, .toasts")) return;
      this.press(event, key);
    } else if (key === "ArrowLeft" || key === "ArrowUp") this.choose(event, this.chosen - 1);
    else if (key === "ArrowRight" || key === "ArrowDown") this.choose(event, this.chosen + 1);
    else if (/^[1-9]$/.test(key)) this.choose(event, Number(key) - 1);
    else if ("ksu".includes(key)) this.press(event, key);
  }

  get choices() {
    return [...this.querySelectorAll("input[name=keep]")];
  }

  get chosen() {
    return this.choices.findIndex((choice) => choice.checked);
  }

  choose(event, place) {
    const choice = this.choices[place];
    if (!choice) return;
    event.preventDefault();
    choice.checked = true;
    choice.focus({ preventScroll: true });
    choice.closest("[data-choice]").scrollIntoView({ block: "nearest" });
  }

  press(event, key) {
    // The last decision stands below, outside of the form of this group.
    const element = document.querySelector(`[data-key="${key}"]`);
    if (!element) return;
    event.preventDefault();
    element.click();
  }
}

customElements.define("duplicate-review", DuplicateReview);
