/** The last minute, or a video: a lane per person, a column per answer, coloured by emotion, as high as likely. */

import { FONT, surface, themeColor } from './canvas.js';
import { clock, emotionColor, percent, personColor } from './emotions.js';

const SPAN = 60; // seconds
const MOST_LANES = 6;
const LANE = 46;
const AXIS = 22;
const LABEL = 34;
const LONGEST_STEP = 1.5; // seconds that one answer stands for, at most
const ROOM_FOR_NAME = 52;

export class Timeline {
  #canvas;
  #samples = []; // {time, person, emotion, probability, certain}
  #now = 0;
  #span = SPAN; // seconds that are shown
  #live = true; // a camera counts back from now, a video shows its own time

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Empties it; a video shorter than a minute takes the whole width. */
  start(live, duration = SPAN) {
    this.#samples = [];
    this.#now = 0;
    this.#live = live;
    this.#span = live || !Number.isFinite(duration) ? SPAN : Math.min(SPAN, Math.max(1, duration));
  }

  add(time, faces, people) {
    this.#now = time;
    faces.forEach(({ emotion, probability, certain }, index) => {
      this.#samples.push({ time, person: people[index], emotion, probability, certain });
    });
    const first = this.#samples.findIndex((sample) => sample.time >= time - SPAN);
    if (first > 0) this.#samples.splice(0, first);
  }

  /** For those who do not see it: every person's emotions by their share of the answers. */
  summary() {
    const lanes = this.#lanes().map(([person, samples]) => {
      const counts = new Map();
      for (const { emotion } of samples) counts.set(emotion, (counts.get(emotion) ?? 0) + 1);
      const shares = [...counts].sort((a, b) => b[1] - a[1]);
      const words = shares.map(([name, count]) => `${name} ${percent(count / samples.length)}`);
      return `person ${person}: ${words.join(', ')}`;
    });
    const what = this.#live ? 'Timeline of the last minute' : 'Timeline';
    return lanes.length ? `${what}. ${lanes.join('; ')}` : 'Timeline: nothing yet';
  }

  draw() {
    const lanes = this.#lanes();
    this.#canvas.style.height = `${Math.max(1, lanes.length) * LANE + AXIS}px`;
    const { context, width, height } = surface(this.#canvas);
    const start = this.#live || this.#now > this.#span ? this.#now - this.#span : 0;
    const scale = { start, end: start + this.#span, unit: (width - LABEL) / this.#span };
    this.#drawAxis(context, scale, width, height);
    lanes.forEach(([person, samples], index) => drawLane(context, scale, person, samples, index * LANE, width));
  }

  /** The people seen last, in the order of their numbers, with their samples. */
  #lanes() {
    const lanes = new Map();
    for (const sample of this.#samples) {
      if (!lanes.has(sample.person)) lanes.set(sample.person, []);
      lanes.get(sample.person).push(sample);
    }
    const latest = [...lanes].sort((a, b) => b[1].at(-1).time - a[1].at(-1).time).slice(0, MOST_LANES);
    return latest.sort((a, b) => a[0] - b[0]);
  }

  #drawAxis(context, { start, end, unit }, width, height) {
    context.font = `12px ${FONT}`;
    context.textBaseline = 'alphabetic';
    context.lineWidth = 1;
    const offset = this.#live ? this.#now % 10 : 0;
    const step = this.#span > 20 ? 10 : this.#span > 6 ? 2 : 1;
    for (let time = Math.ceil((start - offset) / step) * step + offset; time <= end + 1e-6; time += step) {
      const x = LABEL + (time - start) * unit;
      context.strokeStyle = themeColor('--line');
      context.beginPath();
      context.moveTo(Math.round(x) - 0.5, 0);
      context.lineTo(Math.round(x) - 0.5, height - AXIS + 4);
      context.stroke();
      const ago = Math.round(this.#now - time);
      const text = this.#live ? (ago === 0 ? 'now' : `${ago} s ago`) : clock(time);
      context.fillStyle = themeColor('--quiet');
      context.textAlign = x > width - 30 ? 'right' : x < LABEL + 30 ? 'left' : 'center';
      if (width > 560 || Math.round((time - start) / step) % 2 === 0) context.fillText(text, x, height - 5);
    }
  }
}

function drawLane(context, { start, unit }, person, samples, top, width) {
  const bottom = top + LANE - 6;
  const full = LANE - 12;
  const x = (time) => LABEL + Math.max(0, time - start) * unit;
  samples.forEach((sample, index) => {
    const next = samples[index + 1]?.time ?? sample.time + 0.25;
    const from = Math.round(x(sample.time)); // whole pixels: columns that meet leave no seam
    const to = Math.min(width, Math.max(from + 1, Math.round(x(Math.min(next, sample.time + LONGEST_STEP)))));
    context.fillStyle = emotionColor(sample.emotion);
    context.globalAlpha = sample.certain ? 1 : 0.45;
    context.fillRect(from, bottom - full * sample.probability, to - from, full * sample.probability);
    context.globalAlpha = 1;
    if (!sample.certain) hatch(context, from, to, bottom, full * sample.probability);
  });
  context.strokeStyle = themeColor('--line');
  context.strokeRect(LABEL - 0.5, bottom + 0.5, width - LABEL, 0);
  nameRuns(context, samples, x, bottom);
  context.fillStyle = personColor(person);
  context.beginPath();
  context.roundRect(0, top + 10, 26, 22, 6);
  context.fill();
  context.fillStyle = '#000';
  context.font = `600 13px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(person, 13, top + 21.5);
}

/** Slanting lines of the page's colour, at the same places whatever the columns' edges. */
function hatch(context, from, to, bottom, height) {
  context.save();
  context.beginPath();
  context.rect(from, bottom - height, to - from, height);
  context.clip();
  context.strokeStyle = themeColor('--panel');
  context.lineWidth = 1.5;
  context.beginPath();
  for (let x = Math.floor((from - height) / 7) * 7; x < to; x += 7) {
    context.moveTo(x, bottom);
    context.lineTo(x + height, bottom - height);
  }
  context.stroke();
  context.restore();
}

/** The emotion's name where it lasted long enough to have room for it. */
function nameRuns(context, samples, x, bottom) {
  context.font = `600 12px ${FONT}`;
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  let first = 0;
  samples.forEach((sample, index) => {
    const next = samples[index + 1];
    if (next && next.emotion === sample.emotion && next.time - sample.time <= LONGEST_STEP) return;
    if (x(sample.time) - x(samples[first].time) >= ROOM_FOR_NAME) {
      context.lineWidth = 3;
      context.strokeStyle = themeColor('--panel');
      context.fillStyle = themeColor('--text');
      context.lineJoin = 'round';
      context.strokeText(sample.emotion, x(samples[first].time) + 5, bottom - 5);
      context.fillText(sample.emotion, x(samples[first].time) + 5, bottom - 5);
    }
    first = index + 1;
  });
}
