// <name-list> holds a field for several names with commas between: its list of names completes the last one. The browser
// compares its list with all that is typed, so each name is offered together with those before it.

class NameList extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("input");
    if (!this.field.list) return;
    if (!this.own) {
      this.names = [...this.field.list.options].map((option) => option.value);
      this.own = document.createElement("datalist");
      this.own.id = `${this.field.id}-names`;
      this.append(this.own);
      this.field.setAttribute("list", this.own.id);
      this.offer();
    }
    this.listening = new AbortController();
    this.field.addEventListener("input", () => this.offer(), { signal: this.listening.signal });
  }

  disconnectedCallback() {
    this.listening?.abort();
  }

  offer() {
    const before = this.field.value.slice(0, this.field.value.lastIndexOf(",") + 1);
    if (before === this.before) return;
    this.before = before;
    const taken = new Set(before.split(",").map((name) => name.trim().toLowerCase()));
    const options = this.names
      .filter((name) => !taken.has(name.toLowerCase()))
      .map((name) => new Option("", before ? `${before} ${name}` : name));
    this.own.replaceChildren(...options);
  }
}

customElements.define("name-list", NameList);
