// Contents of PROTOCOL.md that go out: parsed from JSON, and as the library wants them.

import { Readable } from 'node:stream';

import type { AnyMessageContent } from '@whiskeysockets/baileys';

import { Problem } from '../problem.js';
import { bool, number, object, optionalText, text, type Json } from '../http/parse.js';

export interface OutgoingMedia {
  readonly path: string;
  readonly mime: string;
  readonly bytes: number;
  readonly fileName: string | null;
}

export type Outgoing =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image' | 'video' | 'document'; readonly media: OutgoingMedia; readonly caption: string | null }
  | { readonly type: 'audio'; readonly media: OutgoingMedia; readonly voice: boolean }
  | { readonly type: 'location'; readonly latitude: number; readonly longitude: number; readonly name: string | null; readonly address: string | null }
  | { readonly type: 'contact'; readonly name: string; readonly phone: string }
  | { readonly type: 'reaction'; readonly emoji: string; readonly target: string; readonly targetFromMe: boolean };

/** Largest media by kind, bytes. */
export const LIMITS = { image: 5_000_000, audio: 16_000_000, video: 16_000_000, document: 99_999_999 } as const;
const MIMES: Record<keyof typeof LIMITS, RegExp> = {
  image: /^image\/(jpeg|png|webp)$/,
  audio: /^audio\/(ogg|mpeg|mp4|aac|amr)(;.*)?$/,
  video: /^video\/(mp4|3gpp)$/,
  document: /^[a-z]+\/[a-z0-9.+-]+$/i,
};
const MAX_TEXT = 4096;

/** Parses the `content` of a request. */
export function parseOutgoing(value: Json): Outgoing {
  const content = object(value, 'content');
  const type = text(content['type'], 'content.type', 20);
  switch (type) {
    case 'text':
      return { type, text: text(content['text'], 'content.text', MAX_TEXT) };
    case 'image':
    case 'video':
    case 'document':
      return { type, media: media(content['media'], type), caption: optionalText(content['caption'], 'content.caption', MAX_TEXT) };
    case 'audio':
      return { type, media: media(content['media'], type), voice: bool(content['voice'] ?? false, 'content.voice') };
    case 'location':
      return {
        type,
        latitude: number(content['latitude'], 'content.latitude', -90, 90),
        longitude: number(content['longitude'], 'content.longitude', -180, 180),
        name: optionalText(content['name'], 'content.name', 256),
        address: optionalText(content['address'], 'content.address', 1024),
      };
    case 'contact':
      return { type, name: text(content['name'], 'content.name', 256), phone: digits(content['phone'], 'content.phone') };
    case 'reaction':
      return {
        type,
        emoji: optionalText(content['emoji'], 'content.emoji', 32) ?? '',
        target: text(content['target'], 'content.target', 128),
        targetFromMe: bool(content['target_from_me'] ?? false, 'content.target_from_me'),
      };
    default:
      throw new Problem('invalid', `content.type ${JSON.stringify(type)} is not one of text, image, video, document, audio, location, contact, reaction`);
  }
}

/** Digits with the country code, no plus. */
export function digits(value: Json | undefined, field: string): string {
  const found = text(value, field, 15);
  if (!/^[1-9][0-9]{5,14}$/.test(found)) throw new Problem('invalid', `${field} must be 6 to 15 digits with the country code, without a plus`);
  return found;
}

function media(value: Json | undefined, kind: keyof typeof LIMITS): OutgoingMedia {
  const given = object(value, 'content.media');
  const path = text(given['path'], 'content.media.path', 2048);
  if (!path.startsWith('/') || path.startsWith('//')) throw new Problem('invalid', 'content.media.path must be a path of the backend and start with one slash');
  const mime = text(given['mime'], 'content.media.mime', 256);
  if (!MIMES[kind].test(mime)) throw new Problem('unsupported_media', `WhatsApp does not take ${mime} as ${kind}`);
  const bytes = number(given['bytes'], 'content.media.bytes', 1, Number.MAX_SAFE_INTEGER);
  if (bytes > LIMITS[kind]) throw new Problem('too_large', tooLarge(kind));
  return { path, mime, bytes, fileName: optionalText(given['file_name'], 'content.media.file_name', 256) };
}

/** What is said of media above the limit. */
export function tooLarge(kind: keyof typeof LIMITS): string {
  return `The file is too large for WhatsApp: ${kind} may have at most ${LIMITS[kind].toLocaleString('en')} bytes.`;
}

/** Characters that somebody would have typed. */
export function typedCharacters(content: Outgoing): number {
  if (content.type === 'text') return content.text.length;
  return 'caption' in content ? (content.caption?.length ?? 0) : 0;
}

/** As the library takes it; `stream` is the media's. */
export function libraryContent(content: Outgoing, chat: string, stream: Readable | null): AnyMessageContent {
  switch (content.type) {
    case 'text':
      // No preview: making one would fetch an address that somebody else wrote.
      return { text: content.text, linkPreview: null };
    case 'image':
      return { image: streamed(stream), mimetype: content.media.mime, ...caption(content) };
    case 'video':
      return { video: streamed(stream), mimetype: content.media.mime, ...caption(content) };
    case 'document':
      return { document: streamed(stream), mimetype: content.media.mime, fileName: content.media.fileName ?? 'document', ...caption(content) };
    case 'audio':
      return { audio: streamed(stream), mimetype: content.media.mime, ptt: content.voice };
    case 'location':
      return { location: { degreesLatitude: content.latitude, degreesLongitude: content.longitude, name: content.name, address: content.address } };
    case 'contact':
      return { contacts: { displayName: content.name, contacts: [{ displayName: content.name, vcard: vcard(content.name, content.phone) }] } };
    case 'reaction':
      return { react: { text: content.emoji, key: { remoteJid: chat, id: content.target, fromMe: content.targetFromMe } } };
  }
}

function streamed(stream: Readable | null): { stream: Readable } {
  if (!stream) throw new Error('a media message without its media');
  return { stream };
}

function caption(content: { readonly caption: string | null }): { caption?: string } {
  return content.caption === null ? {} : { caption: content.caption };
}

function vcard(name: string, phone: string): string {
  const safe = name.replace(/[\r\n;,\\]/g, ' ');
  return ['BEGIN:VCARD', 'VERSION:3.0', `FN:${safe}`, `TEL;type=CELL;waid=${phone}:+${phone}`, 'END:VCARD'].join('\n');
}
