// Hashes files beside the page. Gets {id, file}; answers {id, done} with the share that was read, then {id, digest} or
// {id, error}.

import { Sha256 } from "./sha256.js";

const PART = 4 * 1024 * 1024;
let queue = Promise.resolve();

async function hash({ id, file }) {
  const sum = new Sha256();
  try {
    for (let at = 0; at < file.size; at += PART) {
      sum.update(new Uint8Array(await file.slice(at, at + PART).arrayBuffer()));
      postMessage({ id, done: Math.min(1, (at + PART) / file.size) });
    }
    postMessage({ id, digest: sum.hex() });
  } catch {
    postMessage({ id, error: "The file cannot be read. Was it moved or changed?" });
  }
}

// One after the other: a disk reads one file faster than several.
addEventListener("message", ({ data }) => {
  queue = queue.then(() => hash(data));
});
