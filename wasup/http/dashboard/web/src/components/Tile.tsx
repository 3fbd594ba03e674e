import type { ComponentChildren } from "preact";

interface TileProps {
  label: string;
  value: string;
  note?: ComponentChildren;
  tone?: "warn" | "bad" | undefined;
}

export function Tile({ label, value, note, tone }: TileProps) {
  return (
    <div class={`card tile ${tone ?? ""}`}>
      <dt>{label}</dt>
      <dd>
        <strong>{value}</strong>
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}
