import { expect, it, vi } from 'vitest';

import { ApiError } from '@/api/problem';
import { AWAY, shown } from '@/shared/test/render';

import { type Asked, together } from './asked';
import { Answered } from './Page';

const GONE = new ApiError({ code: 'not-found', status: 404, title: '', type: 'about:blank' });

function asked(about: Partial<Asked>): Asked {
  return { isPending: false, error: null, refetch: vi.fn(), ...about };
}

it('several questions are answered when all are', () => {
  const there = asked({ data: 1 });
  expect(together(there, asked({ isPending: true })).isPending).toBe(true);
  expect(together(there, there)).toMatchObject({ isPending: false, error: null });
  expect(together(there, asked({ isPending: true })).data).toBeUndefined();
});

it('to try again asks those that failed, and no others', () => {
  const there = asked({ data: 1 });
  const failed = asked({ error: AWAY });
  const both = together(there, failed);
  expect(both.error).toBe(AWAY);
  both.refetch();
  expect(failed.refetch).toHaveBeenCalledOnce();
  expect(there.refetch).not.toHaveBeenCalled();
});

it('what is gone leads elsewhere where there is a way; what failed otherwise is tried again', () => {
  const seen = (error: Error, ifGone?: string) =>
    shown(
      <Answered query={asked({ error })} ifGone={ifGone}>
        {() => null}
      </Answered>,
      [],
      [],
    );
  expect(seen(GONE, 'all of them')).toContain('all of them');
  expect(seen(GONE, 'all of them')).not.toContain('Try again');
  expect(seen(GONE)).toContain('Try again');
  expect(seen(AWAY, 'all of them')).toContain('Try again');
  expect(seen(AWAY, 'all of them')).not.toContain('all of them');
});

it('what was there stays while the server is away, and goes when it is gone', () => {
  const seen = (query: Asked) => shown(<Answered query={query}>{() => <p>the list</p>}</Answered>, [], []);
  expect(seen(asked({ data: 1 }))).toContain('the list');
  expect(seen(asked({ isPending: true }))).not.toContain('the list');
  const away = seen(asked({ data: 1, error: AWAY }));
  expect(away).toContain('the list');
  expect(away).toContain('Try again');
  expect(seen(asked({ error: AWAY }))).not.toContain('the list');
  expect(seen(asked({ data: 1, error: GONE }))).not.toContain('the list');
});
