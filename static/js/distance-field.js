// <distance-field> around a number field: a slider beside it that says the same. Without scripts the number is enough.

class DistanceField extends HTMLElement {
  connectedCallback() {
    const number = this.querySelector("input[type=number]");
    if (!number || this.querySelector("input[type=range]")) return;
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: number.min, max: number.max, step: number.step, value: number.value });
    slider.setAttribute("aria-label", `${number.labels[0].textContent}, slider`);
    slider.setAttribute("aria-describedby", number.getAttribute("aria-describedby"));
    slider.addEventListener("input", () => (number.value = Number(slider.value).toFixed(2)));
    number.addEventListener("input", () => (slider.value = number.value));
    this.querySelector(".distance-head").after(slider);
  }
}

customElements.define("distance-field", DistanceField);
