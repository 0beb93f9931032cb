import { expect, it } from 'vitest';

import { exportOf, pick, readViews, withView } from './views';

it('reads back what it wrote', () => {
  const views = withView([], { name: 'חדשים', filter: { stage: 'stage_1', sort: '-created_at' } });
  expect(readViews(JSON.stringify(views))).toEqual(views);
});

it('anything else that is kept there is nothing', () => {
  for (const text of [null, '', '{', '7', '[{}]', '[{"name":"x","filter":7}]', '[null]']) {
    expect(readViews(text)).toEqual([]);
  }
});

it('a view of the same name is replaced, and there are not endlessly many', () => {
  let views = withView([{ name: 'a', filter: { q: '1' } }], { name: 'a', filter: { q: '2' } });
  expect(views).toEqual([{ name: 'a', filter: { q: '2' } }]);
  for (let n = 0; n < 30; n += 1) views = withView(views, { name: String(n), filter: {} });
  expect(views).toHaveLength(20);
});

it('a filter holds what is known of an address and nothing else', () => {
  expect(pick({ q: 'דנה', stage: '', view: 'board', evil: 'x' })).toEqual({ q: 'דנה' });
});

it('a file is asked for with the filter of the list', () => {
  expect(exportOf({ q: 'דנה', stage: 'stage_1' }, 'he')).toBe(`/api/crm/leads/export?q=${encodeURIComponent('דנה')}&stage_id=stage_1&language=he`);
  expect(exportOf({}, 'en')).toBe('/api/crm/leads/export?language=en');
});
