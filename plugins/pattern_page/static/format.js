// Formats of numbers and times.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const UNKNOWN = "–";

const known = (format) => (value) => (value === null || value === undefined ? UNKNOWN : format(value));

export const count = known((value) => whole.format(value));
export const number = known((value) => exact.format(value));
export const rate = known((value) => one.format(value));
export const short = known((value) => compact.format(value));
export const share = known((value) => (value > 0 && value < 0.0001 ? "<0.01%" : percent.format(value)));
export const timeOfDay = known((value) => clock.format(value * 1000));

export const moment = known((value) => {
  const at = new Date(value * 1000);
  const today = day.format(new Date()) === day.format(at);
  return today ? second.format(at) : `${day.format(at)}, ${second.format(at)}`;
});

export const bytes = known((value) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${one.format(size)} ${units[unit]}`;
});

export const seconds = known((value) => {
  if (value < 60) return `${one.format(value)} s`;
  if (value < 3600) return `${one.format(value / 60)} min`;
  return value < 86400 ? `${one.format(value / 3600)} h` : `${one.format(value / 86400)} d`;
});
