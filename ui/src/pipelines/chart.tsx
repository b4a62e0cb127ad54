import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from "chart.js";
import { useEffect, useRef } from "react";

import type { PastDuration } from "../api/types";
import { useColorMode } from "../host/color-mode";
import { useTimezone } from "../host/timezone";
import { formatDuration, formatRunning, formatTime } from "../parts/format";
import { lookOf } from "../parts/states";
import { describe, stepOf } from "./trend";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

type Props = { durations: PastDuration[]; usual: number | null; onOpen: (past: PastDuration) => void };

/** A canvas knows no CSS variables: ask an element what they are now. */
const coloursOf = (frame: HTMLElement) => {
  const probe = document.createElement("i");
  probe.hidden = true;
  frame.append(probe);
  const read = (tone: string | null, property: string) => {
    if (tone === null) delete probe.dataset.tone;
    else probe.dataset.tone = tone;
    probe.style.color = `var(${property})`;
    return getComputedStyle(probe).color;
  };
  return { read, done: () => probe.remove() };
};

/** How long the last runs took, in the colours of their ends. The table beside it says the same in words. */
export const DurationChart = ({ durations, usual, onOpen }: Props) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const open = useRef(onOpen);
  open.current = onOpen;
  const mode = useColorMode();
  const timeZone = useTimezone();

  useEffect(() => {
    const element = canvas.current;
    const frame = element?.parentElement;
    if (!element || !frame) return;
    const colours = coloursOf(frame);
    const tones = durations.map(({ state }) => colours.read(lookOf(state).tone, "--tone"));
    const text = colours.read(null, "--fg-muted");
    const lines = colours.read(null, "--line");
    const font = { family: getComputedStyle(frame).fontFamily, size: 11 };
    colours.done();
    const all = durations.map(({ duration }) => duration);
    const chart = new Chart(element, {
      type: "bar",
      data: {
        labels: durations.map(({ created }) => formatTime(created, timeZone)),
        datasets: [
          {
            data: all,
            backgroundColor: tones,
            hoverBackgroundColor: tones,
            borderRadius: 2,
            maxBarThickness: 18,
            minBarLength: 2,
          },
        ],
      },
      options: {
        animation: false,
        maintainAspectRatio: false,
        onClick: (_event, [hit]) => {
          const past = hit && durations[hit.index];
          if (past) open.current(past);
        },
        onHover: (_event, [hit]) => {
          element.style.cursor = hit ? "pointer" : "";
        },
        scales: {
          x: { grid: { display: false }, ticks: { display: false }, border: { color: lines } },
          y: {
            beginAtZero: true,
            suggestedMax: usual ?? undefined,
            border: { display: false },
            grid: { color: lines },
            ticks: { color: text, font, stepSize: stepOf(Math.max(usual ?? 0, ...all)), callback: (value) => formatRunning(Number(value)) },
          },
        },
        plugins: {
          tooltip: {
            displayColors: false,
            titleFont: font,
            bodyFont: font,
            callbacks: {
              label: ({ dataIndex, parsed }) =>
                `${formatDuration(parsed.y ?? 0)} · ${lookOf(durations[dataIndex]?.state ?? "").label}`,
            },
          },
        },
      },
    });
    return () => chart.destroy();
  }, [durations, usual, mode, timeZone]);

  return (
    <div className="asm-chart">
      <canvas ref={canvas} role="img" aria-label={describe(durations, usual)} />
    </div>
  );
};
