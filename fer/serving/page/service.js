/** Speaks to the service: one JPEG in, its faces out, and what can go wrong in plain words. */

const TIMEOUT = 30_000; // ms, the service's own
const FIRST_WAIT = 1; // seconds until a service that is gone is asked again; doubles up to LONGEST_WAIT
const LONGEST_WAIT = 5;

/** What kept the service from an answer; `wait` (seconds) where asking again makes sense, else null. */
export class ServiceError extends Error {
  constructor(message, wait = null) {
    super(message);
    this.wait = wait;
  }
}

export class Service {
  #failures = 0;

  /** The faces of one JPEG (a Blob): the service's Photo. Rejects with ServiceError, or AbortError by `signal`. */
  async analyze(jpeg, signal) {
    const form = new FormData();
    form.append('images', jpeg, 'frame.jpg');
    const response = await this.#fetch('analyze', { method: 'POST', body: form }, signal);
    if (!response.ok) throw await refusal(response);
    let photos;
    try {
      photos = await response.json();
    } catch {
      throw this.#gone('The service broke off its answer.');
    }
    if (!Array.isArray(photos) || photos.length !== 1 || !Array.isArray(photos[0].faces)) {
      throw new ServiceError('The service gave an answer that this page does not understand. Reload the page.');
    }
    this.#failures = 0;
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
      const response = await fetch(path, { ...options, cache: 'no-store', signal: controller.signal });
      // A proxy in front answers so while the service behind it is gone.
      if (response.status === 502 || response.status === 504) throw this.#gone('The service does not answer.');
      return response;
    } catch (error) {
      if (error instanceof ServiceError || signal?.aborted) throw error;
      throw this.#gone('The service does not answer.');
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  #gone(message) {
    const wait = Math.min(FIRST_WAIT * 2 ** this.#failures, LONGEST_WAIT);
    this.#failures += 1;
    return new ServiceError(message, wait);
  }
}

/** An answer that is no success, as a ServiceError. */
async function refusal(response) {
  if (response.status === 503 || response.status === 429) {
    const seconds = Number(response.headers.get('Retry-After'));
    return new ServiceError('The service is busy.', seconds > 0 ? Math.min(seconds, 60) : FIRST_WAIT);
  }
  if (response.status === 413) return new ServiceError('This picture is too large for the service. Use a smaller one.');
  if (response.status === 401 || response.status === 403) {
    return new ServiceError('This service wants a key, which this page does not have. Ask whoever runs it.');
  }
  const said = await response.json().then((body) => body?.error?.message, () => null);
  const reason = typeof said === 'string' ? said : `error ${response.status}`;
  return new ServiceError(`The service could not read this picture: ${reason}.`.replace(/\.+$/, '.'));
}
