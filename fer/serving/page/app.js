/** The page: one source at a time, one request in flight, every answer shown on the frame that it is about. */

import { showModel } from './about.js';
import { surface } from './canvas.js';
import { emotionColor, EMOTION_COLORS, percent } from './emotions.js';
import { People } from './people.js';
import { drawPicture } from './picture.js';
import { Record } from './record.js';
import { KeyError, Service, ServiceError } from './service.js';
import { Session } from './session.js';
import { Camera, Clip, jpegOf, Photo, SourceError } from './sources.js';
import { Timeline } from './timeline.js';

const NARROWEST = 0.8; // width over height of the picture's place
const SPOKEN_EVERY = 5; // seconds between two announcements to screen readers, at least
const DRAWN_EVERY = 0.2; // seconds between two drawings of the timeline and the figures, at least

const $ = (id) => document.getElementById(id);
const service = new Service();
const record = new Record();
const people = new People($('people'));
const NOBODY = $('nobody').textContent;
const timeline = new Timeline($('timeline'));

let session = null; // what is being read
let limits = {}; // the service's, once it has said them
let spare = document.createElement('canvas'); // the next frame is drawn here, while `shown` is seen
let shown = null; // {frame, faces, people}

/* ---------- reading ---------- */

async function start(source) {
  stop();
  const mine = new Session(source);
  session = mine;
  clear();
  $('history').hidden = source.still;
  $('history-title').textContent = source.kind === 'video' ? 'Over time' : 'The last minute';
  $('progress').hidden = source.kind !== 'video';
  $('progress').value = 0;
  say(source.kind === 'camera' ? 'Waiting for the camera: your browser asks you.' : `Opening ${source.name}…`);
  showControls();
  try {
    await source.open();
    if (!mine.alive) return;
    timeline.start(source.kind === 'camera', source.duration);
    await read(mine);
  } catch (error) {
    if (mine.alive) {
      const plain = error instanceof SourceError || error instanceof ServiceError;
      stop(plain ? error.message : `This page failed (${error.message}). Reload it.`, 'error');
      if (error instanceof KeyError) askForKey();
    }
  } finally {
    source.close(); // also where it opened only after it was stopped
  }
}

/** Ends what is being read, if anything is. */
function stop(message = 'Stopped.', kind = 'idle') {
  if (!session) return;
  session.end();
  session.source.close();
  session = null;
  $('progress').hidden = true;
  if (kind === 'error') clearFigures();
  if (!shown) $('stage').style.aspectRatio = '';
  $('stage').classList.toggle('empty', !shown);
  say(message, kind);
  drawSlowly(true);
  showControls();
}

/** What the user asks for: nothing is read or shown any more, but for the timeline. */
function stopAndClear() {
  clear();
  stop();
}

/** Takes the former picture, its people and its figures away. */
function clear() {
  shown = null;
  spoken = -Infinity;
  people.clear();
  drawShown();
  clearFigures();
  $('picture').setAttribute('aria-label', 'No picture yet');
  $('announcer').textContent = '';
  $('nobody').hidden = false;
  $('nobody').textContent = NOBODY;
}

function clearFigures() {
  $('rate').textContent = '–';
  $('latency').textContent = '–';
}

/** Frame after frame: take, ask, show. */
async function read(mine) {
  const { source } = mine;
  sayReading(mine);
  for (;;) {
    await mine.awake();
    if (!mine.alive) return;
    const time = await source.frame(spare);
    if (!mine.alive) return;
    if (time === null) break;
    const taken = performance.now();
    const excess = source.still ? source.excess(limits) : null;
    const photo = await answer(mine, source.still && !excess ? source.file : await jpegOf(spare));
    if (!mine.alive) return;
    if (!photo) continue;
    show(mine, photo, time);
    mine.answered(performance.now(), performance.now() - taken);
    drawSlowly(source.still);
    if (source.still) {
      const copy = excess ? ` It has ${excess}: a smaller copy was read, so the figures may differ a little.` : '';
      stop(`${source.name}: ${count(shown.faces.length)}.${copy}`);
      return;
    }
  }
  stop(`${source.name}: ${mine.frames} ${mine.frames === 1 ? 'frame' : 'frames'} read, to its end.`);
}

/** The service's answer, however often it takes; null where a newer frame should be sent instead. */
async function answer(mine, image) {
  for (;;) {
    try {
      const photo = await service.analyze(image, mine.signal);
      sayReading(mine);
      return photo;
    } catch (error) {
      if (!mine.alive) return null;
      if (!(error instanceof ServiceError) || error.wait === null) throw error;
      say(`${error.message} This page asks again by itself.`, 'error');
      await mine.sleep(error.wait);
      await mine.awake();
      if (!mine.alive || mine.source.kind === 'camera') return null;
    }
  }
}

function show(mine, photo, time) {
  const frame = spare;
  const numbers = mine.tracker.update(photo.faces.map(({ box }) => box), time, frame);
  spare = shown?.frame ?? document.createElement('canvas');
  // A photo is shown smaller than it was sent.
  const scale = frame.width / photo.width;
  const faces = photo.faces.map((face) => ({ ...face, box: face.box.map((side) => side * scale) }));
  shown = { frame, faces, people: numbers };
  record.add(mine.source.name, mine.frames, time, photo, numbers);
  mine.frames += 1; // counted from 0, as in the tables of fer video
  timeline.add(time, photo.faces, numbers);
  people.show(frame, faces, numbers, time);
  $('stage').classList.remove('empty');
  $('stage').style.aspectRatio = Math.max(NARROWEST, frame.width / frame.height);
  $('nobody').hidden = photo.faces.length > 0;
  $('nobody').textContent = mine.source.still
    ? 'No face was found in this photo. A face should be turned to the camera, in the light, and not tiny.'
    : 'No face in this frame. Turn to the camera, come closer, or bring light.';
  if (mine.source.kind === 'video') $('progress').value = mine.source.progress;
  drawShown();
  announce(photo.faces, numbers, mine.source.still);
}

/* ---------- showing ---------- */

function drawShown() {
  if (shown) drawPicture($('picture'), shown.frame, shown.faces, shown.people);
  else surface($('picture'));
}

let drawn = 0;
/** The timeline and the figures, which need not change with every frame. */
function drawSlowly(now = false) {
  if (!now && performance.now() - drawn < 1000 * DRAWN_EVERY) return;
  drawn = performance.now();
  if (!$('history').hidden) timeline.draw();
  const { rate = null, latency = null } = session?.figures ?? {};
  if (session) {
    $('rate').textContent = rate === null ? '–' : rate.toFixed(1);
    $('latency').textContent = latency === null ? '–' : `${Math.round(latency)} ms`;
  }
  $('rows').textContent = record.full ? `${record.size} (full)` : record.size;
  $('save').setAttribute('aria-disabled', record.size === 0);
}

/** The status line, which screen readers read out: set only when it changes. */
function say(message, kind = 'idle') {
  if ($('status').textContent === message) return;
  $('status').textContent = message;
  $('status').dataset.kind = kind;
}

function sayReading(mine) {
  if (mine.paused || document.hidden) return;
  say(mine.source.kind === 'camera' ? 'Reading the camera.' : `Reading ${mine.source.name}…`, 'live');
}

const count = (faces) => (faces === 0 ? 'no face found' : faces === 1 ? 'one face found' : `${faces} faces found`);

let spoken = -Infinity;
/** Tells screen readers what is seen: on changes, and not more often than they can be listened to. */
function announce(faces, numbers, now) {
  if (!now && performance.now() - spoken < 1000 * SPOKEN_EVERY) return;
  spoken = performance.now();
  const seen = faces.map((face, index) => {
    const words = `Person ${numbers[index]}: ${face.emotion}, ${percent(face.probability)}`;
    return face.certain ? words : `${words}, not certain`;
  });
  const text = seen.length ? `${seen.join('. ')}.` : 'No face.';
  $('picture').setAttribute('aria-label', `The frame that was read. ${text}`);
  $('timeline').setAttribute('aria-label', timeline.summary());
  if ($('announcer').textContent !== text) $('announcer').textContent = text;
}

function showControls() {
  $('pause').setAttribute('aria-disabled', !session || session.source.still);
  $('stop').setAttribute('aria-disabled', !session);
  $('camera').setAttribute('aria-disabled', session?.source.kind === 'camera');
  $('pause').textContent = session?.paused ? 'Go on' : 'Pause';
}

/** Tells which model reads, as soon as the service says it. */
async function inform() {
  for (;;) {
    try {
      const model = await service.model();
      limits = model.limits ?? {};
      showModel(model);
      return;
    } catch (error) {
      $('model').textContent = error.message;
      if (error instanceof KeyError) askForKey();
      if (!error.wait) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 1000 * error.wait);
      });
    }
  }
}

function askForKey() {
  say('This service wants a key. Whoever runs it has one.', 'error');
  $('key-form').hidden = false;
}

/* ---------- what the user does ---------- */

function startCamera() {
  start(new Camera());
}

function open(files) {
  const [file] = files;
  if (!file) return;
  start(file.type.startsWith('video/') ? new Clip(file) : new Photo(file));
}

function pause() {
  session.paused = !session.paused;
  session.wake();
  if (session.paused) say('Paused.');
  else sayReading(session);
  showControls();
}

/** A tab that is hidden sends nothing, and its camera sees nothing. */
function showOrHide() {
  if (!session || session.source.still) return;
  session.source.sleep(document.hidden);
  if (document.hidden) say('Paused while this tab is hidden.');
  else if (session.paused) say('Paused.');
  else sayReading(session);
  session.wake();
}

function save() {
  const address = URL.createObjectURL(new Blob([record.csv()], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = `fer-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const ACTIONS = { camera: startCamera, choose: () => $('file').click(), pause, stop: stopAndClear, save };
const KEYS = { c: 'camera', o: 'choose', p: 'pause', s: 'save', Escape: 'stop' };

function act(id) {
  if ($(id).getAttribute('aria-disabled') !== 'true') ACTIONS[id]();
}

for (const id of Object.keys(ACTIONS)) $(id).addEventListener('click', () => act(id));

$('file').addEventListener('change', () => {
  open($('file').files);
  $('file').value = ''; // the same file may be chosen again
});

$('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  service.key = $('key').value;
  $('key-form').hidden = true;
  say('The key is used until this tab is closed.');
  $('camera').focus();
  inform();
});

document.addEventListener('keydown', (event) => {
  const id = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!id || !$('shortcuts').checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target === $('key')) return; // a key may hold any letter
  event.preventDefault();
  act(id);
});

document.addEventListener('dragover', (event) => {
  event.preventDefault();
  $('stage').classList.add('dragged');
});
document.addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) $('stage').classList.remove('dragged');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  $('stage').classList.remove('dragged');
  const { files } = event.dataTransfer;
  if (files.length === 1) open(files);
  else say(files.length ? 'Drop one photo or video at a time.' : 'That was no file. Drop a photo or a video.', 'error');
});

document.addEventListener('visibilitychange', showOrHide);

const redraw = () => {
  drawShown();
  drawSlowly(true);
};
new ResizeObserver(redraw).observe($('stage'));
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

for (const emotion of Object.keys(EMOTION_COLORS)) {
  const item = document.createElement('li');
  const colour = document.createElement('span');
  colour.style.backgroundColor = emotionColor(emotion);
  item.append(colour, emotion);
  $('legend').append(item);
}

inform();
