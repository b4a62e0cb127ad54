/** Times and durations as the rest of Airflow's UI writes them. */

const DAY = 86_400;

const two = (value: number) => String(value).padStart(2, "0");

const clock = (seconds: number): string => {
  const whole = Math.floor(seconds);
  const time = [Math.floor((whole % DAY) / 3600), Math.floor((whole % 3600) / 60), whole % 60].map(two).join(":");
  return whole < DAY ? time : `${Math.floor(whole / DAY)}d${time}`;
};

/** Seconds as `00:04:32`, `2d03:00:00`, or `4.20s` below ten seconds. */
export const formatDuration = (seconds: number): string => {
  if (!Number.isFinite(seconds) || seconds <= 0) return clock(0);
  return seconds < 10 ? `${seconds.toFixed(2)}s` : clock(seconds);
};

/** The duration of what still runs: whole seconds, so that it does not flicker. */
export const formatRunning = (seconds: number): string => clock(Math.max(0, seconds));

/** `2026-03-01 12:00:00` in a time zone; the text itself where it is no time. */
export const formatTime = (time: string, timeZone: string): string => {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  // Swedish writes times as ISO 8601 does.
  return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone }).format(date);
};

/** How long ago, roughly: `12 s`, `4 min`, `3 h`, `2 d`. */
export const formatAge = (seconds: number): string => {
  const age = Math.max(0, Math.round(seconds));
  if (age < 90) return `${age} s`;
  if (age < 90 * 60) return `${Math.round(age / 60)} min`;
  if (age < 36 * 3600) return `${Math.round(age / 3600)} h`;
  return `${Math.round(age / DAY)} d`;
};

export const seconds = (from: string, to: number): number => (to - Date.parse(from)) / 1000;

/** `1 execution`, `2 executions`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** A number of any size with six significant digits. */
export const formatMetric = (value: number): string => String(Number(value.toPrecision(6)));
