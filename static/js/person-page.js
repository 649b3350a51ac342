// The page of a person: when the last of their faces in a photo is taken out, the photo leaves the grid as well. The
// server says so with an event, since it cannot know which photos the grid has loaded.

document.addEventListener("personleft", (event) => document.getElementById(`p${event.detail.photo}`)?.remove());
