/** What the entries of a timeline are narrowed to. */
export const FAMILIES = ['call', 'message', 'note', 'task', 'money', 'system'] as const;

/** One of them. */
export type Family = (typeof FAMILIES)[number];

/** Which family a kind of entry belongs to. */
export function familyOf(kind: string): Family {
  const [entity] = kind.split('.');
  switch (entity) {
    case 'call':
    case 'promise':
      return 'call';
    case 'message':
      return 'message';
    case 'note':
      return 'note';
    case 'task':
    case 'appointment':
      return 'task';
    case 'deal':
    case 'payment':
      return 'money';
    default:
      return 'system';
  }
}
