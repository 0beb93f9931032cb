interface Choice {
  value: string;
  label: string;
}

/**
 * The choices of a field, and its own value where that is not one of them: the list has not come yet, or what was
 * chosen has left it. A browser would show the first choice then, as if that had been chosen.
 */
export function withChosen(choices: readonly Choice[], value: string | null | undefined): Choice[] {
  if (!value || choices.some((choice) => choice.value === value)) return [...choices];
  return [...choices, { value, label: '…' }];
}
