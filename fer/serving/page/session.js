/** One source that is read: whether it goes on, waits or has ended, and how fast it goes. */

import { Tracker } from './tracker.js';

const FIGURES_OVER = 3; // seconds that the frames per second are counted over

/** One source from its start to its end. */
export class Session {
  tracker = new Tracker();
  frames = 0;
  paused = false;
  #abort = new AbortController();
  #answers = []; // {at, latency} in ms
  #wakers = [];

  constructor(source) {
    this.source = source;
  }

  get signal() {
    return this.#abort.signal;
  }

  get alive() {
    return !this.signal.aborted;
  }

  end() {
    this.#abort.abort();
    this.wake();
  }

  wake() {
    for (const waker of this.#wakers.splice(0)) waker();
  }

  /** Resolves when neither the user nor a hidden tab holds the session up. */
  async awake() {
    while (this.alive && (this.paused || document.hidden)) {
      await new Promise((resolve) => {
        this.#wakers.push(resolve);
      });
    }
  }

  async sleep(seconds) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000 * seconds);
      this.#wakers.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  answered(at, latency) {
    this.#answers.push({ at, latency });
    this.#answers = this.#answers.filter((answer) => at - answer.at <= 1000 * FIGURES_OVER);
  }

  /** Answers per second and their middle latency in ms, lately; null before there are two. */
  get figures() {
    const answers = this.#answers;
    const latencies = answers.map(({ latency }) => latency).sort((a, b) => a - b);
    const span = answers.length > 1 ? answers.at(-1).at - answers[0].at : 0;
    return {
      rate: span > 0 ? (1000 * (answers.length - 1)) / span : null,
      latency: latencies[latencies.length >> 1] ?? null,
    };
  }
}
