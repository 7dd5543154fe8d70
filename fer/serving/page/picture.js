/** Draws a frame and, on that very frame, what the service said about it. */

import { FONT, surface } from './canvas.js';
import { emotionColor, personColor, verdict } from './emotions.js';

/** The seven bars and their names, in CSS pixels: beside a face, and on a phone. */
const PANEL = { width: 136, name: 56, padding: 7, row: 14, font: 11 };
const SMALL_PANEL = { width: 112, name: 50, padding: 5, row: 12, font: 10 };
const NARROW = 480;
const CHIP = { height: 24, padding: 8 };

/**
 * @param canvas where to draw; the frame is fitted into it whole
 * @param frame a canvas with the frame that was analysed
 * @param faces the service's faces of that frame, `people` their numbers
 */
export function drawPicture(canvas, frame, faces, people) {
  const { context, width, height } = surface(canvas);
  const scale = Math.min(width / frame.width, height / frame.height);
  const [left, top] = [(width - frame.width * scale) / 2, (height - frame.height * scale) / 2];
  context.imageSmoothingQuality = 'high';
  context.drawImage(frame, left, top, frame.width * scale, frame.height * scale);

  const boxes = faces.map(({ box }) => ({
    left: left + box[0] * scale,
    top: top + box[1] * scale,
    width: box[2] * scale,
    height: box[3] * scale,
  }));
  boxes.forEach((box, index) => drawBox(context, box, personColor(people[index]), faces[index].certain));
  const page = { left: 0, top: 0, width, height };
  const taken = [...boxes];
  faces.forEach((face, index) => taken.push(drawChip(context, boxes[index], face, people[index], page)));
  const panel = width < NARROW ? SMALL_PANEL : PANEL;
  faces.forEach((face, index) => {
    const size = { width: panel.width, height: Object.keys(face.probabilities).length * panel.row + 2 * panel.padding };
    const place = panelPlace(boxes[index], size, page, taken);
    if (!place) return;
    taken.push(place);
    drawPanel(context, panel, place, face, personColor(people[index]));
  });
}

function drawBox(context, box, color, certain) {
  context.beginPath();
  context.roundRect(box.left, box.top, box.width, box.height, Math.min(10, box.width / 6));
  context.setLineDash([]);
  context.lineWidth = 5;
  context.strokeStyle = 'rgb(0 0 0 / 55%)';
  context.stroke();
  context.setLineDash(certain ? [] : [7, 6]);
  context.lineWidth = 2.5;
  context.strokeStyle = color;
  context.stroke();
  context.setLineDash([]);
}

/** The person's number and the verdict above the box; the number alone where the face is small. */
function drawChip(context, box, face, person, page) {
  const text = box.width < 44 ? `${person}` : `${person}  ${verdict(face)}`;
  context.font = `600 14px ${FONT}`;
  const width = context.measureText(text).width + 2 * CHIP.padding;
  const place = {
    left: clamp(box.left, 0, page.width - width),
    top: box.top >= CHIP.height + 3 ? box.top - CHIP.height - 3 : box.top + 3,
    width,
    height: CHIP.height,
  };
  place.top = clamp(place.top, 0, page.height - CHIP.height);
  context.fillStyle = personColor(person);
  context.beginPath();
  context.roundRect(place.left, place.top, place.width, place.height, 6);
  context.fill();
  context.fillStyle = '#000';
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.fillText(text, place.left + CHIP.padding, place.top + CHIP.height / 2 + 0.5);
  return place;
}

/** A place for a face's bars beside its box that covers no other face; null where there is none. */
function panelPlace(box, size, page, taken) {
  if (box.width < 40) return null;
  const level = clamp(box.top, 0, page.height - size.height);
  const across = clamp(box.left, 0, page.width - size.width);
  const places = [
    { left: box.left + box.width + 8, top: level },
    { left: box.left - size.width - 8, top: level },
    { left: across, top: box.top + box.height + 8 },
    { left: across, top: box.top - CHIP.height - size.height - 10 },
    { left: 6, top: 6 },
    { left: page.width - size.width - 6, top: 6 },
    { left: 6, top: page.height - size.height - 6 },
    { left: page.width - size.width - 6, top: page.height - size.height - 6 },
  ].map((corner) => ({ ...corner, ...size }));
  const free = (place) => inside(place, page) && !taken.some((other) => meet(place, other));
  // Over a large face's own chin where nothing else is left: the eyes and most of the mouth stay seen.
  const chin = { left: box.left + box.width - size.width - 6, top: box.top + box.height - size.height - 6, ...size };
  const overChin = box.width > 2.2 * size.width && inside(chin, page);
  return places.find(free) ?? (overChin ? chin : null);
}

function drawPanel(context, panel, place, face, color) {
  context.fillStyle = 'rgb(14 18 26 / 78%)';
  context.beginPath();
  context.roundRect(place.left, place.top, place.width, place.height, 8);
  context.fill();
  context.fillStyle = color;
  context.beginPath();
  context.roundRect(place.left, place.top + 6, 3, place.height - 12, 1.5);
  context.fill();
  const bar = place.width - panel.name - 2 * panel.padding;
  Object.entries(face.probabilities).forEach(([emotion, probability], index) => {
    const top = place.top + panel.padding + index * panel.row;
    const likeliest = emotion === face.emotion;
    context.font = `${likeliest ? 700 : 400} ${panel.font}px ${FONT}`;
    context.fillStyle = likeliest ? '#fff' : '#d5dbe5';
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    context.fillText(emotion, place.left + panel.padding, top + panel.row / 2 + 0.5);
    const start = place.left + panel.padding + panel.name;
    context.fillStyle = 'rgb(255 255 255 / 16%)';
    context.fillRect(start, top + 3, bar, panel.row - 6);
    context.fillStyle = emotionColor(emotion);
    context.fillRect(start, top + 3, bar * probability, panel.row - 6);
  });
}

const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

const inside = (a, b) =>
  a.left >= b.left && a.top >= b.top && a.left + a.width <= b.left + b.width && a.top + a.height <= b.top + b.height;

const meet = (a, b) =>
  a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
