/** A stable name for a field that programs read: from its label where that is Latin, and never a taken one. */
export function freshKey(label: string, taken: readonly string[]): string {
  const latin = label
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
    .slice(0, 36);
  const base = latin === '' ? 'field' : latin;
  let key = base;
  for (let number = 2; taken.includes(key); number += 1) key = `${base}_${number}`;
  return key;
}
