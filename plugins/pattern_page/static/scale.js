// Positions of ticks.

const HOUR = 3600;

// At most `most` round steps from 0 to at least `highest`.
export function valueTicks(highest, most, whole) {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  if (whole) step = Math.max(1, Math.ceil(step));
  const ticks = [0];
  while (ticks.at(-1) < highest) ticks.push(Number((ticks.at(-1) + step).toPrecision(12)));
  return ticks;
}

// At most `most` round line numbers between two.
export function lineTicks(start, end, most) {
  const [, step] = valueTicks(end - start, most, true);
  const ticks = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) ticks.push(at);
  return ticks;
}

// At most `most` round times of day between two times, all in seconds since 1970.
export function timeTicks(start, end, most) {
  const offset = new Date(start * 1000).getTimezoneOffset() * 60;
  const steps = [60, 120, 300, 600, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
  const step = steps.find((size) => (end - start) / size <= most) ?? 24 * HOUR;
  const ticks = [];
  for (let at = Math.ceil((start - offset) / step) * step + offset; at <= end; at += step) ticks.push(at);
  return ticks;
}
