/** The duty to inform: which model reads, how often it is right, and what it may not be used for. */

import { percent } from './emotions.js';

const PARTS = ['forbidden', 'duties', 'not_known']; // of the service's terms of use, and ids of their lists

/** Writes what GET /model says below the page. */
export function showModel(model) {
  const facts = [which(model), accuracy(model), extremes(model), rest(model)];
  if (model.drawn) facts.unshift('It learned from drawn faces: what it says about real ones is worth nothing.');
  write('model', 'p', facts.filter(Boolean));
  if (model.records) {
    document.getElementById('kept').textContent = 'what it read is recorded, without any picture';
  }
  for (const part of PARTS) {
    const sentences = model.use?.[part] ?? [];
    if (sentences.length) write(part, 'li', sentences);
  }
}

/** The texts, an element each, instead of what `id` held. */
function write(id, name, texts) {
  const elements = texts.map((text) => Object.assign(document.createElement(name), { textContent: text }));
  document.getElementById(id).replaceChildren(...elements);
}

function which({ model }) {
  return `The network ${model.architecture}, version ${model.version}, trained on ${model.dataset}.`;
}

function accuracy({ model, figures, intervals }) {
  const share = figures['test.accuracy'];
  if (share === undefined) return null;
  const images = figures['test.support'];
  const [low, high] = intervals?.['test.accuracy'] ?? [];
  const where = images ? `${images.toLocaleString('en')} test images` : 'the test images';
  const between = low === undefined ? '' : ` (95\u00a0% interval: ${percent(low)} to ${percent(high)})`;
  return `It names the emotion that people named in ${percent(share)} of ${where} of ${model.dataset}${between}.`;
}

/** The emotions that it knows best and least, by their F1 score. */
function extremes({ classes, figures }) {
  const scores = classes.map((name) => [name, figures[`test.f1.${name}`]]).filter(([, score]) => score !== undefined);
  if (scores.length < 2) return null;
  scores.sort((a, b) => b[1] - a[1]);
  const words = ([name, score]) => `${name} (F1 ${score.toFixed(2)})`;
  return `Best at ${words(scores[0])}, worst at ${words(scores.at(-1))}.`;
}

function rest({ detector, licence }) {
  return `Faces are found by ${detector}. Licence: ${licence}. Every frame is read on its own, without smoothing.`;
}
