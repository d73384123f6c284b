"use strict";
// The packed parts of the page: gzip in base64, unpacked one by one as they are needed.

const KEPT = 16; // unpacked parts of a kind kept in memory

async function unpack(node) {
  const packed = atob(node.textContent);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

class Parts {
  constructor(kind) {
    this.nodes = document.querySelectorAll(`script[data-part="${kind}"]`);
    this.kept = new Map(); // number of a part -> promise of it; the least used one comes first
  }

  get(number) {
    const part = this.kept.get(number) ?? unpack(this.nodes[number]);
    this.kept.delete(number);
    this.kept.set(number, part);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    return part;
  }
}

// Long strings by number; `starts` are the first numbers of the parts.
class Strings {
  constructor(starts) {
    this.starts = starts;
    this.parts = new Parts("strings");
  }

  async get(number) {
    let low = 0, high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= number) low = middle; else high = middle - 1;
    }
    return (await this.parts.get(low))[number - this.starts[low]];
  }

  // The numbers of the strings that hold `wanted`, or null where `stopped` came true meanwhile.
  async search(wanted, stopped, progress) {
    const found = new Set();
    for (let part = 0; part < this.starts.length; part++) {
      const texts = await unpack(this.parts.nodes[part]); // passing by, not kept
      if (stopped()) return null;
      texts.forEach((text, i) => {
        if (text.toLowerCase().includes(wanted)) found.add(this.starts[part] + i);
      });
      progress((part + 1) / this.starts.length);
    }
    return found;
  }
}

