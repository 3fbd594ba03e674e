/** Lines over time, drawn by uPlot; the newest values are also there in words. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { timeOf } from "../lib/format";
import { shownTheme } from "../state/theme";

export interface Line {
  name: string;
  /** Custom property of the style sheet that holds its colour. */
  colour: string;
  values: (number | null)[];
}

interface ChartProps {
  title: string;
  unit: string;
  /** UTC epoch seconds. */
  times: number[];
  lines: Line[];
  format: (value: number) => string;
}

const HEIGHT = 180; // px

function optionsOf({ lines, format }: ChartProps, width: number): uPlot.Options {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string): string => styles.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_chart, _low, high) => [0, Math.max(1, high * 1.15)] } },
    axes: [{ ...axis, space: 90, size: 30, values: (_chart, splits) => splits.map((at) => timeOf(at * 1000)) }, { ...axis, size: 46, values: (_chart, splits) => splits.map(format) }],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.name,
        stroke: colour(line.colour),
        fill: `${colour(line.colour)}1f`,
        width: 2,
        points: { show: false },
      })),
    ],
  };
}

export function Chart(props: ChartProps) {
  const { title, unit, times, lines, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const data: uPlot.AlignedData = [times, ...lines.map((line) => line.values)];
  const shape = lines.map((line) => line.name).join();

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const made = new uPlot(optionsOf(props, element.clientWidth), data, element);
    chart.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [shownTheme.value, shape]);
  useEffect(() => chart.current?.setData(data), [times, lines]);

  const newest = lines.map((line) => {
    const value = line.values.at(-1);
    return { ...line, text: value === null || value === undefined ? "–" : `${format(value)} ${unit}`.trim() };
  });
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {newest.map((line) => (
            <li key={line.name} class={line.colour.slice(2)}>
              {line.name} <strong>{line.text}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <div
        ref={place}
        class="plot"
        role="img"
        aria-label={`${title}, now: ${newest.map((line) => `${line.name} ${line.text}`).join(", ")}`}
      />
    </figure>
  );
}
