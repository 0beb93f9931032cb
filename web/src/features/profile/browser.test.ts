import { expect, it } from 'vitest';

import { browserOf } from './browser';

it('names browsers that claim to be others', () => {
  const chrome = 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Mobile Safari/537.36';
  expect(browserOf(chrome)).toBe('Chrome · Android');
  expect(browserOf(`${chrome} Edg/150.0`)).toBe('Edge · Android');
  expect(browserOf('Mozilla/5.0 (iPhone; CPU iPhone OS 19) AppleWebKit/605 Version/19 Mobile Safari/604')).toBe('Safari · iOS');
  expect(['node', 'curl/8', ''].map(browserOf)).toEqual([null, null, null]);
});
