import { expect, it } from 'vitest';

import type { Media } from '@/shared/data/chat';
import { shown } from '@/shared/test/render';

import { MessageFile } from './MessageFile';

const FILE = '/api/messages/msg_1/file';
const seen = (kind: string, media: Media) => shown(<MessageFile message={{ kind }} media={media} />, [], []);
const stored = (media_type: string, inline: boolean): Media => ({ state: 'stored', url: FILE, media_type, inline, bytes: 2048, file_name: 'a.bin' });

it('pictures are shown, sound and film are played', () => {
  expect(seen('image', stored('image/png', true))).toContain(`<img src="${FILE}"`);
  expect(seen('voice_note', stored('audio/ogg', true))).toContain('<audio');
  expect(seen('video', stored('video/mp4', true))).toContain('<video');
});

it('what the server does not call passive is only downloaded, whatever its sender called it', () => {
  const page = seen('image', stored('application/octet-stream', false));
  expect(page).not.toContain('<img');
  expect(page).toContain('download="a.bin"');
  expect(seen('document', stored('image/svg+xml', false))).not.toContain('<img');
});

it('a file that is not here says why', () => {
  expect(seen('video', { state: 'too_large', bytes: 100_000_000 })).toContain('100 MB');
  expect(seen('video', { state: 'too_large', over_limit: true, bytes: 1_000 })).toContain('no room');
  expect(seen('image', { state: 'absent' })).toContain('WhatsApp did not hand');
  expect(seen('image', {})).toContain('phone');
});

it('a voice message says whether its words stand below', () => {
  const note = (transcript: Media['transcript']) => seen('voice_note', { ...stored('audio/ogg', true), transcript });
  expect(note('waiting')).toContain('is being written down');
  expect(note('failed')).toContain('could not be written down');
});

it('the ending of a name comes last, whatever the language of the name', () => {
  const page = seen('document', { ...stored('application/pdf', false), file_name: 'הצעת מחיר 2026.pdf' });
  expect(page).toContain('<bdi dir="ltr"><bdi>הצעת מחיר 2026</bdi>.pdf</bdi>');
});
