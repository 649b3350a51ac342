// <question-keys>: keys for answering questions about faces. y, n, t, f and s press the answers, e asks for a name, z takes
// the last answer back; the arrows do as s and z. All of them press what is on the page.

const WRITING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const ARROWS = { ArrowRight: "s", ArrowLeft: "z" };

class QuestionKeys extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    document.addEventListener("keydown", (event) => this.onKey(event), { signal: this.listening.signal });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.repeat || event.defaultPrevented) return;
    if (event.target.closest?.(WRITING)) {
      // Out of the field for the name, back to the other answers.
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const key = ARROWS[event.key] ?? event.key;
    if (key === "e") this.askName(event);
    else if (/^[yntfsz]$/.test(key)) this.press(event, this.querySelector(`[data-key="${key}"]`));
  }

  press(event, element) {
    if (!element || element.disabled) return;
    event.preventDefault();
    element.click();
  }

  askName(event) {
    const field = this.querySelector("#question_name");
    if (!field) return;
    event.preventDefault();
    field.closest("details").open = true;
    field.focus();
  }
}

customElements.define("question-keys", QuestionKeys);
