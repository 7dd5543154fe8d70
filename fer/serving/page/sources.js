/**
 * Where frames come from: a camera, a photo, a video file.
 *
 * A source has `kind`, `name`, `still` (one frame only), `open()`, `close()`, `sleep(bool)` and `frame(canvas)`, which
 * draws the next frame into a canvas and gives its time in seconds, or null when there is no next one. A Photo has its
 * `file`, too, whose own bytes are sent.
 * What goes wrong is a SourceError in plain words.
 */

const LONGEST_SIDE = 1280; // of a frame that is sent or shown, in pixels
const QUALITY = 0.85; // of a JPEG that is sent
const FORM_BYTES = 4096; // that a request may have beside its image
const LARGEST_PHOTO = 60e6; // bytes
const SHORTEST = 1 / 130; // seconds between two frames of a video, at least
const FRESH = 250; // ms to wait for a frame that is newer than the last one

export class SourceError extends Error {}

/** Draws a picture of width x height into `canvas`, reduced to LONGEST_SIDE. */
function reduce(picture, width, height, canvas) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff'; // below what is transparent: a JPEG has no such thing
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}

/** What is drawn in `canvas`, as a JPEG. */
export function jpegOf(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new SourceError('This picture is too large for your browser.'))),
      'image/jpeg',
      QUALITY,
    );
  });
}

/** Resolves at the event `name` of `target`, rejects at its `error` event or after `ms`. */
function happens(target, name, ms) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      target.removeEventListener(name, good);
      target.removeEventListener('error', bad);
      settle(value);
    };
    const good = () => end(resolve);
    const bad = () => end(reject, new SourceError('error'));
    const timer = setTimeout(() => end(reject, new SourceError('timeout')), ms);
    target.addEventListener(name, good);
    target.addEventListener('error', bad);
  });
}

/** Resolves when the video shows another frame, after FRESH ms at the latest, with that frame's own time or null. */
function nextFrame(video) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), FRESH);
    video.requestVideoFrameCallback?.((_, { mediaTime }) => {
      clearTimeout(timer);
      resolve(mediaTime);
    });
  });
}

/** An element of its own for every source: one that closes late takes nothing from the next one. */
function hiddenVideo() {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, className: 'unseen', tabIndex: -1 });
  video.setAttribute('aria-hidden', 'true');
  document.body.append(video);
  return video;
}

const CAMERA_PROBLEMS = {
  NotAllowedError: 'The camera was not allowed. Allow it beside the address of this page, or open a photo.',
  NotFoundError: 'There is no camera here. Open a photo or a video instead.',
  OverconstrainedError: 'There is no camera here. Open a photo or a video instead.',
  NotReadableError: 'The camera is used by another program. Close that one and start again.',
};

export class Camera {
  kind = 'camera';
  name = `camera ${new Date().toISOString().slice(0, 19)}Z`;
  still = false;
  #video = hiddenVideo();
  #stream;
  #started;

  async open() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new SourceError('Browsers open a camera on https and localhost only. Open a photo or a video instead.');
    }
    const wanted = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: 'user' };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    } catch (error) {
      throw new SourceError(CAMERA_PROBLEMS[error.name] ?? `The camera does not open (${error.message}).`);
    }
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    this.#started = performance.now();
  }

  async frame(canvas) {
    await nextFrame(this.#video);
    if (this.#stream.getVideoTracks().every((track) => track.readyState === 'ended')) {
      throw new SourceError('The camera is gone. Plug it in and start again.');
    }
    const time = (performance.now() - this.#started) / 1000;
    reduce(this.#video, this.#video.videoWidth, this.#video.videoHeight, canvas);
    return time;
  }

  /** While it sleeps, the camera sees nothing. */
  sleep(asleep) {
    this.#stream?.getVideoTracks().forEach((track) => {
      track.enabled = !asleep;
    });
  }

  close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#video.srcObject = null;
    this.#video.remove();
  }
}

export class Photo {
  kind = 'photo';
  still = true;
  #bitmap;
  #pixels = 0;

  constructor(file) {
    this.file = file;
    this.name = file.name;
  }

  async open() {
    if (this.file.size > LARGEST_PHOTO) {
      const size = Math.round(this.file.size / 1e6);
      throw new SourceError(`This photo is too large: ${size} MB, where ${LARGEST_PHOTO / 1e6} MB are the limit.`);
    }
    try {
      this.#bitmap = await createImageBitmap(this.file); // upright by its EXIF tag
    } catch {
      throw new SourceError(
        `Your browser cannot open ${this.name} as a photo: it is damaged, too large, or of an unknown kind.`,
      );
    }
  }

  async frame(canvas) {
    if (!this.#bitmap) return null;
    this.#pixels = this.#bitmap.width * this.#bitmap.height;
    reduce(this.#bitmap, this.#bitmap.width, this.#bitmap.height, canvas);
    this.close();
    return 0;
  }

  /** How it is larger than the service takes, in plain words; null where its own file can be sent. */
  excess({ max_bytes: bytes, max_pixels: pixels }) {
    const words = (size, unit, most) => `${megas(size)} ${unit}, and this service takes ${megas(most)}`;
    if (this.file.size + FORM_BYTES > bytes) return words(this.file.size, 'MB', bytes);
    if (this.#pixels > pixels) return words(this.#pixels, 'megapixels', pixels);
    return null;
  }

  sleep() {}

  close() {
    this.#bitmap?.close();
    this.#bitmap = null;
  }
}

const megas = (number) => (number / 1e6).toFixed(1).replace('.0', '');

/** A video file, one frame after the other however long the service takes. */
export class Clip {
  kind = 'video';
  still = false;
  #video = hiddenVideo();
  #file;
  #address;
  #step;
  #index = 0;
  #last = -1; // time of the frame before

  constructor(file) {
    this.#file = file;
    this.name = file.name;
  }

  async open() {
    this.#address = URL.createObjectURL(this.#file);
    this.#video.src = this.#address;
    try {
      if (this.#video.readyState < 2) await happens(this.#video, 'loadeddata', 15_000);
    } catch {
      throw new SourceError(`Your browser cannot play ${this.name}. Try an MP4 or WebM file.`);
    }
    if (!this.#video.videoWidth) throw new SourceError(`${this.name} has sound but no pictures.`);
    this.#step = await this.#frameDuration();
  }

  /** In seconds. */
  get duration() {
    return this.#video.duration;
  }

  /** Share of the video that was read, 0 to 1. */
  get progress() {
    return Math.min(1, this.#video.currentTime / this.#video.duration);
  }

  async frame(canvas) {
    for (;;) {
      const guess = this.#index * this.#step;
      if (guess > this.#video.duration - this.#step / 2) return null;
      this.#index += 1;
      // The middle of a frame's time: rounding at its edges would give a neighbour.
      const time = (await this.#seek(guess + this.#step / 2)) ?? guess;
      if (time <= this.#last) continue; // the same frame again: its time is longer than the others'
      this.#last = time;
      reduce(this.#video, this.#video.videoWidth, this.#video.videoHeight, canvas);
      return time;
    }
  }

  /** Shows what stands at `time`; that frame's own time, or null where the browser does not say it. */
  async #seek(time) {
    const frame = nextFrame(this.#video);
    const arrived = happens(this.#video, 'seeked', 10_000);
    this.#video.currentTime = time;
    try {
      await arrived;
    } catch {
      throw new SourceError(`${this.name} cannot be read beyond ${time.toFixed(1)} s: the file is damaged there.`);
    }
    return frame;
  }

  /** Seconds of one frame, measured while some are played; 1/25 where the browser does not say. */
  async #frameDuration() {
    const times = [];
    if (this.#video.requestVideoFrameCallback) {
      await this.#video.play().catch(() => {});
      for (let count = 0; count < 12 && !this.#video.ended; count += 1) times.push(await nextFrame(this.#video));
      this.#video.pause();
    }
    const known = times.filter((time) => time !== null);
    const gaps = known.slice(1).map((time, index) => time - known[index]);
    const shortest = Math.min(...gaps.filter((gap) => gap > SHORTEST));
    if (!Number.isFinite(shortest)) return 1 / 25;
    // The middle length: time stamps are rounded, to milliseconds in WebM.
    const all = known.at(-1) - known[0];
    return all / Math.round(all / shortest);
  }

  sleep() {}

  close() {
    this.#video.removeAttribute('src');
    this.#video.load();
    this.#video.remove();
    URL.revokeObjectURL(this.#address);
  }
}
