// SHA-256 (FIPS 180-4) of bytes that come in parts. The browser's own takes only a whole file, and is not there at all on
// pages that came over plain http, as in a home network.

const K = new Uint32Array(64);
const START = new Uint32Array(8);

// The first 32 bits behind the point of the roots of the first primes: cubic ones for K, square ones to start from.
for (let number = 2, count = 0; count < 64; number++) {
  let isPrime = true;
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) isPrime = false;
  if (!isPrime) continue;
  const behind = (root) => (root - Math.floor(root)) * 2 ** 32;
  if (count < 8) START[count] = behind(Math.sqrt(number));
  K[count++] = behind(Math.cbrt(number));
}

export class Sha256 {
  constructor() {
    this.state = START.slice();
    this.words = new Int32Array(64);
    this.rest = new Uint8Array(64); // what does not fill a block yet
    this.held = 0;
    this.length = 0;
  }

  /** Takes the next bytes, a Uint8Array. */
  update(bytes) {
    this.length += bytes.length;
    let at = 0;
    if (this.held) {
      at = Math.min(64 - this.held, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.held);
      this.held += at;
      if (this.held < 64) return this;
      this.blocks(this.rest, 0, 64);
      this.held = 0;
    }
    const whole = bytes.length - ((bytes.length - at) % 64);
    this.blocks(bytes, at, whole);
    this.rest.set(bytes.subarray(whole));
    this.held = bytes.length - whole;
    return this;
  }

  /** The digest in hex; nothing can be added afterwards. */
  hex() {
    const end = new Uint8Array(this.held < 56 ? 64 : 128);
    end.set(this.rest.subarray(0, this.held));
    end[this.held] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(this.length / 2 ** 29));
    view.setUint32(end.length - 4, (this.length * 8) >>> 0);
    this.blocks(end, 0, end.length);
    return [...this.state].map((word) => word.toString(16).padStart(8, "0")).join("");
  }

  blocks(bytes, from, to) {
    const { state, words } = this;
    let [a0, b0, c0, d0, e0, f0, g0, h0] = state;
    for (let at = from; at < to; at += 64) {
      for (let i = 0, p = at; i < 16; i++, p += 4) {
        words[i] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
      }
      for (let i = 16; i < 64; i++) {
        const x = words[i - 15];
        const y = words[i - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        words[i] = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
      }
      let a = a0;
      let b = b0;
      let c = c0;
      let d = d0;
      let e = e0;
      let f = f0;
      let g = g0;
      let h = h0;
      for (let i = 0; i < 64; i++) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0;
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g;
        g = f;
        f = e;
        e = (d + t1) | 0;
        d = c;
        c = b;
        b = a;
        a = (t1 + t2) | 0;
      }
      a0 = (a0 + a) | 0;
      b0 = (b0 + b) | 0;
      c0 = (c0 + c) | 0;
      d0 = (d0 + d) | 0;
      e0 = (e0 + e) | 0;
      f0 = (f0 + f) | 0;
      g0 = (g0 + g) | 0;
      h0 = (h0 + h) | 0;
    }
    state.set([a0, b0, c0, d0, e0, f0, g0, h0]);
  }
}
