import pc from 'picocolors';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly colour?: (row: Row) => (text: string) => string;
}

/** Columns as wide as their widest value; nothing but a line of titles when there are no rows. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  // A line break in a value must not look like another row.
  const cell = ({ value }: Column<Row>, row: Row): string => value(row).replaceAll(/[\n\t]+/g, ' ');
  const widths = columns.map((column) =>
    Math.max(column.title.length, ...rows.map((row) => cell(column, row).length)),
  );
  const padded = (text: string, shown: string, index: number): string =>
    index === columns.length - 1 ? shown : shown + ' '.repeat((widths[index] ?? 0) - text.length);
  const heading = columns.map(({ title }, index) => padded(title, title, index));
  const lines = rows.map((row) =>
    columns.map((column, index) => {
      const { colour } = column;
      const text = cell(column, row);
      return padded(text, colour === undefined ? text : colour(row)(text), index);
    }),
  );
  return [heading, ...lines].map((cells) => cells.join('   ')).join('\n');
}

const good = new Set(['ready']);
const bad = new Set(['failed', 'degraded']);
const gone = new Set(['deleted']);

export const colourOf = (status: string): ((text: string) => string) =>
  good.has(status) ? pc.green : bad.has(status) ? pc.red : gone.has(status) ? pc.dim : pc.yellow;

/** `3d`, `5h`, `12m`, `40s`: as kubectl writes ages. */
export function age(from: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(from)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
