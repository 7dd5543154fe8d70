/** What was read in this tab, as a table for the user's own disk. */

const MOST_ROWS = 200_000; // some 40 MB: four hours of one face at 15 frames per second

/** As in fer.inference.video.COLUMNS, after the source's name. */
const COLUMNS = [
  ...['source', 'frame', 'time', 'track', 'detector', 'box_left', 'box_top', 'box_width', 'box_height'],
  ...['emotion', 'probability', 'certain', 'doubts', 'score'],
];

export class Record {
  #rows = [];
  #classes = [];

  get size() {
    return this.#rows.length;
  }

  get full() {
    return this.#rows.length >= MOST_ROWS;
  }

  /** Keeps the faces of a `photo` of the service: frame `number` of `source` at `time` (seconds), `people` in it. */
  add(source, number, time, { detector, faces }, people) {
    faces.forEach((face, index) => {
      if (this.full) return;
      for (const name of Object.keys(face.probabilities)) {
        if (!this.#classes.includes(name)) this.#classes.push(name);
      }
      this.#rows.push({ source, number, time, person: people[index], detector, face });
    });
  }

  /** RFC 4180, with a header; boxes in pixels of the frame that was sent. */
  csv() {
    const lines = this.#rows.map(({ source, number, time, person, detector, face }) => [
      source,
      number,
      time.toFixed(3),
      person,
      detector,
      ...face.box,
      face.emotion,
      face.probability.toFixed(4),
      face.certain ? 'True' : 'False',
      face.doubts.join(', '),
      face.score === null ? '' : face.score.toFixed(4),
      ...this.#classes.map((name) => face.probabilities[name]?.toFixed(4) ?? ''),
    ]);
    const header = [...COLUMNS, ...this.#classes];
    return [header, ...lines].map((line) => `${line.map(cell).join(',')}\n`).join('');
  }
}

function cell(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
