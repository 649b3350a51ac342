// <page-status> holds the toasts. It adds one when a request of htmx fails, and reloads when the session has ended. It
// also knows the keys that every page has.

const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

class PageStatus extends HTMLElement {
  connectedCallback() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    const say = (text) => this.say(text);
    document.addEventListener("htmx:sendError", () => say("The server cannot be reached. Is it running?"), { signal });
    document.addEventListener("htmx:timeout", () => say("The server took too long to answer."), { signal });
    document.addEventListener(
      "htmx:responseError",
      (event) => {
        const { status } = event.detail.xhr;
        say(status === 404 ? "That is not there any more." : status === 403 ? "The page is out of date: load it again." : `Something went wrong (${status}). Nothing was changed.`);
      },
      { signal },
    );
    // A request that was sent on to the sign-in page must not put that page into a fragment's place.
    document.addEventListener(
      "htmx:beforeSwap",
      (event) => {
        const { responseURL } = event.detail.xhr;
        if (responseURL && new URL(responseURL).pathname.startsWith("/login/")) {
          event.preventDefault();
          location.reload();
        }
      },
      { signal },
    );
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
    document.addEventListener(
      "click",
      (event) => {
        const opener = event.target.closest?.("[data-opens]");
        if (opener) document.getElementById(opener.dataset.opens).showModal();
      },
      { signal },
    );
    // Menus are <details>: Escape and a click elsewhere close them.
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.closeMenus(event), { signal });
    document.addEventListener("click", (event) => this.closeMenus(event), { signal });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  say(text) {
    const list = this.querySelector(".toasts");
    if (list.lastElementChild?.textContent === text) return;
    const toast = document.createElement("li");
    toast.className = "error";
    toast.textContent = text;
    list.append(toast);
    setTimeout(() => toast.remove(), 9000);
  }

  onKey(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.(TYPING)) return;
    if (document.querySelector("dialog[open]")) {
      // What is open is in front: the page behind it does not hear of any key.
      event.stopImmediatePropagation();
      return;
    }
    if (event.key === "/") {
      const box = document.querySelector("#topbar-search [type=search]");
      box?.focus();
      box?.select();
      if (box) event.preventDefault();
    } else if (event.key === "?") {
      document.querySelector("#keys_help")?.showModal();
      event.preventDefault();
    }
  }

  closeMenus(event) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (event.type === "click" && menu.contains(event.target)) continue;
      menu.open = false;
      if (event.type === "keydown") {
        menu.querySelector("summary").focus();
        event.preventDefault();
      }
    }
  }
}

customElements.define("page-status", PageStatus);
