// <face-grid>: ticking many faces at once. With `data-form`, the form that its boxes belong to; with `data-output`, where
// the number goes. Beside a grid of photos it keeps Ctrl+A and Escape to itself while it has the focus.

import { SelectGrid } from "./select-grid.js";

class FaceGrid extends SelectGrid {
  static tiles = ".face";
  static boxes = "input[name=face]";

  listen(signal) {
    this.selectByHolding(signal);
  }

  get keyPlace() {
    return document.querySelector("photo-grid") ? this : document;
  }

  get formId() {
    return this.dataset.form;
  }

  get output() {
    return document.querySelector(this.dataset.output ?? ".selection-count");
  }
}

customElements.define("face-grid", FaceGrid);
