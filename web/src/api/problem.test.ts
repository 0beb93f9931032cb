import { describe, expect, it } from 'vitest';

import { ApiError, isSignedOut, offline, readProblem, refusedFields } from './problem';

describe('problems', () => {
  it('keeps the code of an answer of the API', () => {
    const body = { code: 'sole-owner', status: 409, title: 'Conflict', type: 'urn:x' };
    expect(readProblem(body, 409).code).toBe('sole-owner');
  });

  it('makes one of any other answer by its status', () => {
    for (const body of [undefined, 'Bad Gateway', null, { code: 7 }]) {
      expect(readProblem(body, 502)).toMatchObject({ code: 'status-502', status: 502 });
    }
  });

  it('names refused fields by their last part', () => {
    const errors = [{ pointer: '/value/amount', detail: 'expected a number' }];
    const error = new ApiError({ code: 'invalid', status: 400, title: '', type: '', errors });
    expect(refusedFields(error)).toEqual({ amount: 'expected a number' });
    expect(refusedFields(new Error('x'))).toEqual({});
  });

  it('knows who is signed out', () => {
    expect(isSignedOut(new ApiError({ code: 'unauthenticated', status: 401, title: '', type: '' }))).toBe(true);
    expect(isSignedOut(offline())).toBe(false);
  });
});
