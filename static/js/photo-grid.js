// <photo-grid>: selecting many photos at once, and moving through a grid with the keyboard. One grid may span several
// .grid elements (the months of the timeline).

import { SelectGrid } from "./select-grid.js";

class PhotoGrid extends SelectGrid {
  listen(signal) {
    document.addEventListener("photos:added", () => this.clear(), { signal });
  }

  told(count, ended) {
    if (ended || !count) document.querySelector("#album_chooser")?.replaceChildren();
  }
}

customElements.define("photo-grid", PhotoGrid);

// The list of months closes when a month was chosen from it.
document.addEventListener("click", (event) => {
  const list = event.target.closest?.("[popover]");
  if (list?.matches(":popover-open") && event.target.closest("a")) list.hidePopover();
});
