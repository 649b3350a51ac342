// <face-finder> sends the picture as soon as it is chosen, dropped or pasted, and says so while the server looks at it.
// The form in it does the same with its button.

class FaceFinder extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.form.addEventListener("change", (event) => event.target.type === "file" && this.send(event.target), { signal });
    this.form.addEventListener("submit", (event) => this.onSubmit(event), { signal });
    document.addEventListener("dragover", (event) => this.onDrag(event), { signal });
    document.addEventListener("dragleave", () => this.classList.remove("over"), { signal });
    document.addEventListener("drop", (event) => this.onDrop(event), { signal });
    document.addEventListener("paste", (event) => this.take(event.clipboardData), { signal });
    // Back from another page: what was said while it was sent is over.
    window.addEventListener("pageshow", () => this.toggle(false), { signal });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  onDrag(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    this.classList.add("over");
  }

  onDrop(event) {
    this.classList.remove("over");
    if (this.take(event.dataTransfer)) event.preventDefault();
  }

  /** The first file of what was dropped or pasted, if there is one. */
  take(transfer) {
    if (!transfer?.files.length) return false;
    const field = this.form.elements.picture;
    const only = new DataTransfer();
    only.items.add(transfer.files[0]);
    field.files = only.files;
    this.send(field);
    return true;
  }

  send(field) {
    if (!field.files.length) return;
    for (const other of this.form.querySelectorAll("input[type=file]")) if (other !== field) other.value = "";
    this.form.requestSubmit();
  }

  onSubmit(event) {
    const file = [...this.form.querySelectorAll("input[type=file]")].flatMap((field) => [...field.files])[0];
    const most = Number(this.dataset.mostBytes);
    const error = !file ? "Choose a picture first." : file.size > most ? `A picture may have at most ${Math.floor(most / 1e6)} MB. Send a smaller copy of it.` : "";
    this.say(error);
    if (error) event.preventDefault();
    else this.toggle(true);
  }

  say(text) {
    const error = this.querySelector("#find_error");
    error.textContent = text;
    error.hidden = !text;
  }

  toggle(isBusy) {
    this.querySelector(".find-busy").hidden = !isBusy;
    this.querySelector("button").disabled = isBusy;
    this.form.setAttribute("aria-busy", String(isBusy));
  }
}

customElements.define("face-finder", FaceFinder);
