import type { Schemas } from '@/api/client';
import { readPhone } from '@/shared/format/phone';
import { textOf } from '@/shared/ui/Form';

/** Whom somebody wrote down to connect callers to, with the number in the form that the API takes. */
export function readTarget(form: FormData): Schemas['Transfer'] {
  return { label: textOf(form, 'label') ?? '', number: readPhone(textOf(form, 'number') ?? '') };
}
