/** What drawings on a canvas share. */

/** Fits a canvas's pixels to its size on the screen; a context that counts in CSS pixels, and that size. */
export function surface(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The value of a colour of style.css, as it is now: dark or light. */
export const themeColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
