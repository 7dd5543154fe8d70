/** A card per person: a picture of the face in the frame that was analysed, the verdict, seven bars, the doubts. */

import { doubtWords, emotionColor, percent, personColor } from './emotions.js';

const MEMORY = 1; // seconds that the card of a face that went out of sight stays, paled
const THUMBNAIL = 56; // CSS pixels

function element(name, className, text = '') {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

export class People {
  #list;
  #cards = new Map(); // by person
  #before = 0; // time of the frame before

  constructor(list) {
    this.#list = list;
  }

  /** Shows the faces of `frame`, a canvas; `people` are their numbers. */
  show(frame, faces, people, time) {
    faces.forEach((face, index) => {
      const person = people[index];
      let card = this.#cards.get(person);
      if (!card) {
        card = new PersonCard(person, Object.keys(face.probabilities));
        this.#cards.set(person, card);
        this.#list.append(card.item);
        this.#reach();
      }
      card.show(frame, face, time);
    });
    const before = this.#before;
    this.#before = time;
    for (const [person, card] of this.#cards) {
      card.item.classList.toggle('away', card.seen < time);
      if (card.seen < before && time - card.seen > MEMORY) this.#remove(person);
    }
  }

  clear() {
    for (const person of [...this.#cards.keys()]) this.#remove(person);
  }

  #remove(person) {
    this.#cards.get(person).item.remove();
    this.#cards.delete(person);
    this.#reach();
  }

  /** A list that scrolls can be scrolled with the keyboard. */
  #reach() {
    if (this.#list.scrollHeight > this.#list.clientHeight) this.#list.tabIndex = 0;
    else this.#list.removeAttribute('tabindex');
  }
}

class PersonCard {
  seen = 0;
  #thumbnail;
  #emotion;
  #percent;
  #doubts;
  #bars = new Map();

  constructor(person, emotions) {
    this.item = element('li', 'person');
    this.item.dataset.person = person;
    this.item.style.setProperty('--person', personColor(person));
    this.#thumbnail = element('canvas', 'thumbnail');
    this.#thumbnail.setAttribute('aria-hidden', 'true');
    this.#emotion = element('span', 'emotion');
    this.#percent = element('span', 'percent');
    this.#doubts = element('p', 'doubts');
    const title = element('h3', '');
    const number = element('span', 'number', person);
    number.setAttribute('aria-label', `Person ${person}:`);
    title.append(number, ' ', this.#emotion, ' ', this.#percent);
    const words = element('div', 'words');
    words.append(title, this.#doubts);
    const head = element('div', 'head');
    head.append(this.#thumbnail, words);
    const bars = element('ul', 'bars');
    bars.append(...emotions.map((emotion) => this.#bar(emotion)));
    this.item.append(head, bars);
  }

  #bar(emotion) {
    const row = element('li', '');
    const rail = element('span', 'rail');
    const fill = element('span', 'fill');
    const value = element('span', 'value');
    rail.setAttribute('aria-hidden', 'true');
    fill.style.backgroundColor = emotionColor(emotion);
    rail.append(fill);
    row.append(element('span', 'name', emotion), rail, value);
    this.#bars.set(emotion, { row, fill, value });
    return row;
  }

  show(frame, face, time) {
    this.seen = time;
    this.item.classList.toggle('uncertain', !face.certain);
    this.#emotion.textContent = face.certain ? face.emotion : `${face.emotion}?`;
    this.#percent.textContent = percent(face.probability);
    this.#doubts.textContent = face.certain ? 'certain' : `Not certain: ${face.doubts.map(doubtWords).join('; ')}`;
    for (const [emotion, { row, fill, value }] of this.#bars) {
      const probability = face.probabilities[emotion] ?? 0;
      row.classList.toggle('likeliest', emotion === face.emotion);
      fill.style.width = `${100 * probability}%`;
      value.textContent = percent(probability);
    }
    this.#drawThumbnail(frame, face.box);
  }

  /** The square around the face, a little wider than its box. */
  #drawThumbnail(frame, [left, top, width, height]) {
    const side = Math.round(THUMBNAIL * (window.devicePixelRatio || 1));
    const canvas = this.#thumbnail;
    if (canvas.width !== side) Object.assign(canvas, { width: side, height: side });
    const square = 1.2 * Math.max(width, height);
    const context = canvas.getContext('2d');
    context.clearRect(0, 0, side, side);
    const [x, y] = [left + (width - square) / 2, top + (height - square) / 2];
    context.drawImage(frame, x, y, square, square, 0, 0, side, side);
  }
}
