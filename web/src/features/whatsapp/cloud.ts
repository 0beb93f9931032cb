import type { Schemas } from '@/api/client';
import { ApiError } from '@/api/problem';

/** Where a number at Meta stands: none, one without its token, one that is off, one that Meta's webhook is silent about, one that works. */
export type CloudState = 'none' | 'no_token' | 'off' | 'silent' | 'on';

/** Where the number stands. A number that was never told of may lack its webhook at Meta: that is said, not hidden behind "on". */
export function cloudState(cloud: Pick<Schemas['WaCloud'], 'phone_number_id' | 'has_token' | 'is_on' | 'last_webhook_at'>): CloudState {
  if (!cloud.phone_number_id) return 'none';
  if (!cloud.has_token) return 'no_token';
  if (!cloud.is_on) return 'off';
  return cloud.last_webhook_at ? 'on' : 'silent';
}

/** What Meta's codes are about, for somebody who can do something about it. */
function reasonOf(code: number): string | null {
  if (code === 0 || code === 190) return 'cloud-token';
  if (code === 3 || code === 10 || (code >= 200 && code <= 299)) return 'cloud-permission';
  if (code === 33 || code === 100) return 'cloud-number';
  return [368, 131030, 131031, 131042, 133010].includes(code) ? 'cloud-stopped' : null;
}

/**
 * Why Meta did not take the number, as an error of its own: the API says it in English, with Meta's code, and the console
 * speaks by codes alone. What it does not know stays what the API called it.
 */
export function refusedByMeta(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  if (error.code === 'unavailable') return new ApiError({ ...error.problem, code: 'cloud-unreachable' });
  if (error.code !== 'cloud-refused') return error;
  const found = /\(code (\d+)\)/.exec(error.problem.detail ?? '');
  const code = found && reasonOf(Number(found[1]));
  return code ? new ApiError({ ...error.problem, code }) : error;
}
