interface Placed {
  id: string;
  position: number;
}

/** Which rows need which new positions so that one of them stands `by` places further; none at an end. */
export function positionsAfter<T extends Placed>(rows: readonly T[], id: string, by: 1 | -1): { row: T; position: number }[] {
  const from = rows.findIndex((row) => row.id === id);
  const to = from + by;
  const [moved, other] = [rows[from], rows[to]];
  if (!moved || !other) return [];
  const order = [...rows];
  order[from] = other;
  order[to] = moved;
  return order.map((row, position) => ({ row, position })).filter(({ row, position }) => row.position !== position);
}
