// Where the focus goes among the faces of a person: from one that was taken out to the next one, and into the name once
// "Edit" is opened.

const TOOL = ".face-tool:not(.second)";

document.addEventListener("htmx:beforeSwap", (event) => {
  const face = event.target.closest?.(".face");
  if (!event.detail.shouldSwap || !face?.contains(document.activeElement)) return;
  (face.nextElementSibling ?? face.previousElementSibling)?.querySelector(TOOL)?.focus();
});

document.querySelector("details.rename")?.addEventListener("toggle", ({ currentTarget: edit }) => {
  if (edit.open && !edit.querySelector("[autofocus]")) edit.querySelector("[name=name]").focus();
});
