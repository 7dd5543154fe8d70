/** Speaks to the service: one image in, its faces out, and what can go wrong in plain words. */

const TIMEOUT = 30_000; // ms, the service's own
const WAIT = 2; // seconds until a service that is gone, or does not say how long it is busy, is asked again
const LONGEST_WAIT = 60; // seconds

/** What kept the service from an answer; `wait` (seconds) where asking again makes sense, else null. */
export class ServiceError extends Error {
  constructor(message, wait = null) {
    super(message);
    this.wait = wait;
  }
}

/** The service wants a key, or another one. */
export class KeyError extends ServiceError {}

const gone = (message) => new ServiceError(message, WAIT);

export class Service {
  /** Sent with every request where the service wants one; kept in this tab's memory alone. */
  key = '';

  /** The faces of one image (a Blob): the service's Photo. Rejects with ServiceError, or AbortError by `signal`. */
  async analyze(image, signal) {
    const form = new FormData();
    form.append('images', image, image.name ?? 'frame.jpg');
    const response = await this.#fetch('analyze', { method: 'POST', body: form }, signal);
    if (!response.ok) throw await refusal(response);
    let photos;
    try {
      photos = await response.json();
    } catch {
      throw gone('The service broke off its answer.');
    }
    if (!Array.isArray(photos) || photos.length !== 1 || !Array.isArray(photos[0].faces)) {
      throw new ServiceError('The service gave an answer that this page does not understand. Reload the page.');
    }
    return photos[0];
  }

  /** The card of the model that reads. */
  async model() {
    const response = await this.#fetch('model', {});
    if (!response.ok) throw await refusal(response);
    return response.json();
  }

  async #fetch(path, options, signal) {
    const controller = new AbortController();
    const abort = () => controller.abort();
    signal?.addEventListener('abort', abort);
    const timer = setTimeout(abort, TIMEOUT);
    try {
      const headers = this.key ? { 'X-API-Key': this.key } : {};
      const response = await fetch(path, { ...options, headers, cache: 'no-store', signal: controller.signal });
      // A proxy in front answers so while the service behind it is gone.
      if (response.status === 502 || response.status === 504) throw gone('The service does not answer.');
      return response;
    } catch (error) {
      if (error instanceof ServiceError || signal?.aborted) throw error;
      throw gone('The service does not answer.');
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }
}

/** An answer that is no success, as a ServiceError. */
async function refusal(response) {
  if (response.status === 503 || response.status === 429) {
    const seconds = Number(response.headers.get('Retry-After'));
    return new ServiceError('The service is busy.', seconds > 0 ? Math.min(seconds, LONGEST_WAIT) : WAIT);
  }
  if (response.status === 413) return new ServiceError('This picture is too large for the service. Use a smaller one.');
  if (response.status === 401 || response.status === 403) {
    return new KeyError('This service wants a key. Whoever runs it has one.');
  }
  const said = await response.json().then((body) => body?.error?.message, () => null);
  const reason = typeof said === 'string' ? said : `error ${response.status}`;
  return new ServiceError(`The service could not read this picture: ${reason}.`.replace(/\.+$/, '.'));
}
