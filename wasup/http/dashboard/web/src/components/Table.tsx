/** A list as a table; on a small screen each row becomes a card, whose entries carry the names of their columns. */

import type { ComponentChildren } from "preact";

export interface Column<T> {
  /** What stands above it; null above buttons, which need no name. */
  name: string | null;
  cell: (row: T) => ComponentChildren;
  class?: string;
}

interface TableProps<T> {
  label: string;
  rows: readonly T[];
  /** The first one names the row. */
  columns: readonly [Column<T>, ...Column<T>[]];
}

export function Table<T extends { id?: number }>({ label, rows, columns }: TableProps<T>) {
  const [title, ...others] = columns;
  return (
    <table class="cards">
      <caption class="hidden">{label}</caption>
      <thead>
        <tr>
          {columns.map(({ name }) => (
            <th key={name} scope="col">
              {name ?? <span class="hidden">Actions</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id}>
            <th scope="row" class={title.class}>
              {title.cell(row)}
            </th>
            {others.map((column) =>
              column.name === null ? (
                <td key="actions" class="row-actions">
                  {column.cell(row)}
                </td>
              ) : (
                <td key={column.name} data-label={column.name} class={column.class}>
                  {column.cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
