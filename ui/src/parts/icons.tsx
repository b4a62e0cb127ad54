/** Small drawings for states and buttons; always beside a text, so hidden from screen readers. */

const PATHS = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  pulse: "M3 12h4l3-8 4 16 3-8h4",
  square: "M7 7h10v10H7z",
  slash: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM6 18L18 6",
  again: "M20 5v5h-5M19.4 14.5A8 8 0 1 1 18 6.8l2 3.2",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
  question: "M9 9a3 3 0 1 1 4.6 2.5c-1 .7-1.6 1.2-1.6 2.5M12 17.5v.1",
  skip: "M6 6l8 6-8 6zM18 6v12",
  dashed: "M9 4a8.5 8.5 0 0 1 6 0M20 9a8.5 8.5 0 0 1 0 6M15 20a8.5 8.5 0 0 1-6 0M4 15a8.5 8.5 0 0 1 0-6",
  dot: "M12 10.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  up: "M7 14l5-5 5 5",
  down: "M7 10l5 5 5-5",
  both: "M8 10l4-4 4 4M8 14l4 4 4-4",
  left: "M14 7l-5 5 5 5",
  right: "M10 7l5 5-5 5",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  whole: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  out: "M14 5h5v5M19 5l-8 8M17 14v5H5V7h5",
  copy: "M9 9h10v10H9zM5 15V5h10",
  alert: "M12 4L2.8 19.5h18.4zM12 10v4M12 16.8v.1",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg className="asm-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
