/** Who is who from frame to frame: boxes that overlap are one person, but not over a cut. */

import { Cuts } from './cuts.js';

const OVERLAP = 0.3; // intersection over union from which two boxes are one face
const REACH = 0.6; // of a face's width: how far it may move from one frame to the next without an overlap
const SPEED = 1; // of a face's width: how much farther it may move in every second between the two
const MEMORY = 1; // seconds that a face may be away and keep its number; between two frames it may be longer

/** Intersection over union of two [left, top, width, height]. */
export function overlap([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (aw * ah + bw * bh - width * height);
}

/** How well two boxes, `gap` seconds apart, fit one face: above 0 they may, and more is better. */
function fit(a, b, gap) {
  const shared = overlap(a, b);
  if (shared >= OVERLAP) return 1 + shared;
  const reach = ((REACH + SPEED * Math.min(gap, MEMORY)) * (a[2] + b[2])) / 2;
  const distance = Math.hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2);
  const alike = Math.min(a[2], b[2]) / Math.max(a[2], b[2]) > 0.5;
  return alike && distance < reach ? 1 - distance / reach : 0;
}

export class Tracker {
  #tracks = []; // {person, box, seen}
  #next = 1;
  #before = 0; // time of the frame before
  #cuts = new Cuts();

  /** Numbers from 1 for the boxes of `frame` (a canvas) at `time` (seconds), in their order; a person keeps theirs. */
  update(boxes, time, frame) {
    if (this.#cuts.found(frame)) this.#tracks = [];
    const before = this.#before;
    this.#before = time;
    this.#tracks = this.#tracks.filter((track) => track.seen === before || time - track.seen <= MEMORY);
    const pairs = [];
    for (const track of this.#tracks) {
      boxes.forEach((box, index) => {
        const quality = fit(track.box, box, time - track.seen);
        if (quality > 0) pairs.push({ track, index, quality });
      });
    }
    pairs.sort((a, b) => b.quality - a.quality);
    const people = new Array(boxes.length).fill(0);
    const taken = new Set();
    for (const { track, index } of pairs) {
      if (people[index] || taken.has(track)) continue;
      taken.add(track);
      people[index] = track.person;
      Object.assign(track, { box: boxes[index], seen: time });
    }
    boxes.forEach((box, index) => {
      if (people[index]) return;
      people[index] = this.#next;
      this.#tracks.push({ person: this.#next, box, seen: time });
      this.#next += 1;
    });
    return people;
  }
}
