/** Cuts from one scene to another, as fer/inference/cuts.py finds them; its figures are explained there. */

const [WIDTH, HEIGHT] = [32, 18];
const CORRELATION = 0.5;
const BLANK = 3;

export class Cuts {
  #context;
  #last = null; // grey levels of the frame before, less their mean

  constructor() {
    const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
    this.#context = canvas.getContext('2d', { willReadFrequently: true });
    this.#context.imageSmoothingQuality = 'high';
  }

  /** Whether `frame`, a canvas, shows another scene than the one before it. */
  found(frame) {
    this.#context.drawImage(frame, 0, 0, WIDTH, HEIGHT);
    const { data } = this.#context.getImageData(0, 0, WIDTH, HEIGHT);
    const small = Array.from({ length: WIDTH * HEIGHT }, (_, index) => grey(data, 4 * index));
    const mean = small.reduce((sum, level) => sum + level, 0) / small.length;
    const levels = small.map((level) => level - mean);
    if (Math.sqrt(product(levels, levels) / levels.length) < BLANK) return false;
    const last = this.#last;
    this.#last = levels;
    if (!last) return false;
    return product(last, levels) / Math.sqrt(product(last, last) * product(levels, levels)) < CORRELATION;
  }
}

const grey = (data, at) => 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];

const product = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
